"""A sink that the user has given: which methods it must have, and which it may have."""

import inspect

from gtlog.writing.sink import Sink

_RULE = "A sink is an object with a method write(step, values)"


class GivenSink(Sink):
    """A `Sink` around an object of the user's, which needs no method but `write`.

    Args:
      sink: Object with `write(step, values)`. It may also have `flush()`, `close()`,
        `earlier_steps()` and `add_report(html)`. `add_report` is called at the end, unless the
        attribute `takes_report` is False.

    Raises:
      TypeError: `sink` has no such method, or is a class.
    """

    is_reliable = True

    def __init__(self, sink):
        self.given = _checked(sink)

    def __str__(self):
        has_name = type(self.given).__str__ is not object.__str__
        return str(self.given) if has_name else f"the sink {type(self.given).__name__}"

    @property
    def takes_report(self):
        """Whether the report of the run is to be added at the end."""
        return hasattr(self.given, "add_report") and getattr(self.given, "takes_report", True)

    def write(self, step, values):
        """Hands the values of a step on."""
        self.given.write(step, tuple(values))

    def add_report(self, html):
        """Hands the report on.

        Args:
          html: The page as one file, `str`.
        """
        self.given.add_report(html)

    def earlier_steps(self):
        """The first and the last step that the sink says it has; None if it says nothing."""
        return self._call("earlier_steps")

    def flush(self):
        """Flushes the sink, if it has `flush`."""
        self._call("flush")

    def check(self):
        """Does nothing: only the sink knows what becomes of what was written."""

    def close(self):
        """Closes the sink, if it has `close`."""
        self._call("close")

    def _call(self, name):
        method = getattr(self.given, name, None)
        return None if method is None else method()


def _checked(sink):
    if isinstance(sink, type):
        raise TypeError(
            f"writer got the class {sink.__name__}. Make a sink of it: {sink.__name__}()."
        )
    if not callable(getattr(sink, "write", None)):
        raise TypeError(f"{_RULE}, got {sink!r} ({type(sink).__name__}).")
    try:
        inspect.signature(sink.write).bind(0, ())
    except ValueError:  # it does not tell its parameters
        return sink
    except TypeError:
        raise TypeError(
            f"{_RULE}, got {sink!r} ({type(sink).__name__}), whose write cannot be called with "
            "these two."
        ) from None
    return sink
