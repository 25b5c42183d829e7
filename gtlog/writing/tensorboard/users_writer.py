"""A `SummaryWriter` that the user made, and that other loggers may use as well."""

import weakref

import tensorflow as tf

from gtlog import _compat
from gtlog.writing.sink import Sink
from gtlog.writing.tensorboard.event import summary_of, tags_of_tables


class UsersWriter(Sink):
    """A `Sink`: a `tf.summary.SummaryWriter`, which stays the user's.

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

    def write(self, step, values):
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
    """Whether this is the no-op writer. Made default, it would leave an outer writer in place."""
    return isinstance(writer, type(tf.summary.create_noop_writer()))
