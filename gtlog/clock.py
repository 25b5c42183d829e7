"""The number of each step, and whether it is logged: decided once, before the step runs."""

import tensorflow as tf


class Clock:
    """Numbers the steps of one logger.

    Args:
      step_number: Source of numbers (`gtlog.step_number`).
      schedule: `Schedule`.
      failures: `Failures`; where the user's own schedule or step raises, the step is not logged.
    """

    def __init__(self, step_number, schedule, failures):
        self._step_number = step_number
        self._schedule = schedule
        self._failures = failures

    def begin(self):
        """Begins a step: its number and whether it is logged; (None, False) after a failure."""
        try:
            number = self._step_number.read()
            return number, bool(self._schedule(number))
        except Exception as error:
            self._failures.failed("tell whether to log a step", error)
            return None, False

    def begin_in_graph(self):
        """The same as symbolic tensors: int64 and bool scalars, new each time that the graph runs.

        A schedule that only Python can ask, such as the user's own callable, is asked on the host.
        """
        with tf.name_scope("gtlog"):
            number = self._step_number.read_in_graph()
            is_due = self._schedule.in_graph(number)
            if is_due is None:
                is_due = tf.py_function(self._is_due, [number], tf.bool)
                is_due.set_shape(())
            return number, is_due

    def logging(self):
        """A context manager around the work of a logged step: a schedule may measure its cost."""
        return self._schedule.logging()

    def _is_due(self, number):
        try:
            return bool(self._schedule(int(number)))
        except Exception as error:
            self._failures.failed("tell whether to log a step", error)
            return False
