"""How tensors leave a graph that XLA compiles: as outputs of the function that is traced."""

import tensorflow as tf

from gtlog import _compat
from gtlog.graphs.handover import Handover


class ExtraOutputs(Handover):
    """A `Handover` for one trace of a second function.

    Attributes:
      capture: `Capture` of the logged step whose tensors are being handed over; None otherwise.
    """

    def __init__(self):
        self.capture = None
        self._tensors = []
        self._receivers = []

    def hand_over(self, tensors, callback):
        """Adds tensors to the outputs of the function that is being traced.

        Args:
          tensors: List of symbolic tensors to hand over.
          callback: Called with the eager tensors, each time that the function has run.
        """
        with _compat.stop_recording(), tf.name_scope("gtlog"):
            self._tensors.extend(tf.identity(tensor) for tensor in tensors)
        self._receivers.append((len(tensors), callback))

    def hand_over_values(self, known_variables, read, callback):
        """As `Handover.hand_over_values`; `read` is called at once."""
        with _compat.stop_recording():
            pairs = read()
        were_read = [known for known, _ in pairs]
        values = [value for _, value in pairs]
        self.hand_over(values, lambda *arrived: callback(list(zip(were_read, arrived))))

    def take_tensors(self):
        """Returns the tensors of the graph, and keeps none of them."""
        tensors, self._tensors = self._tensors, []
        return tensors

    def deliver(self, tensors, capture):
        """Gives the callbacks what the function has returned for the tensors of `take_tensors`."""
        self.capture = capture
        remaining = iter(tensors)
        for count, callback in self._receivers:
            callback(*(next(remaining) for _ in range(count)))
        self.capture = None
