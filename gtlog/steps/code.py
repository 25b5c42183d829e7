"""The code of a step in one thread, and how the tapes in it find the step."""

import contextlib

from gtlog import _compat
from gtlog.steps.active_step import StepCarrier, enter_step, leave_step


class StepCode:
    """A context manager around the code of a step in one thread. Tapes in it find the step.

    Args:
      step: The step, which has begun.
    """

    def __init__(self, step):
        self._step = step
        self._failures = step.failures
        self._watching = None

    def __enter__(self):
        with self._failures.guard("watch what the step reads"):
            if self._step.is_watched:
                self._watch()
        self._token = enter_step(self._step)
        return self

    def __exit__(self, kind, error, traceback):
        leave_step(self._token)
        if self._watching is not None:
            with self._failures.guard("watch what the step reads"):
                self._watching.close()

    def _watch(self):
        watcher = _compat.variable_watcher()
        with contextlib.ExitStack() as entering:
            # TensorFlow crashes if a watcher is asked for its variables and was never entered.
            entering.enter_context(StepCarrier(self._step))
            entering.enter_context(watcher)
            self._watching = contextlib.ExitStack()
            self._watching.callback(lambda: self._step.read(watcher.watched_variables()))
            self._watching.push(entering.pop_all())
