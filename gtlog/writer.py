"""Where events go: the only place that writes.

A log directory is gtlog's own, with event files that it makes; a `SummaryWriter` is the user's.
"""

import os
import weakref

import tensorflow as tf

from gtlog import _compat
from gtlog.event_file import is_remote
from gtlog.events import summary_of, tags_of_tables
from gtlog.failures import Failures
from gtlog.log_directory import LogDirectory

_WHAT_TO_WRITE = (
    "Pass tf.summary.create_file_writer(logdir), or the log directory itself as a str or path."
)


class EventWriter:
    """Writes the values of one step as one event, and each step at most once.

    TensorBoard drops points when a step comes again or steps run backwards, so an event whose step
    is not greater than the last one written here is left out.

    Args:
      writer: `tf.summary.SummaryWriter`; or a log directory (`str` or `os.PathLike`), for which the
        event file is made at the first write, and closed by `close`.
      failures: `Failures`, for what is to be said of the directory.

    Attributes:
      sink: `LogDirectory` or `UsersWriter`; its `str` says what it is.

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
        else:
            raise TypeError(
                f"writer must be a tf.summary.SummaryWriter or a log directory, got {writer!r} "
                f"({type(writer).__name__}). {_WHAT_TO_WRITE}"
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
        """The greatest step that was written, a run that is resumed included; None before."""
        return self._last_step

    @property
    def refusal(self):
        """Why nothing may be written any more; None where it may."""
        if self._is_closed:
            return "the logger was closed before this step; make a new one"
        if self._is_forked:
            return (
                "this process was forked from the one that made the logger, whose event file is "
                "not to be written by two; make a logger in each process"
            )
        return None

    def write(self, step, values):
        """Writes one event and flushes it to the file.

        Args:
          step: Number of the step, int.
          values: `gtlog.values` objects, each tag once.

        Raises:
          RuntimeError: there is a `refusal`, or the user has closed the writer.
          OSError, tf.errors.OpError: it could not be written.
        """
        if self.refusal:
            raise RuntimeError(self.refusal)
        self.sink.append(step, values)
        self._last_step = step

    def flush(self):
        """Flushes the event file; a writer that is closed has been flushed."""
        if not self._is_forked:
            self.sink.flush()

    def check(self):
        """Says if the event file that was made here is gone; a logger that is dropped is silent."""
        if self.refusal is None:
            self.sink.check()

    def close(self):
        """Flushes, and closes the event file if it was made here."""
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
                f"{self.sink} has steps {first} to {last} of an earlier run. TensorBoard takes "
                f"both for one run and shows this one's points from step {step} on in place of "
                "the other's; its files stay as they are. Give each run a directory of its own."
            )


class UsersWriter:
    """A `tf.summary.SummaryWriter`, which stays the user's.

    Args:
      writer: `tf.summary.SummaryWriter`.
      notice: Called with a message where another logger writes with the same writer.
    """

    is_reliable = False

    def __init__(self, writer, notice):
        self._writer = writer
        self._described = set()
        self._notice = notice
        self._loggers = _loggers_of(writer)
        self._number = self._loggers.join()
        self._is_alone = True

    def __str__(self):
        return "the SummaryWriter"

    def earlier_steps(self):
        """None: where the writer writes is the user's to know."""
        return None

    def append(self, step, values):
        """Writes one event of the values, and flushes the writer."""
        if _is_noop(self._writer):
            return
        summary = summary_of(values, self._described)
        # `record_if` is for summaries that the user writes; what gtlog writes is `every`'s to say.
        with self._writer.as_default(), tf.summary.record_if(True), tf.device("/cpu:0"), (
            _compat.summaries_of_any_replica()
        ):
            tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)
        self._described.update(tags_of_tables(values))
        others_last = self._loggers.note(self._number, step)
        if self._is_alone and others_last is not None and step <= others_last:
            self._is_alone = False
            self._notice(
                f"Step {step} was written to a SummaryWriter with which another logger has written "
                f"steps up to {others_last}. TensorBoard takes both for one run, and drops points "
                "of a tag where its steps repeat or run backwards. Give each logger a writer of "
                "its own, or go on with one logger."
            )

    def flush(self):
        """Flushes the writer, if the user has not closed it."""
        if not (_compat.writer_is_closed(self._writer) or _compat.writer_is_of_graph(self._writer)):
            self._writer.flush()

    def check(self):
        """Does nothing: where the writer writes is the user's to know."""

    def close(self):
        """Flushes; to close the writer is the user's."""
        self.flush()


class _Loggers:
    """The last step that each logger has written with one `SummaryWriter`."""

    def __init__(self):
        self._last_steps = []

    def join(self):
        """The number of a logger that is new."""
        self._last_steps.append(None)
        return len(self._last_steps) - 1

    def note(self, number, step):
        """Notes a step of one logger.

        Returns:
          The greatest step of all others, living or not; None without any.
        """
        self._last_steps[number] = step
        others = self._last_steps[:number] + self._last_steps[number + 1 :]
        return max((last for last in others if last is not None), default=None)

    def forget(self):
        """Called when the writer is gone, and this with it."""
        self._last_steps.clear()


def _loggers_of(writer):
    """The `_Loggers` of a `SummaryWriter`, which live as long as it does.

    Neither the writer nor a module keeps them, but Python's list of what is to be done when an
    object is gone, where the loggers that come later find them.
    """
    for reference in weakref.getweakrefs(writer):
        finalizer = getattr(reference, "__callback__", None)
        alive = finalizer.peek() if isinstance(finalizer, weakref.finalize) else None
        loggers = getattr(alive[1], "__self__", None) if alive else None
        if isinstance(loggers, _Loggers):
            return loggers
    loggers = _Loggers()
    weakref.finalize(writer, loggers.forget).atexit = False
    return loggers


def _is_noop(writer):
    """Whether a writer is there to write nothing; as the default it would let another one write."""
    return isinstance(writer, type(tf.summary.create_noop_writer()))


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
