"""One step while it runs: opened around the user's code, and the post-hook behind it.

`EagerStep` surrounds Python code, which may call a `tf.function`; `GraphStep` surrounds code that
is being traced. A tape asks the step that is active to observe each of its `gradient` calls.
"""

import contextlib
import threading
import weakref

import tensorflow as tf

from gtlog import _compat
from gtlog.active import StepCarrier, active_step, enter_step, leave_step
from gtlog.capture import Capture
from gtlog.observation import EagerObservation, GraphObservation
from gtlog.variables import read_each


class _Step:
    """What both kinds of step have in common.

    A context manager around the code of the step; or `begin`, and then `finish` or `abandon`.

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
        self._places = None

    def __enter__(self):
        self.begin()
        self._code = StepCode(self)
        self._code.__enter__()
        return self

    def __exit__(self, kind, error, traceback):
        code, self._code = self._code, None  # the two would keep each other, and the gradients
        code.__exit__(kind, error, traceback)
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def tape_entered(self, tape):
        """Notes that a tape records from now on."""
        with self.pipeline.failures.guard("follow a tape"):
            self._open(tape)

    def _open(self, tape):
        self.pipeline.unseen.settle()
        if not any(tape is entered for entered, _ in self._open_tapes):
            self._open_tapes.append((tape, threading.get_ident()))

    def tape_exited(self, tape):
        """Notes that a tape records no longer."""
        self._open_tapes = [one for one in self._open_tapes if one[0] is not tape]

    def encloses(self, tape):
        """Whether another tape of this step is recording what runs in this thread."""
        here = threading.get_ident()
        return any(
            entered is not tape and thread == here for entered, thread in self._open_tapes
        )

    def first_seen(self, target):
        """Whether no earlier `gradient` call of this step differentiated the same tensors."""
        parts = tf.nest.flatten(target)
        seen = any(
            len(parts) == len(earlier) and all(a is b for a, b in zip(parts, earlier))
            for earlier in self._targets
        )
        self._targets.append(parts)
        return not seen

    def place_of(self, tape, key):
        """How many targets with this key the tape had in this step before the one at hand."""
        if self._places is None:
            self._places = weakref.WeakKeyDictionary()
        counts = self._places.setdefault(tape, {})
        counts[key] = counts.get(key, -1) + 1
        return counts[key]

    def touched(self, known_variables):
        """Notes variables that the step uses."""

    def _observed(self, make_observation, *arguments):
        with self.pipeline.failures.guard("observe a gradient"):
            return make_observation(*arguments)
        return None

    def _observed_in_graph(self, tape, target, sources):
        unseen = _why_gradients_are_unseen()
        if unseen is not None:
            self.pipeline.failures.notice(unseen)
            self.touched(self.pipeline.registry.add_all(tf.nest.flatten(sources)))
            return None
        gate = self._outputs_in_xla() if _compat.compiles_with_xla() else self._gate
        if gate is None:
            return None
        return self._observed(GraphObservation, self, gate, tape, target, sources)

    def _outputs_in_xla(self):
        """What is in place of the gate in a graph that XLA compiles; None where nothing can be."""
        self.pipeline.failures.notice(_INSIDE_XLA)


def _why_gradients_are_unseen():
    """What keeps a tape in the graph that is being traced from handing over; None where nothing."""
    if _compat.runs_on_workers():
        return _ON_WORKERS
    if _compat.is_plain_graph():
        return _IN_PLAIN_GRAPH
    return _GRADIENT_VECTORIZED if _compat.is_vectorized() else None


class StepCode:
    """What runs in one thread as part of a step, whose tapes then find the step.

    Args:
      step: The step, which has begun.
    """

    def __init__(self, step):
        self._step = step
        self._failures = step.pipeline.failures
        self._watching = None

    def __enter__(self):
        with self._failures.guard("watch what the step reads"):
            if self._step.is_watched:
                self._watch()
        self._token = enter_step(self._step)
        return self

    def __exit__(self, kind, error, traceback):
        leave_step(self._token)
        if self._watching is not None:
            with self._failures.guard("watch what the step reads"):
                self._watching.close()

    def _watch(self):
        watcher = _compat.VariableWatcher()
        with contextlib.ExitStack() as entering:
            # TensorFlow crashes when a watcher is asked that was never entered.
            entering.enter_context(StepCarrier(self._step))
            entering.enter_context(watcher)
            self._watching = contextlib.ExitStack()
            self._watching.callback(lambda: self._step.read(watcher.watched_variables()))
            self._watching.push(entering.pop_all())


class EagerStep(_Step):
    """A step that Python runs.

    Attributes:
      number: Number of the step, once begun.
      is_logged: Whether it is logged, once begun.
      is_compiled: Whether the decorated function itself is compiled by XLA.
      outputs: While the second function of such a step is traced, its `ExtraOutputs`.
    """

    is_compiled = False
    outputs = None

    @property
    def is_watched(self):
        """Whether it must find what variables it reads, and be found by the threads of replicas."""
        registry = self.pipeline.registry
        return self.is_logged or not registry.has_variables or registry.is_distributed

    def read(self, variables):
        """Notes variables that the step has read."""
        with self.pipeline.failures.guard("find the variables", self.number):
            self._of_model = self.pipeline.registry.add_model()
            self._read += self.pipeline.registry.add_all(variables)

    def calls(self, captured):
        """Notes all the variables that the step reads, where its `tf.function` tells them."""
        self._captured = captured

    @property
    def capture(self):
        """The `Capture` of a logged step, once begun; None where it is not logged."""
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
        self.number, self.is_logged = None, False  # so it stays where beginning fails
        self._capture = self._captured = None
        self._read, self._of_model = [], []
        failures = self.pipeline.failures
        with failures.guard("compare the step with the one before"):
            if self.pipeline.update_outside.is_waiting:
                self.pipeline.update_outside.before_step()
        with failures.guard("begin a step"):
            self.number, is_logged = self._clock.begin()
            self._gate.running.add(self)
            self._capture = Capture(self.number) if is_logged else None
            self.is_logged = is_logged
        with failures.guard("open the gate", self.number):
            if self.is_logged:
                self._gate.open(self._capture)
            elif self._gate.capture is not None:
                self._gate.mark_overlap(self._gate.capture)

    def finish(self):
        """The post-hook: logs the step, whose update is done."""
        self._leave_gate()
        if self.is_logged:
            with self.pipeline.failures.guard("log the step", self.number):
                self._log()
        self.pipeline.failures.raise_pending()

    def _log(self):
        if self._capture.drop_if_mixed():
            self.pipeline.failures.notice(_MIXED)
        with self.pipeline.failures.guard("find the variables", self.number):
            self._tell_what_is_used()
        with self._clock.logging():
            self.pipeline.finish_eagerly(self._capture)

    def _tell_what_is_used(self):
        is_all = self._captured is not None
        captured = self.pipeline.registry.add_all(self._captured) if is_all else []
        self._capture.of_model = self._of_model
        self._capture.used = self.pipeline.in_use.after(self._read + captured, is_all)

    def abandon(self):
        """Drops the step, which the user's code did not complete."""
        self._leave_gate()

    def _leave_gate(self):
        self._gate.running.discard(self)
        if self.is_logged:
            with self.pipeline.failures.guard("shut the gate", self.number):
                self._gate.shut(self._capture)

    def observe(self, tape, target, sources):
        """What watches one `gradient` call of a tape; None where there is nothing to be seen."""
        if not tf.executing_eagerly():
            return self._observed_in_graph(tape, target, sources)
        if not self.is_logged:
            return None
        return self._observed(EagerObservation, self, self._capture, tape, target, sources)

    def _outputs_in_xla(self):
        if not self.is_compiled:
            return super()._outputs_in_xla()
        if _compat.is_nested_graph():
            self.pipeline.failures.notice(_NESTED_IN_XLA)
            return None
        return self.outputs


class GraphStep(_Step):
    """A step that is being traced: what it does for a logged step, it leaves in the graph.

    Attributes:
      is_of_keras_model: Whether the decorated function is a method of a Keras model.
    """

    is_of_keras_model = False
    is_watched = True

    def begin(self):
        """Numbers the step and decides whether it is logged, each time that the graph runs."""
        self._touched = {}
        self._is_unseen = True  # so it stays where beginning fails
        with self.pipeline.failures.guard("number the steps of a graph"):
            unseen = self._why_unseen()
            if unseen is not None:
                self.pipeline.failures.notice(unseen)
                return
            self._begin_in_graph()
            self._is_unseen = False

    def finish(self):
        """The post-hook: logs the step where the graph has done the update."""
        if not self._is_unseen:
            with self.pipeline.failures.guard("read the variables of a graph"):
                self._finish_in_graph()
        self.abandon()
        self.pipeline.failures.raise_pending()

    def abandon(self):
        """Drops what TensorFlow would keep: it keeps this step for as long as the process lives."""
        self._targets, self._touched, self._places = [], {}, None

    def read(self, variables):
        """Notes the variables that the step has read."""
        with self.pipeline.failures.guard("find the variables of a graph"):
            self.touched(self.pipeline.registry.add_all(variables))

    def observe(self, tape, target, sources):
        """What watches one `gradient` call of a tape; None where there is nothing to be seen."""
        return None if self._is_unseen else self._observed_in_graph(tape, target, sources)

    def touched(self, known_variables):
        """Notes variables that the step uses."""
        self._touched.update(dict.fromkeys(known_variables))

    def _why_unseen(self):
        if _compat.compiles_with_xla():
            return self._why_unseen_in_xla()
        return _STEP_VECTORIZED if _compat.is_vectorized() else None

    def _why_unseen_in_xla(self):
        if self._clock.is_ahead:
            return _IN_FIT_WITH_XLA + _LOGGED_BY_CALLBACK
        if self.is_of_keras_model:
            return _IN_FIT_WITH_XLA + _NO_CALLBACK
        outer = active_step()
        if outer is not None and outer.pipeline is self.pipeline:
            return _INSIDE_XLA
        return _BENEATH_XLA

    def _begin_in_graph(self):
        number, is_logged = self._clock.begin_in_graph()
        self._gate.set_in_graph(is_logged)
        self._gate.hand_over([number], self._begin_on_host)

    def _begin_on_host(self, number):
        self._gate.capture = None
        with self.pipeline.failures.guard("begin a step of a graph"):
            self._gate.capture = Capture(int(number))

    def _finish_in_graph(self):
        registry, used = self.pipeline.registry, list(self._touched)
        of_model = registry.add_model()
        known_variables = [known for known in registry if known in {*used, *of_model}]
        failures = self.pipeline.failures
        self._gate.hand_over_values(
            known_variables,
            lambda: read_each(known_variables, failures),
            lambda values: self._finish_on_host(used, of_model, values),
        )

    def _finish_on_host(self, used, of_model, values):
        capture, self._gate.capture = self._gate.capture, None
        if capture is not None:
            capture.used, capture.of_model = used, of_model
            with self.pipeline.failures.guard("log the step", capture.step):
                with self._clock.logging():
                    self.pipeline.finish(capture, values)
            self.pipeline.failures.raise_pending()


_MIXED = (
    "Two steps of one logger ran at the same time, and a graph cannot tell which of them its "
    "gradients belong to: of such steps weights and biases are logged, and no gradients, updates "
    "and loss. Give each thread, and each of two nested steps, a logger of its own."
)
_INSIDE_XLA = (
    "A function inside the decorated step is compiled by XLA (jit_compile=True), where no gradient "
    "or loss can be handed to the host: of its variables, values after the update are logged, and "
    "no gradients, updates and loss. Decorate that function itself, above its "
    "@tf.function(jit_compile=True), and call it from Python; or leave jit_compile out."
)
_NESTED_IN_XLA = (
    "In the decorated step, which XLA compiles (jit_compile=True), a gradient is taken inside an "
    "inner tf.function, a branch or a loop of the graph, which no tensor can leave: its gradients "
    "and loss are not logged. Take it in the body of the step itself, or leave jit_compile out."
)
_IN_FIT_WITH_XLA = (
    "Keras has the decorated step compiled by XLA (jit_compile=True), where nothing can be handed "
    "to the host: "
)
_LOGGED_BY_CALLBACK = (
    "weights and biases are logged from outside, by the logger's keras_callback(); gradients and "
    "loss are not. To see them, compile the model with jit_compile=False."
)
_NO_CALLBACK = (
    "it is not logged. With `log = model.train_step.step_logger`, pass "
    "callbacks=[log.keras_callback()] to fit to have weights and biases logged from outside; or "
    "compile the model with jit_compile=False to see everything."
)
_BENEATH_XLA = (
    "The decorated step is traced inside a function that XLA compiles (jit_compile=True), where "
    "nothing can be handed to the host: it is not logged. Put the decorator above "
    "@tf.function(jit_compile=True), or leave jit_compile out. To have weights and biases alone "
    "logged from outside, write `with log.step():` around each call, where log is the step_logger "
    "of the decorated function."
)
_STEP_VECTORIZED = (
    "The decorated step is called inside tf.vectorized_map, which computes all elements at once: "
    "it is not logged. Decorate the function that calls tf.vectorized_map."
)
_IN_PLAIN_GRAPH = (
    "A gradient is taken inside a tf.Graph of tf.compat.v1, which runs in a session of its own, "
    "where nothing can be handed to gtlog: it is not logged. Take it eagerly or in a tf.function."
)
_GRADIENT_VECTORIZED = (
    "A gradient is taken inside tf.vectorized_map, where a graph can hand over that of the first "
    "element alone: of its variables, values after the update are logged, and no gradients, "
    "updates and loss. Use tf.map_fn instead, or take the gradient of a sum over the elements "
    "outside."
)
_ON_WORKERS = (
    "The step runs in the processes of workers, under a parameter server strategy, from where no "
    "gradient or loss can be handed to this process: of its variables, values after the update are "
    "logged, and no gradients, updates and loss."
)
