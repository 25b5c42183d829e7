"""Parts of a summary that cost themselves alone where they cannot be read."""

from gtlog.values import Unreadable


def part(what, values):
    """Yields the values of one part; an `Unreadable` in place of those that cannot be computed.

    Args:
      what: What the part is, as in "the variable 'dense/kernel'".
      values: Generator that computes them when asked.
    """
    try:
        yield from values
    except Exception as error:
        yield Unreadable(what, error)


def of_each(variables, values_of):
    """Yields the values of several variables, each a part of its own.

    Args:
      variables: Iterable of `VariableRecord`.
      values_of: Generator function of one of them.
    """
    for variable in variables:
        yield from part(f"the variable {variable.path!r}", values_of(variable))


def numbers_of(variables, what, number_of):
    """Yields an `Unreadable` for each variable of which a number cannot be computed.

    Args:
      variables: Iterable of `VariableRecord`.
      what: What the number is taken of, as in "the gradient of".
      number_of: Function of a variable.

    Returns:
      List of the other numbers: what `yield from numbers_of(...)` gives.
    """
    numbers = []
    for variable in variables:
        try:
            numbers.append(number_of(variable))
        except Exception as error:
            yield Unreadable(f"{what} {variable.path!r}", error)
    return numbers
