"""Which step is running where the program is now.

A tape stands somewhere inside the user's function and must find the step that was opened around
it. A context variable holds it per thread and per task, so nothing is shared between two loggers,
threads or coroutines; outside a step it is None.

A distribution strategy runs the code of its replicas in threads of their own, which see no context
variable. But TensorFlow hands on to them the variable creators that are in force. So the step
travels in such a creator, which leaves each variable as it is.
"""

import contextvars
from typing import Any, Optional, Protocol

from gtlog import _compat
from gtlog.notices.failures import Failures


class Observation(Protocol):
    """What watches one `gradient` call of a tape."""

    def take(self, result: Any) -> None:
        """Takes what `gradient` returned, in the structure of the sources."""


class Step(Protocol):
    """What a tape meets: the step that it stands in, eager or being traced.

    Attributes:
      failures: `Failures` of the logger.
    """

    failures: Failures

    def tape_entered(self, tape: Any) -> None:
        """Notes that a tape records from now on."""

    def tape_exited(self, tape: Any) -> None:
        """Notes that a tape records no longer."""

    def observe(self, tape: Any, target: Any, sources: Any) -> Optional[Observation]:
        """Looks at a `gradient` call before TensorFlow computes it.

        Args:
          tape: The tape.
          target: As given to `gradient`; any structure of tensors.
          sources: As given to `gradient`; any structure of variables and tensors.

        Returns:
          An `Observation`, which takes the result of the call. None if nothing of it is logged.
        """


_ACTIVE_STEP = contextvars.ContextVar("gtlog_active_step", default=None)

enter_step = _ACTIVE_STEP.set
leave_step = _ACTIVE_STEP.reset


def active_step() -> Optional[Step]:
    """The innermost step that is open where the program is now; None outside a step."""
    step = _ACTIVE_STEP.get()
    if step is not None:
        return step
    carriers = (one for one in _compat.variable_creators() if isinstance(one, StepCarrier))
    return next((carrier.step for carrier in carriers), None)


class StepCarrier:
    """Takes a step along to the replicas that the program starts in this context.

    To TensorFlow it is a variable creator, which leaves each variable to the next creator.
    """

    def __init__(self, step):
        self.step = step

    def __enter__(self):
        _compat.enter_variable_creator(self)
        return self

    def __exit__(self, kind, error, traceback):
        _compat.leave_variable_creator(self)
        self.step = None  # A graph or thread may have kept the creator.

    def __call__(self, next_creator, **arguments):
        return next_creator(**arguments)
