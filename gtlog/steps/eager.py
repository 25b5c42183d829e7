"""A step that Python runs, and the post-hook after it."""

import tensorflow as tf

from gtlog import _compat
from gtlog.records.collected import Capture
from gtlog.steps import messages
from gtlog.steps.observing.observations import EagerObservation
from gtlog.steps.step import RunningStep


class EagerStep(RunningStep):
    """A step that Python runs.

    Attributes:
      number: Number of the step, once begun.
      is_logged: Whether it is logged, once begun.
      is_compiled: Whether the decorated function itself is compiled by XLA.
      function: The `tf.function` object, if the step is one call of it; else None.
      outputs: While the second function of such a step is traced, its `ExtraOutputs`.
    """

    is_compiled = False
    outputs = function = None

    @property
    def is_watched(self):
        """Whether to watch what the step reads, and to carry the step to the replicas' threads."""
        registry = self.registry
        return self.is_logged or not registry.has_variables or registry.is_distributed

    def read(self, variables):
        """Notes variables that the step has read."""
        with self.failures.guard("find the variables", self.number):
            self._read += self.registry.add_all(variables)
            if self.is_logged:
                self._of_model = self.registry.add_model(self.model)
                self._alive += variables  # the end of the step reads also those that it made itself

    def touched(self, known_variables):
        """Notes variables that the step uses, also those that other threads read."""
        self._read += known_variables

    def calls(self, captured):
        """Notes all variables that the step reads, as its `tf.function` lists them."""
        self._captured = captured

    def read_at_call(self):
        """Reads the values before the update that the graph of `function` leaves to the host."""
        with self.failures.guard("read the values before the update", self.number):
            known_variables = self._values_at_call.of(self.function)
            self._values_at_call.read(known_variables, self._capture)

    def _is_read_at_call(self, known_variables):
        return self.function is not None and self._values_at_call.take_over(
            self.function, known_variables, self._capture
        )

    @property
    def capture(self):
        """The `Capture` of a logged step, once begun. None if it is not logged."""
        return self._capture

    @property
    def shows_what_is_trained(self):
        """Whether a tape was asked for the gradient of any variable so far."""
        return self._capture is not None and self._capture.shows_what_is_trained

    @property
    def has_gradients(self):
        """Whether a tape has handed over gradients so far."""
        return self._capture is not None and self._capture.has_gradients

    def begin(self):
        """Numbers the step and, where it is logged, opens the gate for its graphs."""
        self._capture = self._captured = None
        self._read, self._of_model, self._alive = [], [], []
        if self.post_hook.update_outside.is_waiting:
            with self.failures.guard("compare the step with the one before"):
                self.post_hook.update_outside.before_step()
        self.number, self.is_logged = self._counter.begin()
        self._gate.running.add(self)
        if self.is_logged:
            self._capture = Capture(self.number)
            with self.failures.guard("open the gate", self.number):
                self._gate.open(self._capture)
        elif self._gate.capture is not None:
            self._gate.mark_overlap(self._gate.capture)

    def finish(self):
        """The post-hook: logs the step after its update."""
        self._leave_gate()
        if self.is_logged:
            with self.failures.guard("log the step", self.number):
                self._log()
            self._alive = []
        self.failures.raise_pending()

    def _log(self):
        is_dropped = self._capture.drop_if_mixed()
        if is_dropped:
            self.failures.notice(messages.MIXED)
        with self.failures.guard("find the variables", self.number):
            self._tell_what_is_used()
            if is_dropped:  # nothing shows any more which variables are this step's
                self._capture.used = list(self.registry)
        with self._counter.logging():
            self.post_hook.finish_eagerly(self._capture)

    def _tell_what_is_used(self):
        is_all = self._captured is not None
        captured = self.registry.add_all(self._captured) if is_all else []
        self._capture.of_model = self._of_model
        self._capture.used = self.post_hook.in_use.after(self._read + captured, is_all)

    def abandon(self):
        """Drops the step, which the user's code did not complete."""
        self._leave_gate()
        self._alive = []

    def _leave_gate(self):
        self._gate.running.discard(self)
        if self.is_logged:
            with self.failures.guard("shut the gate", self.number):
                self._gate.shut(self._capture)

    def observe(self, tape, target, sources, scale=None):
        """As `Step.observe`; `scale` is the `LossScale` of the target, None if it is unknown."""
        if not tf.executing_eagerly():
            return self._observed_in_graph(tape, target, sources, scale)
        if not self.is_logged:
            return None
        return self._observed(EagerObservation, self._capture, tape, target, sources, scale)

    def _way_out_of_xla(self):
        if not self.is_compiled:
            return super()._way_out_of_xla()
        if _compat.is_nested_graph():
            return None, messages.NESTED_IN_XLA
        return self.outputs, None
