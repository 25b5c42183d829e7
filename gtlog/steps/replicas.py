"""One step that the replicas of a `tf.distribute` strategy make together, each in its own thread.

If the function that every replica runs is decorated, each replica calls it. The first replica to
arrive begins the step, and the last to leave finishes it. What the others do belongs to that step.
"""

import threading

from gtlog import _compat
from gtlog.steps.code import StepCode


class ReplicatedSteps:
    """Joins the calls that the replicas make of one decorated function.

    The strategy runs one replica at a time, until that replica waits for the others.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._current = None

    def part(self, make_step, replicas):
        """The part of the current replica in the common step, as a context manager.

        Args:
          make_step: Called without arguments; returns a step that has not begun.
          replicas: How many replicas there are.
        """
        replica = _compat.replica_id()
        with self._lock:
            if self._current is None or not self._current.awaits(replica):
                self._abandon_current()
                self._current = _ReplicatedStep(make_step(), replicas)
            return self._current.part(replica)

    def _abandon_current(self):
        """Drops a step that an exception in one of its replicas has left."""
        if self._current is not None:
            self._current.abandon()


class _ReplicatedStep:
    """A step, and which of its replicas have arrived and left."""

    def __init__(self, step, replicas):
        self._step = step
        self._replicas = replicas
        self._arrived = set()
        self._left = set()
        self._is_over = False
        step.begin()

    def awaits(self, replica):
        """Whether a replica has yet to make its part of the step."""
        return not self._is_over and replica not in self._arrived

    def part(self, replica):
        """The code of one replica, as a context manager."""
        self._arrived.add(replica)
        return _Part(self, self._step, replica)

    def leave(self, replica):
        """Notes that a replica has done its part; the last one finishes the step."""
        self._left.add(replica)
        if len(self._left) == self._replicas and not self._is_over:
            self._is_over = True
            self._step.finish()

    def abandon(self):
        """Drops the step unless it is over."""
        if not self._is_over:
            self._is_over = True
            self._step.abandon()


class _Part:
    def __init__(self, replicated, step, replica):
        self._replicated = replicated
        self._step = step
        self._code = StepCode(step)
        self._replica = replica

    def __enter__(self):
        self._code.__enter__()
        return self._step

    def __exit__(self, kind, error, traceback):
        self._code.__exit__(kind, error, traceback)
        if kind is None:
            self._replicated.leave(self._replica)
        else:
            self._replicated.abandon()
