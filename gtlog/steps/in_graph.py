"""A step that is being traced, and the work of logging that it leaves in the graph."""

import functools

from gtlog import _compat
from gtlog.records.collected import Capture
from gtlog.steps import messages
from gtlog.steps.active_step import active_step
from gtlog.steps.step import RunningStep
from gtlog.variables.reading import BEFORE_UPDATE, read_each


class GraphStep(RunningStep):
    """A step that is being traced. It leaves in the graph what is to be done on a logged step.

    Attributes:
      is_of_keras_model: Whether the decorated function is a method of a Keras model.
    """

    is_of_keras_model = False
    is_watched = True
    capture = None  # it has one while its graph runs

    def begin(self):
        """Numbers the step and decides whether it is logged, each time that the graph runs."""
        self._touched = {}
        self._is_unseen = True  # it stays True if the step fails to begin
        with self.failures.guard("number the steps of a graph"):
            unseen = self._why_unseen()
            if unseen is not None:
                self.failures.notice(unseen)
                return
            self._begin_in_graph()
            self._is_unseen = False

    def finish(self):
        """The post-hook: logs the step at the point of the graph after the update."""
        if not self._is_unseen:
            with self.failures.guard("run the model at the end of a graph"):
                self._probe_in_graph()
            with self.failures.guard("read the variables of a graph"):
                self._finish_in_graph()
        self.abandon()
        self.failures.raise_pending()

    def abandon(self):
        """Drops what the step holds: TensorFlow keeps the step for as long as the process lives."""
        self._tapes.forget_targets()
        self._touched = {}
        self.model = None

    def read(self, variables):
        """Notes the variables that the step has read."""
        with self.failures.guard("find the variables of a graph"):
            self.touched(self.registry.add_all(variables))

    def observe(self, tape, target, sources, scale=None):
        """As `Step.observe`; `scale` is the `LossScale` of the target, None if it is unknown."""
        return None if self._is_unseen else self._observed_in_graph(tape, target, sources, scale)

    def handover(self, unseen):
        """As `RunningStep.handover`. None if nothing of the step is seen, as `begin` has said."""
        return None if self._is_unseen else super().handover(unseen)

    def touched(self, known_variables):
        """Notes variables that the step uses."""
        self._touched.update(dict.fromkeys(known_variables))

    def read_at_call(self, function):
        """Has the host read the values before the update, where a `tf.function` leaves that to it.

        Args:
          function: The `tf.function` object that is called next.
        """
        with self.failures.guard("read the values before the update in a graph"):
            known_variables = self._values_at_call.of(function)
            if known_variables and not self._is_unseen:
                self._gate.hand_over_values(
                    known_variables,
                    lambda: read_each(known_variables, self.failures, BEFORE_UPDATE),
                    self._take_at_call,
                )

    def _take_at_call(self, values):
        if self._gate.capture is not None:
            self._gate.capture.at_call.update(values)

    def _why_unseen(self):
        if _compat.compiles_with_xla():
            return self._why_unseen_in_xla()
        return messages.STEP_VECTORIZED if _compat.is_vectorized() else None

    def _why_unseen_in_xla(self):
        if self._counter.is_ahead:
            return messages.IN_FIT_WITH_XLA + messages.LOGGED_BY_CALLBACK
        if self.is_of_keras_model:
            return messages.IN_FIT_WITH_XLA + messages.NO_CALLBACK
        outer = active_step()
        if outer is not None and outer.post_hook is self.post_hook:
            return messages.INSIDE_XLA
        return messages.BENEATH_XLA

    def _begin_in_graph(self):
        number, is_logged = self._counter.begin_in_graph()
        self._gate.set_in_graph(is_logged)
        self._gate.hand_over([number], self._begin_on_host)

    def _begin_on_host(self, number):
        self._gate.capture = None
        with self.failures.guard("begin a step of a graph"):
            self._gate.capture = Capture(int(number))
            self._gate.capture.is_over = False

    def _probe_in_graph(self):
        """Runs models for the summaries that ask for it; not in replicas."""
        if _compat.replicas_in_threads() > 1:
            return
        for summary in self.post_hook.probing:
            if summary.is_ready():
                take = functools.partial(self._take_probed, summary)
                self._gate.hand_over_run(list(self.registry), summary.run, take)

    def _take_probed(self, summary, *outputs):
        if self._gate.capture is not None:
            self._gate.capture.computed[summary] = outputs

    def _finish_in_graph(self):
        registry, used = self.registry, list(self._touched)
        of_model = registry.add_model(self.model)
        known_variables = [known for known in registry if known in {*used, *of_model}]
        known_variables += self.post_hook.optimizers.known(known_variables)
        failures = self.failures
        self._gate.hand_over_values(
            known_variables,
            lambda: read_each(known_variables, failures),
            lambda values: self._finish_on_host(used, of_model, values),
        )

    def _finish_on_host(self, used, of_model, values):
        capture, self._gate.capture = self._gate.capture, None
        if capture is not None:
            capture.used, capture.of_model = used, of_model
            with self.failures.guard("log the step", capture.step):
                with self._counter.logging():
                    self.post_hook.finish(capture, values)
            self.failures.raise_pending()
