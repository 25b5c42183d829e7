"""What becomes of a failure of gtlog: it is said once, and never ends the user's training."""

import contextlib
import warnings

from gtlog.errors import LoggingError, LoggingWarning

POLICIES = ("warn", "raise")


class Failures:
    """Keeps what went wrong in gtlog's own part of a step until it may be said.

    Args:
      on_error: `"warn"` gives each distinct failure once as a `LoggingWarning`; `"raise"` raises
        the first failure of a step as a `LoggingError`, once the user's step has completed.

    Raises:
      ValueError: `on_error` is another value.
    """

    def __init__(self, on_error):
        if on_error not in POLICIES:
            raise ValueError(
                f"on_error must be 'warn' or 'raise', got {on_error!r}. 'warn' gives each distinct "
                "failure of gtlog once and goes on; 'raise' raises it after the step."
            )
        self._raises = on_error == "raise"
        self._said = set()
        self._pending = None

    def notice(self, message, once=None):
        """Warns once of something that cannot be logged although nothing failed.

        Args:
          message: What to say.
          once: What makes it the same message next time; None takes the text itself.
        """
        once = once or message
        if once not in self._said:
            self._said.add(once)
            warnings.warn(message, LoggingWarning, stacklevel=2)

    @contextlib.contextmanager
    def guard(self, doing, step=None):
        """Catches a failure of the block, which is gtlog's own work.

        Args:
          doing: What the block does, as in "gtlog could not <doing>".
          step: Number of the step that it does it for, where there is one.
        """
        try:
            yield
        except LoggingWarning:  # the user's filter makes an error of it
            raise
        except Exception as error:
            self.failed(doing, error, step)

    def failed(self, doing, error, step=None):
        """Takes a failure that was caught; see `guard`."""
        where = "" if step is None else f" at step {step}"
        what = f"{type(error).__name__}: {error}"
        message = f"gtlog could not {doing}{where}: {what}"
        if not self._raises:
            self.notice(message, once=f"{doing}: {what}")
        elif self._pending is None:
            self._pending = LoggingError(message)
            self._pending.__cause__ = error

    def raise_pending(self):
        """Raises the first failure since the last call, where `on_error` is `"raise"`."""
        pending, self._pending = self._pending, None
        if pending is not None:
            raise pending
