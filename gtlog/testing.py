"""For tests of code that logs: reads event files back, and counts traces."""

from gtlog.reading.events import Events, LoggedValue, read_events

__all__ = ["Events", "LoggedValue", "assert_traced_at_most", "read_events"]


def assert_traced_at_most(function, n) -> None:
    """Asserts that a `tf.function` was traced at most `n` times.

    Args:
      function: The return value of `tf.function`, decorated by gtlog or not.
      n: Non-negative int.

    Raises:
      AssertionError: it was traced more often.
      TypeError: `function` is no `tf.function`.
    """
    # Imported here, since reading needs no TensorFlow.
    from gtlog import _compat

    if not _compat.is_tf_function(function):
        raise TypeError(
            f"function must be what tf.function returns, got {function!r} "
            f"({type(function).__name__})."
        )
    count = _compat.tracing_count(function)
    if count > n:
        name = getattr(function.python_function, "__name__", None) or repr(function)
        raise AssertionError(
            f"{name} was traced {count} times, at most {n} were "
            "allowed. The usual cause is an argument that is a Python number, such as the step: "
            "each new value makes a trace. Pass a tensor or a tf.Variable instead."
        )
