"""Steps that train with a tape that gtlog does not see."""

from gtlog import _compat

_LOGGED_STEPS = 10


class UnseenGradients:
    """Reports once that a step trains, and that only its weights and biases can be logged.

    A step trains if weights have changed from one logged step to the next. The numbers that the
    summaries have computed show that; nothing is computed for it.

    Args:
      failures: `Failures`, which gives the notice.
      is_asked_for: Whether gradients are wanted at all, as the stock summaries want them.
    """

    def __init__(self, failures, is_asked_for):
        self._failures = failures
        self._left = _LOGGED_STEPS if is_asked_for else 0
        self._last = {}

    def settle(self):
        """Ends the search: a tape was seen, or it is known why there is none."""
        self._left = 0
        self._last = {}

    def look(self, record, values):
        """Looks at a logged step.

        Args:
          record: `StepRecord` that the summaries have run on.
          values: List of (`KnownVariable`, value), from which the record was made.
        """
        if not self._left:
            return
        self._left -= 1
        trained = {known.path for known, _ in values if _is_trained_here(known.variable)}
        now = {one.path: _numbers_of(one) for one in record.variables if one.path in trained}
        changed = [path for path in now if self._last.get(path, now[path]) != now[path]]
        self._last = now
        if changed:
            self.settle()
            self._failures.notice(_UNSEEN.format(changed[0], record.step))


def _is_trained_here(variable):
    return variable is not None and variable.trainable and not _compat.is_on_server(variable)


def _numbers_of(variable):
    """Numbers that were computed for a value already. They differ where two values differ."""
    known = vars(variable)  # cached properties keep what was asked for here
    extremes = known.get("value_extremes")
    bounds = None if extremes is None else (extremes.minimum, extremes.maximum)
    return repr((bounds, known.get("value_norm")))  # NaN equals itself as text


_UNSEEN = (
    "The logged step changes {!r}, and up to step {} gtlog has seen no "
    "gtlog.InstrumentedTape in it: weights and biases are logged, gradients, updates and loss are "
    "not. To see them too, write gtlog.InstrumentedTape() in place of tf.GradientTape(). Where "
    "weights and biases are all that you want, name the summaries, and nothing is said: "
    "summaries=[gtlog.summaries.histograms()]."
)
