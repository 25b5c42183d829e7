"""Whether the update is made outside of the step, so that the step logs the values before it.

A decorated function may return its gradients, and the program applies them after the call. A logged
step that changed nothing does not prove this: accumulation, a skipped update and frozen variables
look the same. The proof is that the same variables have changed when the next step begins.
"""

import numpy as np
import tensorflow as tf

from gtlog import _compat

_MOST_ELEMENTS = 1 << 20
_MOST_COMPARISONS = 3


class UpdateOutside:
    """Looks at the first logged steps, until it is known where the update is made.

    Args:
      failures: `Failures`.

    Attributes:
      is_waiting: Whether the next step has to be compared with the last one.
    """

    def __init__(self, failures):
        self._failures = failures
        self._unchanged = None
        self._remaining = _MOST_COMPARISONS
        self.is_waiting = False

    def before_step(self):
        """Compares with the last step, where Python begins the next one."""
        unchanged = self._take()
        if unchanged is None or unchanged[0].variable is None:
            return
        with self._failures.guard("compare a variable with its value after the last step"):
            with _compat.stop_recording():
                self._compare(unchanged, unchanged[0].read())

    def after_step(self, step, variables):
        """Looks at a logged step.

        Args:
          step: Its number.
          variables: List of (`KnownVariable`, `VariableRecord`).
        """
        if self.is_waiting:
            self._compare_in_graph(step, variables)
        if not self._remaining:
            return
        trained = [(known, one) for known, one in variables if _is_trained(one)]
        trained.sort(key=lambda pair: pair[1].value_extremes.size)
        if not trained or not all(map(_is_finite, (one for _, one in trained))):
            return
        if any(one.update_norm for _, one in trained):
            self._remaining = 0
            return
        moving = [pair for pair in trained if pair[1].gradient_norm]
        if moving and moving[0][1].value_extremes.size <= _MOST_ELEMENTS:
            known, one = moving[0]
            self._unchanged, self.is_waiting = (known, step, np.array(_flat(one.value))), True

    def _compare_in_graph(self, step, variables):
        """Compares with the value before the update, if a graph has run the very next step."""
        unchanged = self._take()
        if unchanged is None:
            return
        waiting, last, _ = unchanged
        before = [one.before for known, one in variables if known is waiting]
        if step == last + 1 and before and before[0] is not None:
            self._compare(unchanged, before[0])

    def _compare(self, unchanged, value):
        known, step, after_it = unchanged
        if not np.array_equal(_flat(value).view(np.uint8), after_it.view(np.uint8)):
            self._remaining = 0
            self._failures.notice(_message(step, known.path))

    def _take(self):
        """The values to compare, handed out once. None if another thread has taken them."""
        unchanged, self._unchanged = self._unchanged, None
        self.is_waiting = False
        self._remaining = max(0, self._remaining - 1)
        return unchanged


def _is_trained(variable):
    return variable.before is not None and variable.gradient is not None


def _is_finite(variable):
    return not variable.value_extremes.nonfinite and not variable.gradient_extremes.nonfinite


def _flat(value):
    return np.asarray(tf.reshape(value, [-1]))


def _message(step, path):
    return (
        f"Step {step} took gradients that are not zero and changed none of their variables, but "
        f"before the next step {path!r} had changed: the update is made outside of the step. So "
        "weights, biases and weight_norm are logged with their values before the update, and "
        "update_ratio is 0. Put the update (optimizer.apply_gradients) into the decorated "
        "function, or write `with log.step():` around both."
    )
