"""Timing of cases that take turns, so that a noisy machine treats all of them alike."""

import contextlib
import gc
import math
import time

import numpy as np

_MOST_CALLS = 10_000


class Samples:
    """Seconds per call of each case: one number for each round, in the order of the rounds.

    Args:
      seconds: Dict from the name of a case to a list of float.
    """

    def __init__(self, seconds):
        self._seconds = {name: np.array(values) for name, values in seconds.items()}

    def of(self, name):
        """Seconds per call of a case, float64 array `[rounds]`."""
        return self._seconds[name]

    def added(self, name, bare):
        """Seconds that a case takes more than another, round by round."""
        return self.of(name) - self.of(bare)

    def ratio(self, name, bare):
        """Time of a case over that of another, round by round."""
        return self.of(name) / self.of(bare)

    def ratio_of_added(self, name, other, bare):
        """What a case adds to the bare one, over what another adds, round by round.

        A round in which the other one added nothing that was above the noise has no ratio and is
        left out; NaN stands for all of them where this is so in every round.
        """
        added, other_added = self.added(name, bare), self.added(other, bare)
        told = other_added > 0
        return added[told] / other_added[told] if told.any() else np.array([math.nan])


def interleaved(cases, rounds, sample_seconds=0.0):
    """Times cases that take turns: each runs once a round, and each round begins with another one.

    Every case is called once before, which is not counted.

    Args:
      cases: Dict from names to functions without arguments.
      rounds: Number of rounds.
      sample_seconds: A case is called as often in each round as fills this time.

    Returns:
      `Samples`.
    """
    names = list(cases)
    calls = {name: _calls(cases[name], sample_seconds) for name in names}
    seconds = {name: [] for name in names}
    with _garbage_collected_by_hand():
        for number in range(rounds):
            first = number % len(names)
            gc.collect()
            for name in names[first:] + names[:first]:
                seconds[name].append(_seconds_per_call(cases[name], calls[name]))
    return Samples(seconds)


def _calls(case, sample_seconds):
    case()
    if not sample_seconds:
        return 1
    once = _seconds_per_call(case, 1)
    if once < sample_seconds / 100:
        once = _seconds_per_call(case, 20)
    return min(max(1, math.ceil(sample_seconds / once)), _MOST_CALLS)


def _seconds_per_call(case, calls):
    turns = range(calls)
    start = time.perf_counter()
    for _ in turns:
        case()
    return (time.perf_counter() - start) / calls


@contextlib.contextmanager
def _garbage_collected_by_hand():
    """A collection of its own accord would charge one case with what the others left behind.

    What is there now is set aside, or each collection would take longer than many a case.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
