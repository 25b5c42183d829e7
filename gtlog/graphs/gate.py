"""How the tensors of a logged step leave a graph: through a gate that is shut on all other steps.

A step that is traced once must serve logged and unlogged steps alike, since a second trace would
have a random state of its own. So a `tf.cond` on a variable decides, each time that the graph runs,
whether tensors are handed to a callback on the host.
"""

import contextlib
import threading

import tensorflow as tf

from gtlog import _compat
from gtlog.graphs.handover import Handover

_FEW = 4  # tensors that are quicker to trace as they are


class Gate(Handover):
    """A switch that graphs read while they run, and the capture that receives what passes.

    The variables of the switch are made when the first graph needs them.

    A graph cannot tell which of two steps runs it. Where steps overlap (threads that share a
    logger, a step inside a step), the capture is marked, and what came out of graphs is not used.

    Attributes:
      capture: `Capture` of the logged step that runs now; None outside a logged step.
      running: The steps that run now, logged or not.
    """

    def __init__(self):
        self.capture = None
        self.running = set()
        self._is_open = None
        self._order = None
        self._lock = threading.Lock()

    def open(self, capture):
        """Opens the gate: what the graphs of this step hand over goes into `capture`."""
        other, self.capture = self.capture, capture
        if len(self.running) > 1:
            capture.is_mixed = True
            self.mark_overlap(other)
        if self._is_open is not None:
            self._is_open.assign(True)

    @staticmethod
    def mark_overlap(capture):
        """Marks the capture of a step, since another step has begun during it."""
        if capture is not None:
            capture.is_mixed = True

    def shut(self, capture):
        """Ends the logged step and shuts the gate, unless another step has opened it since."""
        if self.capture is not capture:
            return
        self.capture = None
        if self._is_open is not None:
            self._is_open.assign(False)

    def set_in_graph(self, is_open):
        """Opens or shuts the gate at this point of the graph that is being traced.

        Args:
          is_open: Symbolic bool scalar.
        """
        self._make_variables()
        self._is_open.assign(is_open)

    def set_by_host(self, asks, answer):
        """Opens or shuts the gate at this point of the graph, as the host says each time.

        Args:
          asks: bool variable on the host; where it is False, nobody is asked and the gate is shut.
          answer: Called without arguments on the host; returns whether the gate is open.
        """
        self._make_variables()
        is_open = self._cond(asks.read_value(), lambda: self._answered(answer), ())
        self._is_open.assign(is_open)

    def hand_over(self, tensors, callback):
        """Adds a branch to the current graph that runs where the gate is open.

        Args:
          tensors: Symbolic tensors to hand over.
          callback: Called on the host with the eager tensors. If it raises, the user's step ends.
            The graph keeps the callback, and with it this gate.
        """
        self._add_branch(self._packed(tensors), callback, known_variables=())

    def _packed(self, tensors):
        """A function that makes the tensors inside a branch. Each input of it is slow to trace."""
        if len(tensors) < _FEW or not _compat.computes_on_host_alone():
            return lambda: tensors
        with _compat.stop_recording(), tf.name_scope("gtlog"):
            return _compat.packed(tensors)

    def hand_over_values(self, known_variables, read, callback):
        """As `hand_over`, of the values that variables have at this point of the program.

        Args:
          known_variables: List of `KnownVariable`, all that may be read.
          read: Called where the values are to be read; returns list of (`KnownVariable`, value).
          callback: Called on the host with the same list, of eager values.
        """
        were_read = []

        def make_tensors():
            pairs = read()
            were_read[:] = [known for known, _ in pairs]
            return [value for _, value in pairs]

        self._add_branch(
            make_tensors, lambda *values: callback(list(zip(were_read, values))), known_variables
        )

    def hand_over_run(self, known_variables, run, callback):
        """As `hand_over`, of tensors that are computed only where the gate is open.

        Args:
          known_variables: List of `KnownVariable`, all that may be read.
          run: Called where they are to be computed; returns symbolic tensors.
          callback: Called on the host with the eager tensors.
        """
        self._add_branch(run, callback, known_variables)

    def _add_branch(self, make_tensors, callback, known_variables):
        self._make_variables()
        self._cond(
            self._is_open.read_value(),
            lambda: self._on_host(make_tensors(), callback),
            known_variables,
        )

    def _cond(self, condition, branch, known_variables):
        """The bool that the branch returns; False if the condition is False."""
        is_whole = self._may_be_whole(known_variables)
        place = tf.device("/cpu:0") if is_whole else contextlib.nullcontext()
        with _compat.stop_recording(), tf.name_scope("gtlog"), place:
            outcome = tf.cond(condition, branch, lambda: tf.constant(False))
            if is_whole:
                _compat.keep_whole(outcome)
            return outcome

    def _answered(self, answer):
        answered = tf.py_function(answer, [], tf.bool)
        answered.set_shape(())
        with tf.control_dependencies([answered]):
            self._order.assign_add(1)
        return tf.identity(answered)

    def _may_be_whole(self, known_variables):
        """Whether a branch may run as one operation, on the device where the gate is."""
        here = self._order.device
        return _compat.computes_on_host_alone() and all(
            getattr(known.variable, "device", None) == here for known in known_variables
        )

    def _on_host(self, tensors, callback):
        arrived = tf.py_function(lambda *arguments: self._receive(callback, arguments), tensors, [])
        # A write in every branch makes TensorFlow run the branches in program order, through
        # nested functions and loops as well: automatic control dependencies follow the variable.
        with tf.control_dependencies([arrived]):
            self._order.assign_add(1)
        return tf.constant(True)

    def _receive(self, callback, tensors):
        self._note_graph(self.capture)
        callback(*tensors)

    @staticmethod
    def _note_graph(capture):
        if capture is not None:
            capture.is_from_graph = True

    def _make_variables(self):
        with self._lock:  # threads may trace at the same time
            if self._is_open is None:
                self._order = _compat.own_variable(0, tf.int64, "gtlog_order")
                is_open = self.capture is not None
                self._is_open = _compat.own_variable(is_open, tf.bool, "gtlog_gate")
