"""What becomes of a failure of gtlog: it is said once, and by default training goes on."""

import collections

from gtlog.errors import LoggingError, LoggingWarning
from gtlog.notices import text
from gtlog.notices.users_line import Line, calling_line

POLICIES = ("warn", "raise")
_MOST_CHARACTERS = 4000
_NOWHERE = Line("gtlog", 1)


ALL_ELSE = "All else of the step is logged; norms and ratios are of what could be read."


class _Guard:
    """Hands a failure of its block on. To make it by a generator would take three times as long."""

    __slots__ = ("_failures", "_doing", "_step")

    def __init__(self, failures, doing, step):
        self._failures = failures
        self._doing = doing
        self._step = step

    def __enter__(self):
        return None

    def __exit__(self, kind, error, traceback):
        # A LoggingWarning is raised where the user's filter makes an error of it.
        if not isinstance(error, Exception) or isinstance(error, LoggingWarning):
            return False
        self._failures.failed(self._doing, error, self._step)
        return True


class Failures:
    """Keeps what went wrong in gtlog's own part of a step until it may be said.

    A warning points at the line of the user's program that runs when it is given.

    Args:
      on_error: `"warn"` gives each distinct failure once as a `LoggingWarning`; `"raise"` raises
        the first failure of a step as a `LoggingError`, once the user's step has completed.

    Attributes:
      home: `Line` that a warning points at if no line of the user's runs, as in a callback of
        TensorFlow. At first the line that made this object.

    Raises:
      ValueError: `on_error` is another value.
    """

    def __init__(self, on_error):
        if on_error not in POLICIES:
            raise ValueError(
                f"on_error must be 'warn' or 'raise', got {on_error!r}. 'warn' gives each distinct "
                "failure of gtlog once and goes on; 'raise' raises it after the step."
            )
        self.home = calling_line() or _NOWHERE
        self._raises = on_error == "raise"
        self._said = {}
        self._put_off = collections.deque()
        self._pending = None

    def notice(self, message, once=None):
        """Warns once of something that cannot be logged although nothing failed.

        Args:
          message: What to say.
          once: Key that tells whether the message was given before; None takes the text itself.
        """
        this = object()
        # One operation: threads may share a logger.
        if self._said.setdefault(once or message, this) is this:
            line = calling_line() or self.home
            line.warn(text.printable(message, _MOST_CHARACTERS), LoggingWarning)

    def guard(self, doing, step=None):
        """A context manager that catches a failure of its block, which is gtlog's own work.

        Args:
          doing: What the block does, as in "gtlog could not <doing>".
          step: Number of the step that the work is for, if there is one.
        """
        return _Guard(self, doing, step)

    def each(self, doing, items, work, step=None):
        """Does the same work on several parts of a step. A part that fails costs no other part.

        Args:
          doing: Function from an item to what is done with it, as for `guard`.
          items: Iterable.
          work: Function of an item.
          step: As for `guard`.

        Returns:
          List of pairs: an item, and what `work` returned for it. Items that failed are left out.
        """
        done = []
        for item in items:
            try:
                done.append((item, work(item)))
            except LoggingWarning:
                raise
            except Exception as error:
                self.failed(doing(item), error, step, consequence=ALL_ELSE)
        return done

    def failed(self, doing, error, step=None, *, consequence=None, once=None):
        """Takes a failure that was caught; see `guard`.

        Args:
          doing: As for `guard`.
          error: The exception.
          step: As for `guard`.
          consequence: Sentences to add to the warning.
          once: Key that tells whether the failure was given before; None takes its text.
        """
        where = "" if step is None else f" at step {step}"
        what = f"{type(error).__name__}: {error}"
        message = f"gtlog could not {doing}{where}: {what}"
        if not self._raises:
            warning = f"{message}. {consequence}" if consequence else message
            self.notice(warning, once=once or f"{doing}: {what}")
        elif self._pending is None:
            self._pending = LoggingError(text.printable(message, _MOST_CHARACTERS))
            self._pending.__cause__ = error

    def put_off(self, work):
        """Has something done once the step has completed, outside of any guard.

        Args:
          work: Called without arguments by `raise_pending`. What it raises reaches the user.
        """
        self._put_off.append(work)

    def raise_pending(self):
        """Does what was put off until the step has completed.

        Then it raises the first failure since the last call, where `on_error` is `"raise"`.
        """
        while self._put_off:
            self._put_off.popleft()()
        pending, self._pending = self._pending, None
        if pending is not None:
            raise pending
