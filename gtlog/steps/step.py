"""What all steps have in common while they run.

`EagerStep` surrounds Python code, which may call a `tf.function`; `GraphStep` surrounds code that
is being traced. A tape asks the step that is active to observe each of its `gradient` calls.
"""

import functools

import tensorflow as tf

from gtlog import _compat
from gtlog.steps import messages
from gtlog.steps.active_step import Step, enter_step, leave_step
from gtlog.steps.code import StepCode
from gtlog.steps.observing.gradient_call import facts_of_call, tensors_of
from gtlog.steps.observing.observations import GraphObservation
from gtlog.steps.observing.tapes import TapesOfStep


class RunningStep(Step):
    """What both kinds of step have in common.

    A context manager around the code of the step; or `begin`, and then `finish` or `abandon`.

    Args:
      parts: `LoggerParts`.

    Attributes:
      failures: `Failures` of the logger.
      registry: `VariableRegistry` of the logger.
      post_hook: `PostHook` of the logger, where a logged step goes.
      model: A Keras model all of whose variables are logged with the step; None takes the logger's.
    """

    model = None
    _code = None

    def __init__(self, parts):
        self.failures = parts.failures
        self.registry = parts.registry
        self.post_hook = parts.post_hook
        self._counter = parts.counter
        self._gate = parts.gate
        self._values_at_call = parts.values_at_call

    @functools.cached_property
    def _tapes(self):
        """What the tapes of the step have done so far. Many unlogged steps have no tape at all."""
        return TapesOfStep()

    def __enter__(self):
        self.begin()
        if self.is_watched:
            self._code = StepCode(self)
            self._code.__enter__()
        else:
            self._token = enter_step(self)
        return self

    def __exit__(self, kind, error, traceback):
        code, self._code = self._code, None  # step and code would keep each other and gradients
        if code is None:
            leave_step(self._token)
        else:
            code.__exit__(kind, error, traceback)
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def tape_entered(self, tape):
        """Notes that a tape records from now on."""
        with self.failures.guard("follow a tape"):
            self.post_hook.unseen.settle()
            self._tapes.entered(tape)

    def tape_exited(self, tape):
        """Notes that a tape records no longer."""
        self._tapes.exited(tape)

    def touched(self, known_variables):
        """Notes variables that the step uses."""

    def _observed(self, make_observation, receiver, tape, target, sources, scale):
        with self.failures.guard("observe a gradient"):
            call, is_new = facts_of_call(
                self._tapes, self.registry, self.failures, tape, target, sources, self.model
            )
            self.touched(call.known_variables)
            return make_observation(call, receiver, tensors_of(target), is_new, scale)
        return None

    def _observed_in_graph(self, tape, target, sources, scale):
        handover, why_none = self._way_out()
        if why_none is not None:
            self.failures.notice(why_none)
        if handover is None:
            return self._trained_unseen(sources)
        return self._observed(self._observation_in_graph, handover, tape, target, sources, scale)

    def _observation_in_graph(self, call, handover, target, is_new, scale):
        is_read_at_call = self._is_read_at_call(call.compared)
        return GraphObservation(call, handover, target, is_new, scale, is_read_at_call)

    def _is_read_at_call(self, known_variables):
        """Whether the host reads these variables before the graph runs (`ValuesAtCall`)."""
        return False

    def handover(self, unseen):
        """The way out for a tensor of the graph that is being traced.

        Args:
          unseen: Message to the user where nothing can be handed over.

        Returns:
          A `Handover`. None if there is no way out, or if the steps of this graph are not logged.
        """
        handover, why_none = self._way_out()
        if why_none is not None:
            self.failures.notice(unseen)
        return handover

    def _way_out(self):
        """The `Handover` of this graph, or None; and why there is none, if the user must know."""
        unseen = _why_gradients_are_unseen()
        if unseen is not None:
            return None, unseen
        return self._way_out_of_xla() if _compat.compiles_with_xla() else (self._gate, None)

    def _way_out_of_xla(self):
        return None, messages.INSIDE_XLA

    def _trained_unseen(self, sources):
        """Notes variables whose gradients cannot be handed over; there is nothing to observe."""
        known_variables = self.registry.add_all(tf.nest.flatten(sources))
        for known in known_variables:
            known.is_trained_unseen = True
        self.touched(known_variables)


def _why_gradients_are_unseen():
    """Why gradients of this graph cannot be logged, as a message. None if they can."""
    if _compat.runs_on_workers():
        return messages.GRADIENT_ON_WORKERS
    if _compat.is_plain_graph():
        return messages.GRADIENT_IN_PLAIN_GRAPH
    return messages.GRADIENT_VECTORIZED if _compat.is_vectorized() else None
