"""What a variable is called in TensorBoard: its path, and the role that its name tells."""

import hashlib
import re
import unicodedata

BIAS = "bias"
EMBEDDING = "embedding"
GAIN = "gain"
KERNEL = "kernel"
MOVING_STATISTIC = "moving_statistic"
OTHER = "other"
RECURRENT_KERNEL = "recurrent_kernel"

# The last component of a variable's name, as Keras 2 and 3, Sonnet 2 and hand-written modules give
# it, without a number that only makes it unique. The first expression that fits decides.
_ROLE_PATTERNS = (
    (BIAS, r"b|bias|biases|beta|offset|shift|.*_bias|b_.*"),
    (MOVING_STATISTIC, r"moving_.*|running_.*|.*moving_average.*"),
    (RECURRENT_KERNEL, r"recurrent_kernel|w_h|w_hh|recurrent_weights"),
    (EMBEDDING, r".*embeddings?"),
    (GAIN, r"gamma|gain|scale|alpha"),
    (KERNEL, r"w|kernel|weights?|.*_kernel|w_.*"),
)
_UNIQUE_NUMBER = re.compile(r"_\d+$")
_OUTPUT_NUMBER = re.compile(r":\d+$")
_MOST_CHARACTERS = 512
# What moves a terminal's cursor, reverses the order of a text, or is no text at all: controls,
# formats, surrogates, private and unassigned characters, line and paragraph separators.
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_DOTS = re.compile(r"(?<![^/])\.{1,2}(?![^/])")


def own_path(name):
    r"""The path that a variable's full name stands for: the name without its output number.

    Names come from users' models, and go to terminals and pages. Characters that are not text are
    written as `printable` writes them, components `.` and `..` as `_` and `__`, and a path of more
    than 512 characters is cut, with a digest of the whole.

    >>> own_path("sequential/dense/kernel:0")
    'sequential/dense/kernel'
    >>> own_path("../\x1b[2Jkernel:0")
    '__/\\x1b[2Jkernel'
    """
    path = _OUTPUT_NUMBER.sub("", name).strip("/") or "Variable"
    path = _DOTS.sub(lambda dots: "_" * len(dots.group()), printable(path))
    if len(path) <= _MOST_CHARACTERS:
        return path
    digest = hashlib.sha256(path.encode()).hexdigest()[:16]
    # The end tells the role.
    half = _MOST_CHARACTERS // 2 - len(digest)
    return f"{path[:half]}…{digest}…{path[-half:]}".strip("/")


def printable(text, most=None):
    r"""A text as it may be shown in a terminal or on a page: nothing in it acts.

    Args:
      text: Any `str`.
      most: Number of characters behind which it is cut; None keeps it whole.

    Returns:
      The text with each control, format, surrogate or unassigned character as its escape, but for
      line feeds where `most` is given: a message may have several lines, a name may not.

    >>> printable("kernel\x1b[31m")
    'kernel\\x1b[31m'
    """
    if most is not None and len(text) > most:
        text = f"{text[:most]}… ({len(text) - most} more characters)"
    if text.isascii() and text.isprintable():
        return text
    keep = "\n" if most is not None else ""
    return "".join(one if one in keep or not _acts(one) else _escaped(one) for one in text)


def _acts(character):
    return unicodedata.category(character) in _UNPRINTABLE


def _escaped(character):
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def path_of_shards(path):
    """The path of a variable that lies in shards, given that of a shard.

    >>> path_of_shards("embedding/embeddings/part_0")
    'embedding/embeddings'
    """
    return re.sub(r"/part_\d+$", "", path)


def role_of(path):
    """What a variable is, as the last component of its path tells.

    Returns:
      One of `"kernel"`, `"recurrent_kernel"`, `"bias"` (offsets included), `"embedding"`, `"gain"`,
      `"moving_statistic"`, `"other"`.

    >>> role_of("sequential/dense/kernel"), role_of("batch_normalization/beta_1")
    ('kernel', 'bias')
    """
    name = path.rsplit("/", 1)[-1].lower()
    name = _UNIQUE_NUMBER.sub("", name)
    for role, pattern in _ROLE_PATTERNS:
        if re.fullmatch(pattern, name):
            return role
    return OTHER


def unique_path(path, taken):
    """The path, or the path with the first free number where `taken` holds it already.

    >>> unique_path("dense/kernel", {"dense/kernel", "dense/kernel_1"})
    'dense/kernel_2'
    """
    candidate, number = path, 0
    while candidate in taken:
        number += 1
        candidate = f"{path}_{number}"
    return candidate


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
