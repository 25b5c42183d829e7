"""A log directory of gtlog's own: its event files, one after the other, and those of others."""

import itertools
import os
import re
import socket
import time

import tensorflow as tf

from gtlog.writing.sink import Sink
from gtlog.writing.tensorboard.event import summary_of, tags_of_tables
from gtlog.writing.tensorboard.event_file import EventFile, is_remote, steps_in

# TensorBoard reads the files whose names hold "tfevents", in the order of their names.
_EVENT_FILE = re.compile(r"events\.out\.tfevents\.(\d{10})\.")
_SUFFIX = ".gtlog"


class LogDirectory(Sink):
    """A `Sink` that writes events to a file, and to a new one if the old one is of no more use.

    Args:
      path: The directory, `str`. It is made, and made again, where it is missing.
      notice: Called with a message about what was lost, or is in danger.

    Attributes:
      path: As given.
    """

    is_reliable = True

    def __init__(self, path, notice):
        self.path = path
        self._notice = notice
        self._file = None
        self._described = set()  # tags of tables whose header is in the file
        self._known_names = set()
        self._numbers = itertools.count()
        self._changed = None

    def __str__(self):
        return repr(self.path)

    def earlier_steps(self):
        """The first and the last step that other loggers have written here; None without any.

        Of a remote directory nothing is asked: it would have to be read from end to end.
        """
        if is_remote(self.path):
            return None
        try:
            others = self._others()
        except OSError:
            return None
        self._known_names.update(others)
        steps = [steps_in(os.path.join(self.path, name)) for name in others]
        steps = [one for one in steps if one is not None]
        if not steps:
            return None
        return min(first for first, _ in steps), max(last for _, last in steps)

    def write(self, step, values):
        """Writes one event of the values, so that it is in a file that is there on return.

        Raises:
          OSError, tf.errors.OpError: it could not be written. The next call tries a new file.
        """
        self._leave_lost_file(f"Step {step} and later ones go to a new file.")
        if self._file is None:
            self._file, self._described = self._new_file(), set()
        try:
            self._file.append(step, summary_of(values, self._described))
        except (OSError, tf.errors.OpError):
            self._file.abandon()
            self._file = None
            raise
        self._described.update(tags_of_tables(values))
        self._look_around()

    def flush(self):
        """Does nothing: each event is flushed when it is written."""

    def check(self):
        """Says if the event file is gone."""
        self._leave_lost_file("It was the last one.")

    def close(self):
        """Closes the event file."""
        if self._file is not None:
            self._file.close()

    def _leave_lost_file(self, then):
        """Closes the event file where it is not what it was after the last event."""
        file = self._file
        if file is None or file.is_intact():
            return
        file.close()
        self._file = None
        self._notice(
            f"The event file {file.path!r} was deleted, moved or changed by somebody else, and "
            f"with it steps {file.first_step} to {file.last_step} may be lost. {then}"
        )

    def _new_file(self):
        tf.io.gfile.makedirs(self.path)
        names = map(_EVENT_FILE.match, tf.io.gfile.listdir(self.path))
        newest = max((int(name.group(1)) for name in names if name), default=0)
        # After all others, even if the clock was set back: TensorBoard never returns to an earlier
        # file.
        second = max(int(time.time()), newest + 1)
        name = (
            f"events.out.tfevents.{second:010d}.{socket.gethostname()}.{os.getpid()}."
            f"{next(self._numbers)}{_SUFFIX}"
        )
        self._known_names.add(name)
        return EventFile(os.path.join(self.path, name))

    def _look_around(self):
        """Says once if another logger has made an event file here since the last look."""
        if is_remote(self.path):
            return
        try:
            changed = os.stat(self.path).st_mtime_ns
            if changed == self._changed:
                return
            others = self._others()
        except OSError:  # the next step will say what is the matter
            return
        # File systems tell times apart by milliseconds: in the first second another may come.
        self._changed = changed if time.time_ns() - changed > 10**9 else None
        if others:
            self._notice(
                f"Another logger writes into {self.path!r} as well: {min(others)!r}. TensorBoard "
                "takes all event files of a directory for one run, and drops points where steps "
                "repeat. Give each process and each logger a directory of its own."
            )
        self._known_names.update(others)

    def _others(self):
        names = os.listdir(self.path)
        return [
            name for name in names if name.endswith(_SUFFIX) and name not in self._known_names
        ]
