"""What the tapes of one step have done so far."""

import threading
import weakref

import tensorflow as tf


class TapesOfStep:
    """Which tapes record, and which targets they have differentiated."""

    def __init__(self):
        self._recording = []
        self._targets = []
        self._places = None

    @property
    def any_records(self):
        """Whether any tape records at the moment."""
        return bool(self._recording)

    def entered(self, tape):
        """Notes that a tape records from now on."""
        if not any(tape is recording for recording, _ in self._recording):
            self._recording.append((tape, threading.get_ident()))

    def exited(self, tape):
        """Notes that a tape records no longer."""
        self._recording = [pair for pair in self._recording if pair[0] is not tape]

    def enclose(self, tape):
        """Whether another tape is recording what runs in this thread."""
        here = threading.get_ident()
        return any(
            recording is not tape and thread == here for recording, thread in self._recording
        )

    def is_new(self, target):
        """Whether no earlier `gradient` call of the step differentiated the same tensors."""
        parts = tf.nest.flatten(target)
        is_known = any(
            len(parts) == len(earlier) and all(a is b for a, b in zip(parts, earlier))
            for earlier in self._targets
        )
        self._targets.append(parts)
        return not is_known

    def place_of(self, tape, key):
        """How many earlier targets of the tape in this step have the same key."""
        if self._places is None:
            self._places = weakref.WeakKeyDictionary()
        counts = self._places.setdefault(tape, {})
        counts[key] = counts.get(key, -1) + 1
        return counts[key]

    def forget_targets(self):
        """Drops the tensors that were differentiated."""
        self._targets, self._places = [], None
