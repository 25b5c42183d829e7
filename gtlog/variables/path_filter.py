"""Which variables are logged, by regular expressions on their paths."""

import re


class PathFilter:
    """Chooses variables by regular expressions on their paths.

    Args:
      include: Regular expression, or several; a path must match one of them anywhere. None takes
        every path.
      exclude: Regular expression, or several; a path that matches one of them anywhere is left out.

    Raises:
      TypeError: an expression is no string.
      ValueError: an expression does not compile.
    """

    def __init__(self, include=None, exclude=None):
        self.include = _compiled("include", include)
        self.exclude = _compiled("exclude", exclude)

    def __call__(self, path):
        """Whether a variable with this path is logged."""
        wanted = self.include is None or any(e.search(path) for e in self.include)
        return wanted and not any(e.search(path) for e in self.exclude or ())


def _compiled(parameter, expressions):
    if expressions is None:
        return None
    if isinstance(expressions, (str, re.Pattern)):
        expressions = (expressions,)
    try:
        expressions = tuple(expressions)
    except TypeError:
        raise _no_expression(parameter, expressions) from None
    return tuple(_compiled_one(parameter, expression) for expression in expressions)


def _compiled_one(parameter, expression):
    if not isinstance(expression, (str, re.Pattern)):
        raise _no_expression(parameter, expression)
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(
            f"{parameter}={expression!r} is no valid regular expression: {error}. "
            f"It is searched for in paths such as 'sequential/dense/kernel'; re.escape() makes "
            "an expression of a literal path."
        ) from error


def _no_expression(parameter, value):
    return TypeError(
        f"{parameter} must be a regular expression or a sequence of them, "
        f"got {value!r} ({type(value).__name__}). Write {parameter}=r'dense/kernel$', for example."
    )
