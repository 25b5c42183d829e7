"""Which steps are lost while nothing can be written."""


class Outage:
    """Counts the steps that could not be written, until writing works again.

    Args:
      failures: `Failures`, which warns of the first failure, and of the lost steps at the end.
      writer: `EventWriter` of the logger.
    """

    def __init__(self, failures, writer):
        self._failures = failures
        self._writer = writer
        self._steps = None

    def lost(self, step, error):
        """Counts a step that could not be written."""
        if self._steps is None:
            self._steps = (step, step, 0)
        first, _, count = self._steps
        self._steps = (first, step, count + 1)
        self._failures.failed(
            f"write to {self._writer.sink}",
            error,
            step,
            consequence=_CONSEQUENCES[self._writer.sink.is_reliable],
            once=("outage", first),
        )

    def over(self, step=None):
        """Reports the lost steps, if there are any.

        Args:
          step: The step that could be written, or None at the end of the logger.
        """
        if self._steps is None:
            return
        (first, last, count), self._steps = self._steps, None
        sink = self._writer.sink
        what = f"Steps {first} to {last} are lost" if count > 1 else f"Step {first} is lost"
        then = "It was so to the end."
        if step is not None:
            then = (_AGAIN if sink.is_reliable else _AGAIN_BEHIND_HALF_A_RECORD).format(step)
        self._failures.notice(f"{what} ({count} logged): {sink} could not be written to. {then}")


_CONSEQUENCES = {
    True: "Training goes on; gtlog tries again at each logged step, and then says what is lost.",
    False: "Training goes on. gtlog cannot make a SummaryWriter of yours anew: pass the log "
    "directory itself, and it goes on in a new event file when it can.",
}
_AGAIN = "Step {} is written again."
_AGAIN_BEHIND_HALF_A_RECORD = (
    "TensorFlow takes events again since step {}, but after half a record, where no reader may "
    "find them: make a new writer."
)
