"""Steps of a plain loop, separated by its tapes alone.

An inline loop has no function to decorate: a tape that was handed the logger begins a step, and the
update follows somewhere after it. So a step is written when the next one begins, which is after
its own update.
"""

from gtlog.steps.eager import EagerStep


class InlineStep(EagerStep):
    """An eager step that no function surrounds.

    Attributes:
      is_differentiated: Whether a gradient was taken, so that a new tape begins the next step.
      is_closed: Whether it was logged or dropped. What its tapes do afterwards is no part of it.
    """

    is_differentiated = False
    is_closed = False

    def tape_exited(self, tape):
        """Finds the variables that the tape watched."""
        super().tape_exited(tape)
        with self.failures.guard("find the variables of a tape"):
            self._read_watched(tape)

    def _read_watched(self, tape):
        if self.is_logged or not self.registry.has_variables:
            self.read(tape.watched_variables())

    def observe(self, tape, target, sources):
        """As `Step.observe`."""
        if self.is_closed:
            return None
        self.is_differentiated = True
        return super().observe(tape, target, sources)

    @property
    def is_over(self):
        """Whether the tapes of the step have done their work."""
        return self.is_differentiated and not self._tapes.any_records


class PendingStep:
    """The step of a plain loop that is under way. A logger that ends has only this to finish.

    Attributes:
      step: An `InlineStep`, or None if nothing is pending.
    """

    def __init__(self):
        self.step = None

    def finish(self):
        """Logs the step if its tapes have done their work."""
        if self.step is not None and self.step.is_over:
            self.take().finish()

    def take(self):
        """The step, closed and pending no longer."""
        step, self.step = self.step, None
        step.is_closed = True
        return step


class InlineSteps:
    """The steps of a plain loop, one after the other.

    Args:
      parts: `LoggerParts`.

    Attributes:
      pending: `PendingStep`, the one that is under way.
    """

    def __init__(self, parts):
        self._parts = parts
        self.pending = PendingStep()

    def for_new_tape(self):
        """The step of the tape that is entered now.

        Usually it is the current step. If a gradient was taken in that step and none of its tapes
        records any more, the step is over and a new one begins.
        """
        self.pending.finish()
        if self.pending.step is None:
            step = InlineStep(self._parts)
            step.begin()
            self.pending.step = step
        return self.pending.step

    def abandon(self, step):
        """Drops a step that an exception left."""
        if step is self.pending.step:
            self.pending.take().abandon()
