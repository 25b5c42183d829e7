"""One step while it runs: opened around the user's code, and the post-hook behind it.

`EagerStep` surrounds Python code, which may call a `tf.function`; `GraphStep` surrounds code that
is being traced. A tape asks the step that is active to observe each of its `gradient` calls.
"""

import tensorflow as tf

from gtlog import _compat
from gtlog.active import enter_step, leave_step
from gtlog.capture import Capture
from gtlog.observation import EagerObservation, GraphObservation


class _Step:
    """What both kinds of step have in common.

    Args:
      clock: `Clock` of the logger, which numbers the step and says whether it is logged.
      gate: `Gate` of the logger, through which graphs hand over what they compute.
      pipeline: `Pipeline` of the logger, where a logged step goes.
    """

    def __init__(self, clock, gate, pipeline):
        self.pipeline = pipeline
        self._clock = clock
        self._gate = gate
        self._open_tapes = []
        self._targets = []
        self._token = None

    def tape_entered(self, tape):
        """Notes that a tape records from now on."""
        if not any(tape is entered for entered in self._open_tapes):
            self._open_tapes.append(tape)

    def tape_exited(self, tape):
        """Notes that a tape records no longer."""
        self._open_tapes = [entered for entered in self._open_tapes if entered is not tape]

    def encloses(self, tape):
        """Whether another tape of this step is recording."""
        return any(entered is not tape for entered in self._open_tapes)

    def first_seen(self, target):
        """Whether no earlier `gradient` call of this step differentiated the same tensors."""
        parts = tf.nest.flatten(target)
        seen = any(
            len(parts) == len(earlier) and all(a is b for a, b in zip(parts, earlier))
            for earlier in self._targets
        )
        self._targets.append(parts)
        return not seen

    def touched(self, known_variables):
        """Notes variables that the step uses."""

    def _observed(self, make_observation, *arguments):
        with self.pipeline.failures.guard("observe a gradient"):
            return make_observation(*arguments)
        return None

    def _observed_in_graph(self, tape, target, sources):
        if _compat.compiles_with_xla():
            self.pipeline.failures.notice(
                "The step is compiled by XLA (jit_compile=True), where no gradient or loss can be "
                "handed to the host: of its variables, values after the update are logged, and no "
                "gradients, updates and loss. Leave jit_compile out to see them."
            )
            return None
        return self._observed(GraphObservation, self, self._gate, tape, target, sources)


class EagerStep(_Step):
    """A step that Python runs: a context manager, or `begin` and then `finish` or `abandon`.

    Attributes:
      number: Number of the step, once begun.
      is_logged: Whether it is logged, once begun.
    """

    def __enter__(self):
        self.begin()
        self._watcher = None
        if self.is_logged or not self.pipeline.registry.has_variables:
            self._watcher = _compat.VariableWatcher()
            self._watcher.__enter__()
        self._token = enter_step(self)
        return self

    def __exit__(self, kind, error, traceback):
        leave_step(self._token)
        if self._watcher is not None:
            self._watcher.__exit__(kind, error, traceback)
            with self.pipeline.failures.guard("find the variables", self.number):
                self.pipeline.registry.add_model()
                self.pipeline.registry.add_all(self._watcher.watched_variables())
        if kind is None:
            self.finish()
        else:
            self.abandon()

    @property
    def has_gradients(self):
        """Whether a tape has handed over gradients so far."""
        return self._capture is not None and self._capture.has_gradients

    def begin(self):
        """Numbers the step and, where it is logged, opens the gate for its graphs."""
        self.number, self.is_logged = self._clock.begin()
        self._capture = None
        self._gate.running.add(self)
        if self.is_logged:
            self._capture = Capture(self.number)
            self._gate.open(self._capture)
        elif self._gate.capture is not None:
            self._gate.mark_overlap(self._gate.capture)

    def finish(self):
        """The post-hook: logs the step, whose update is done."""
        self._gate.running.discard(self)
        if self.is_logged:
            self._gate.shut(self._capture)
            if self._capture.drop_if_mixed():
                self.pipeline.failures.notice(_MIXED)
            with self._clock.logging():
                self.pipeline.finish_eagerly(self._capture)
        self.pipeline.failures.raise_pending()

    def abandon(self):
        """Drops the step, which the user's code did not complete."""
        self._gate.running.discard(self)
        if self.is_logged:
            self._gate.shut(self._capture)

    def observe(self, tape, target, sources):
        """What watches one `gradient` call of a tape; None where there is nothing to be seen."""
        if not tf.executing_eagerly():
            return self._observed_in_graph(tape, target, sources)
        if not self.is_logged:
            return None
        return self._observed(EagerObservation, self, self._capture, tape, target, sources)


class GraphStep(_Step):
    """A step that is being traced: what it does for a logged step, it leaves in the graph."""

    def __enter__(self):
        self._touched = {}
        self._in_xla = _compat.compiles_with_xla()
        if self._in_xla:
            self.pipeline.failures.notice(_BENEATH_XLA)
        else:
            with self.pipeline.failures.guard("number the steps of a graph"):
                self._begin_in_graph()
        self._watcher = _compat.VariableWatcher()
        self._watcher.__enter__()
        self._token = enter_step(self)
        return self

    def __exit__(self, kind, error, traceback):
        leave_step(self._token)
        self._watcher.__exit__(kind, error, traceback)
        if kind is None and not self._in_xla:
            with self.pipeline.failures.guard("read the variables of a graph"):
                self._finish_in_graph()
            self.pipeline.failures.raise_pending()
        # TensorFlow keeps this step for as long as the process lives, with its callbacks.
        self._watcher, self._token, self._targets, self._touched = None, None, [], {}

    def observe(self, tape, target, sources):
        """What watches one `gradient` call of a tape; None where there is nothing to be seen."""
        return None if self._in_xla else self._observed_in_graph(tape, target, sources)

    def touched(self, known_variables):
        """Notes variables that the step uses."""
        self._touched.update(dict.fromkeys(known_variables))

    def _begin_in_graph(self):
        number, is_logged = self._clock.begin_in_graph()
        self._gate.set_in_graph(is_logged)
        self._gate.hand_over(lambda: [number], self._begin_on_host)

    def _begin_on_host(self, number):
        self._gate.capture = Capture(int(number))

    def _finish_in_graph(self):
        registry = self.pipeline.registry
        self.touched(registry.add_model())
        self.touched(registry.add_all(self._watcher.watched_variables()))
        known_variables = [known for known in registry if known in self._touched]
        self._gate.hand_over(
            lambda: [known.read() for known in known_variables],
            lambda *values: self._finish_on_host(list(zip(known_variables, values))),
        )

    def _finish_on_host(self, values):
        capture, self._gate.capture = self._gate.capture, None
        if capture is not None:
            with self._clock.logging():
                self.pipeline.finish(capture, values)
            self.pipeline.failures.raise_pending()


_MIXED = (
    "Two steps of one logger ran at the same time, and a graph cannot tell which of them its "
    "gradients belong to: of such steps weights and biases are logged, and no gradients, updates "
    "and loss. Give each thread, and each of two nested steps, a logger of its own."
)
_BENEATH_XLA = (
    "The decorated step is traced inside a function that XLA compiles (jit_compile=True), where "
    "nothing can be handed to the host: it is not logged. Put the decorator above "
    "@tf.function(jit_compile=True), or leave jit_compile out."
)
