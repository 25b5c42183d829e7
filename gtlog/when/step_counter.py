"""The number of each step, and whether it is logged: decided once, before the step runs."""

import tensorflow as tf


class StepCounter:
    """Numbers the steps of one logger.

    Args:
      step_number: Source of numbers (`gtlog.when.step_number`).
      schedule: `Schedule`.
      failures: `Failures`; where the user's own schedule or step raises, the step is not logged.

    Attributes:
      is_in_graph: Whether a graph that was traced numbers and schedules its steps itself.
    """

    def __init__(self, step_number, schedule, failures):
        self._step_number = step_number
        self._schedule = schedule
        self._failures = failures
        self._ahead = None
        self._asked_ahead = {}
        self._left_to_graph = None
        self._last = None
        self.is_in_graph = False

    @property
    def is_ahead(self):
        """Whether the step that runs now was begun by `begin_ahead`."""
        return self._ahead is not None

    def begin(self):
        """Begins a step: its number and whether it is logged; (None, False) after a failure."""
        begun, self._ahead = self._ahead, None
        if begun is None:
            begun = self._asked(self._step_number.read)
        else:
            self._step_number.skip(1)
        self._last = begun[0]
        return begun

    def latest(self):
        """Number of the step that was begun last; 0 before the first."""
        if self._last is not None and not self.is_in_graph:
            return self._last
        return max(self._step_number.latest(), 0)

    def begin_ahead(self):
        """As `begin`, for a step whose code may still call `begin`, and then gets this answer."""
        number, is_due = self._ahead or self._asked(self._step_number.peek)
        self._ahead = number, is_due
        return number, is_due

    def look_ahead(self, count):
        """List of bool: whether each of the `count` steps that `begin_ahead` began is logged.

        The schedule is asked once for each step, even if a later call begins some of them.
        """
        first, is_due = self._ahead
        if first is None:
            return [False] * count
        later = [self._is_due_ahead(number) for number in range(first + 1, first + count)]
        return [is_due, *later]

    def end_ahead(self, count):
        """Ends what `begin_ahead` has begun, which has become `count` steps.

        Returns:
          Number of the last step, and whether any of the steps is logged; (None, False) if the code
          has begun its steps itself, or the first has no number after a failure.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return None, False
        self._step_number.skip(count)
        first, is_due = ahead
        if first is None:
            return None, False
        self._last = last = first + count - 1
        more = [self._is_due_ahead(number) for number in range(first + 1, last + 1)]
        for number in range(first + 1, last + 1):
            del self._asked_ahead[number]
        return last, is_due or any(more)

    def begin_in_graph(self):
        """As `begin`, but symbolic: int64 and bool scalars, new each time that the graph runs.

        A schedule that only Python can ask, such as the user's own callable, is asked on the host.
        """
        self.is_in_graph = True
        if self._ahead is not None:  # a first call that makes variables traces twice
            self._left_to_graph, self._ahead = self._ahead, None
        with tf.name_scope("gtlog"):
            number = self._step_number.read_in_graph()
            is_due = self._schedule.in_graph(number)
            if is_due is None:
                is_due = tf.py_function(self._is_due_in_graph, [number], tf.bool)
                is_due.set_shape(())
            return number, is_due

    def logging(self):
        """A context manager around the work of a logged step: a schedule may measure its cost."""
        return self._schedule.logging()

    def _is_due_in_graph(self, number):
        left, self._left_to_graph = self._left_to_graph, None
        if left is not None and left[0] == int(number):
            return left[1]
        return self._is_due(int(number))

    def _is_due_ahead(self, number):
        if number not in self._asked_ahead:
            self._asked_ahead[number] = self._is_due(number)
        return self._asked_ahead[number]

    def _is_due(self, number):
        return self._asked(lambda: number)[1]

    def _asked(self, read_number):
        try:
            number = read_number()
            if number in self._asked_ahead:
                return number, self._asked_ahead.pop(number)
            return number, bool(self._schedule(number))
        except Exception as error:
            self._failures.failed("decide whether to log a step", error)
            return None, False
