"""What all steps have in common while they run.

`EagerStep` surrounds Python code, which may call a `tf.function`; `GraphStep` surrounds code that
is being traced. A tape asks the step that is active to observe each of its `gradient` calls.
"""

import threading
import weakref

import tensorflow as tf

from gtlog import _compat
from gtlog.steps import messages
from gtlog.steps.code import StepCode
from gtlog.steps.observation import GraphObservation


class RunningStep:
    """What both kinds of step have in common.

    A context manager around the code of the step; or `begin`, and then `finish` or `abandon`.

    Args:
      parts: `LoggerParts`.

    Attributes:
      failures: `Failures` of the logger.
      registry: `VariableRegistry` of the logger.
      post_hook: `PostHook` of the logger, where a logged step goes.
    """

    def __init__(self, parts):
        self.failures = parts.failures
        self.registry = parts.registry
        self.post_hook = parts.post_hook
        self._counter = parts.counter
        self._gate = parts.gate
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
        with self.failures.guard("follow a tape"):
            self._open(tape)

    def _open(self, tape):
        self.post_hook.unseen.settle()
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
        with self.failures.guard("observe a gradient"):
            return make_observation(*arguments)
        return None

    def _observed_in_graph(self, tape, target, sources):
        unseen = _why_gradients_are_unseen()
        if unseen is not None:
            self.failures.notice(unseen)
            self.touched(self.registry.add_all(tf.nest.flatten(sources)))
            return None
        gate = self._outputs_in_xla() if _compat.compiles_with_xla() else self._gate
        if gate is None:
            return None
        return self._observed(GraphObservation, self, gate, tape, target, sources)

    def _outputs_in_xla(self):
        """What is in place of the gate in a graph that XLA compiles; None where nothing can be."""
        self.failures.notice(messages.INSIDE_XLA)


def _why_gradients_are_unseen():
    """What keeps a tape in the graph that is being traced from handing over; None where nothing."""
    if _compat.runs_on_workers():
        return messages.GRADIENT_ON_WORKERS
    if _compat.is_plain_graph():
        return messages.GRADIENT_IN_PLAIN_GRAPH
    return messages.GRADIENT_VECTORIZED if _compat.is_vectorized() else None
