"""The next step of a logger, in whatever way it runs here."""

import contextlib

from gtlog import _compat
from gtlog.steps import messages
from gtlog.steps.eager import EagerStep
from gtlog.steps.in_graph import GraphStep
from gtlog.steps.replicas import ReplicatedSteps


class NewSteps:
    """Makes the steps of one logger: where Python runs them, and where they are traced.

    Args:
      parts: `LoggerParts`.
    """

    def __init__(self, parts):
        self._parts = parts
        self._replicated = ReplicatedSteps()

    def eager(self, kind=EagerStep):
        """The next step, where Python runs it, as a context manager.

        Args:
          kind: Called with the `LoggerParts` for a step.
        """
        replicas = _compat.replicas_in_threads()
        if replicas == 1:
            return kind(self._parts)
        return self._replicated.part(lambda: kind(self._parts), replicas)

    def in_graph(self, kind=GraphStep):
        """The next step, where it is being traced, as a context manager.

        Args:
          kind: Called with the `LoggerParts` for a step.
        """
        with self._parts.failures.guard("begin a step of a graph"):
            return self._traced(kind)
        return contextlib.nullcontext()

    def _traced(self, kind):
        failures = self._parts.failures
        if _compat.is_plain_graph():
            failures.notice(messages.STEP_IN_PLAIN_GRAPH)
            return contextlib.nullcontext()
        if _compat.runs_on_workers():
            failures.notice(messages.STEP_ON_WORKERS)
            return contextlib.nullcontext()
        replicas = _compat.replicas_in_threads()
        if replicas == 1:
            return kind(self._parts)
        return self._replicated.part(lambda: kind(self._parts), replicas)
