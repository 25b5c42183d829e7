"""Reading variables: many of them at once where that is possible, each by itself elsewhere."""

import tensorflow as tf

from gtlog import _compat

BEFORE_UPDATE = " before the update"
_FEW = 4  # variables that are as quick to read one by one


def read_each(known_variables, failures, when="", step=None):
    """Reads variables at this point of the program. One that cannot be read costs no other.

    Args:
      known_variables: Iterable of `KnownVariable`.
      failures: `Failures`, which reports each variable that cannot be read.
      when: When in the step they are read, for the message.
      step: Number of the step, where it is known.

    Returns:
      List of (`KnownVariable`, value), of those that could be read.
    """
    known_variables = list(known_variables)
    values = _read_together(known_variables)
    return failures.each(
        lambda known: f"read the variable {known.path!r}{when}",
        known_variables,
        lambda known: values[known] if known in values else known.read(),
        step,
    )


def read_plain(variable):
    """The value of a variable without copies, at this point of the program."""
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


def _read_together(known_variables):
    """Dict from `KnownVariable` to eager value, of all that one operation can read."""
    if len(known_variables) < _FEW or not tf.executing_eagerly():
        return {}
    pairs = [(known, known.plain_variable) for known in known_variables]
    pairs = [(known, variable) for known, variable in pairs if variable is not None]
    try:
        values = _compat.read_variables([variable for _, variable in pairs])
    except Exception:  # each is read by itself then, and the failure names its variable
        return {}
    return {known: value for (known, _), value in zip(pairs, values)}
