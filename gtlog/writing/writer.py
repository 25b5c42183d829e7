"""Where the values of a step go: the only place that writes.

In a log directory gtlog makes event files of its own. A `SummaryWriter` belongs to the user, and so
does a sink beside TensorBoard.
"""

import os

import tensorflow as tf

from gtlog import _compat
from gtlog.notices.failures import Failures
from gtlog.writing.given_sink import GivenSink
from gtlog.writing.tensorboard.event_file import is_remote
from gtlog.writing.tensorboard.log_directory import LogDirectory
from gtlog.writing.tensorboard.users_writer import UsersWriter

_WHAT_TO_WRITE = (
    "Pass tf.summary.create_file_writer(logdir), or the log directory itself as a str or path."
)


class EventWriter:
    """Writes the values of one step as one event, and each step at most once.

    TensorBoard drops points when a step comes again or steps run backwards. So an event is left out
    if its step is not greater than the last one that was written here.

    Args:
      writer: `tf.summary.SummaryWriter`; a log directory (`str` or `os.PathLike`), for which the
        event file is made at the first write, and closed by `close`; or a sink.
      failures: `Failures`, for notices about the directory.

    Attributes:
      sink: `LogDirectory`, `UsersWriter` or `GivenSink`; its `str` names the place.

    Raises:
      TypeError: `writer` is something else.
      ValueError: `writer` is closed, or the directory's path is empty or no valid UTF-8.
      OSError: the path is a file, or no directory that can be made and written to.
    """

    def __init__(self, writer, failures=None):
        self._failures = failures or Failures("warn")
        if isinstance(writer, tf.summary.SummaryWriter):
            self.sink = UsersWriter(_checked_writer(writer), self._failures.notice)
        elif isinstance(writer, (str, os.PathLike)):
            self.sink = LogDirectory(_checked_directory(os.fspath(writer)), self._failures.notice)
        elif hasattr(writer, "write"):
            self.sink = GivenSink(writer)
        else:
            raise TypeError(
                "writer must be a tf.summary.SummaryWriter, a log directory, a sink, or a list of "
                f"these, got {writer!r} ({type(writer).__name__}). {_WHAT_TO_WRITE}"
            )
        self._last_step = None
        self._has_looked_back = False
        self._is_closed = False
        self._process = os.getpid()

    def would_drop(self, step):
        """Whether TensorBoard would lose points if an event with this step were written now."""
        if not self._has_looked_back:
            self._has_looked_back = True
            self._look_back(step)
        return self._last_step is not None and step <= self._last_step

    @property
    def last_step(self):
        """The greatest step written so far, also by the run that is resumed; None before."""
        return self._last_step

    @property
    def why_dropped(self):
        """Why a step that `would_drop` is not written, a sentence."""
        if isinstance(self.sink, GivenSink):
            return (
                f"{self.sink} has step {self._last_step} already, and a sink gets each step once, "
                "in rising order."
            )
        return (
            f"step {self._last_step} is in the event file already, and TensorBoard drops points "
            "when steps repeat or run backwards."
        )

    @property
    def refusal(self):
        """Why nothing may be written any more; None if writing is allowed."""
        if self._is_closed:
            return "the logger was closed before this step; make a new one"
        if self._is_forked:
            return (
                "this process was forked from the one that made the logger, and two processes must "
                "not write one event file; make a logger in each process"
            )
        return None

    def write(self, step, values):
        """Writes one event and flushes it to the file.

        Args:
          step: Number of the step, int.
          values: `gtlog.values` objects, each tag once.

        Raises:
          RuntimeError: there is a `refusal`, or the user has closed the writer.
          OSError, tf.errors.OpError: the event could not be written.
        """
        if self.refusal:
            raise RuntimeError(self.refusal)
        self.sink.write(step, values)
        self._last_step = step

    def write_between(self, step, values):
        """As `write`, for values after their step, which may have been written already."""
        if self.refusal:
            raise RuntimeError(self.refusal)
        self.sink.write(step, values)

    def flush(self):
        """Flushes the event file. A closed writer was flushed when it was closed."""
        if not self._is_forked:
            self.sink.flush()

    def check(self):
        """Gives a notice if an event file of gtlog's is gone, while the logger is in use."""
        if self.refusal is None:
            self.sink.check()

    def close(self):
        """Flushes, and closes the event file if gtlog made it."""
        self._is_closed = True
        if not self._is_forked:
            self.sink.close()

    @property
    def _is_forked(self):
        return os.getpid() != self._process

    def _look_back(self, step):
        """Takes account of the steps that an earlier run has left in the directory."""
        earlier = self.sink.earlier_steps()
        if earlier is None:
            return
        first, last = earlier
        if step > first:
            self._last_step = last
        elif step <= last:
            self._failures.notice(
                f"{self.sink} has steps {first} to {last} of an earlier run. {self._mixed(step)}"
            )

    def _mixed(self, step):
        """What becomes of two runs in one place, if this run begins at a step."""
        if isinstance(self.sink, GivenSink):
            return f"The steps of this run, from step {step} on, follow. Give each run its own."
        return (
            f"TensorBoard takes both for one run and shows this one's points from step {step} on "
            "in place of the other's; its files stay as they are. Give each run a directory of "
            "its own."
        )


def _checked_writer(writer):
    if _compat.writer_is_closed(writer):
        raise ValueError(f"writer is closed: {writer!r}. {_WHAT_TO_WRITE}")
    return writer


def _checked_directory(path):
    path = os.fsdecode(path)
    if not path:
        raise ValueError(f"writer must not be an empty path. {_WHAT_TO_WRITE}")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"writer={path!r}: TensorFlow takes only paths that are valid UTF-8."
        ) from error
    if is_remote(path):
        return path
    if os.path.exists(path) and not os.path.isdir(path):
        raise NotADirectoryError(
            f"writer={path!r} is a file, but a log directory is needed. {_WHAT_TO_WRITE}"
        )
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise type(error)(
            error.errno, f"writer={path!r}: the log directory cannot be made ({error.strerror})"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(
            f"writer={path!r}: no permission to write into the log directory. {_WHAT_TO_WRITE}"
        )
    return path
