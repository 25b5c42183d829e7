"""The steps of one call of Keras's train function, which may be several."""

import tensorflow as tf

from gtlog import _compat
from gtlog.records.collected import Capture


class Execution:
    """Tells a graph, while it runs, which of its steps are logged.

    The host knows the numbers of the steps, and which of them are due, before the graph runs. The
    graph asks the host only if one of them is due, and only in a `fit` with the callback.

    Args:
      gate: `Gate` of the logger.

    Attributes:
      asked: How many steps of the execution have asked.
      was_logged: Whether any step of it was logged, or is being logged.
    """

    def __init__(self, gate):
        self.asked, self.was_logged = 0, False
        self._gate = gate
        self._first, self._due = 0, []
        self._asks = None

    def start(self, first, due):
        """Begins an execution.

        Args:
          first: Number of its first step.
          due: List of whether each of its steps is logged.
        """
        self._first, self._due = first, due
        self.asked, self.was_logged = 0, False
        if any(due):
            self._variable().assign(True)

    def stop(self):
        """Ends the execution, also one that an exception has left."""
        if any(self._due):
            self._variable().assign(False)
            self._gate.shut(self._gate.capture)
        self._due = []

    def ask_in_graph(self):
        """Opens or shuts the gate for the step that begins at this point of the graph."""
        self._gate.set_by_host(self._variable(), self._answer)

    def _answer(self):
        position, self.asked = self.asked, self.asked + 1
        is_due = position < len(self._due) and self._due[position]
        self._gate.capture = Capture(self._first + position) if is_due else None
        self.was_logged = self.was_logged or is_due
        return is_due

    def _variable(self):
        if self._asks is None:
            self._asks = _compat.own_variable(False, tf.bool, "gtlog_fit")
        return self._asks
