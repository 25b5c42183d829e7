"""One event file: records that are whole, whatever happens to the disk.

TensorFlow's own `SummaryWriter` says nothing where its file was deleted, and after a write that
failed it goes on after half a record, which no reader gets past (docs/decisions, 12). So gtlog
writes the records of its own files with `tf.io.TFRecordWriter`, and looks at the file after each.
"""

import contextlib
import os
import struct
import time

import tensorflow as tf

_FILE_VERSION = "brain.Event:2"
_HEADER_BYTES, _FOOTER_BYTES = 12, 4  # of a record: length and its checksum; that of the data
_FAILURES = (OSError, tf.errors.OpError)


class EventFile:
    """An event file that is made here, and written by one logger alone.

    Args:
      path: Path of a file that does not exist yet, `str`; with `://` it is on a remote file system
        of TensorFlow's.

    Attributes:
      path: As given.
      first_step: The first step that was written; None before.
      last_step: The last step that was written; None before.

    Raises:
      OSError, tf.errors.OpError: the file cannot be made.
    """

    def __init__(self, path):
        self.path = path
        self.first_step = None
        self.last_step = None
        self._size = 0
        self._records = tf.io.TFRecordWriter(path)
        try:
            self._append(tf.compat.v1.Event(wall_time=time.time(), file_version=_FILE_VERSION))
        except _FAILURES:
            self.abandon()
            raise

    def append(self, step, summary):
        """Writes one event and flushes it to the file.

        Raises:
          OSError, tf.errors.OpError: it could not be written; call `abandon` then.
        """
        self._append(tf.compat.v1.Event(wall_time=time.time(), step=step, summary=summary))
        if self.first_step is None:
            self.first_step = step
        self.last_step = step

    def _append(self, event):
        record = event.SerializeToString()
        self._records.write(record)
        self._records.flush()
        self._size += _HEADER_BYTES + len(record) + _FOOTER_BYTES

    def is_intact(self):
        """Whether the file is where it was, and holds what was written and nothing else.

        One `stat` call; of a remote file nothing is asked.
        """
        if is_remote(self.path):
            return True
        try:
            return os.stat(self.path).st_size == self._size
        except OSError:
            return False

    def close(self):
        """Closes the file, which may be done twice; what a failed write left over is given up."""
        with contextlib.suppress(*_FAILURES):
            self._records.close()

    def abandon(self):
        """Closes the file after a failure, and cuts off what was written of half a record."""
        self.close()
        if is_remote(self.path):
            return
        with contextlib.suppress(OSError):
            if self.first_step is None:
                os.remove(self.path)
            elif os.stat(self.path).st_size > self._size:
                os.truncate(self.path, self._size)


def is_remote(path):
    """Whether a path is on a remote file system of TensorFlow's, such as `gs://`."""
    return "://" in path


def steps_in(path):
    """The first and the last step of an event file on this machine.

    Of the records it reads the lengths alone, and the two events.

    Returns:
      Pair of ints. None if no event in it can be read.
    """
    try:
        with open(path, "rb") as file:
            places = list(_places(file))
            steps = [_step_at(file, *place) for place in places[1:2] + places[-1:]]
    except (OSError, ValueError):  # protobuf's DecodeError is a ValueError
        return None
    return (steps[0], steps[-1]) if len(places) > 1 else None


def _places(file):
    """Offset and length of the data of each record that is there to its end."""
    size, offset = os.fstat(file.fileno()).st_size, 0
    while offset + _HEADER_BYTES <= size:
        file.seek(offset)
        (length,) = struct.unpack("<Q", file.read(8))
        begin = offset + _HEADER_BYTES
        offset = begin + length + _FOOTER_BYTES
        if offset <= size:
            yield begin, length


def _step_at(file, offset, length):
    file.seek(offset)
    return tf.compat.v1.Event.FromString(file.read(length)).step
