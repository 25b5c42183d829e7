"""All places that a logger writes to. A place that fails does not disturb the others."""

import os
import time

import tensorflow as tf

from gtlog.writing.given_sink import GivenSink
from gtlog.writing.outage import Outage
from gtlog.writing.tensorboard.event_file import is_remote
from gtlog.writing.tensorboard.log_directory import LogDirectory
from gtlog.writing.writer import EventWriter

# A place that took longer than `_SLOW_SECONDS` to fail is left alone for `_REST` times as long.
# So a server that does not answer costs at most a twentieth of the training.
_SLOW_SECONDS, _REST = 1.0, 19.0


class Destinations:
    """Writes each step to one place or several.

    Args:
      writer: `tf.summary.SummaryWriter`, log directory or sink, or a list or tuple of these.
      failures: `Failures`, which reports what fails.

    Raises:
      TypeError, ValueError, OSError: as `EventWriter` raises them; ValueError as well if the list
        is empty or names a place twice.
    """

    def __init__(self, writer, failures):
        writers = list(writer) if isinstance(writer, (list, tuple)) else [writer]
        _check_each_once(writers)
        self._failures = failures
        self._places = [_Destination(EventWriter(one, failures), failures) for one in writers]

    def __str__(self):
        return " and ".join(str(one.sink) for one in self._places)

    @property
    def last_step(self):
        """The greatest step that any place has written; None before the first."""
        steps = [one.writer.last_step for one in self._places]
        return max((step for step in steps if step is not None), default=None)

    @property
    def refusal(self):
        """Why nothing may be written any more; None if writing is allowed."""
        return self._places[0].writer.refusal

    @property
    def outlive_the_program(self):
        """Whether all places stay open until gtlog closes them, even as the program ends."""
        return not any(isinstance(one.sink, GivenSink) for one in self._places)

    def takes(self, step, advice):
        """Whether any place takes a step. A notice names the places that do not.

        Args:
          step: Number of the step.
          advice: Sentence on where step numbers come from.
        """
        dropping = [one for one in self._places if one.writer.would_drop(step)]
        is_dropped = len(dropping) == len(self._places)
        for one in dropping:
            where = "logged" if is_dropped else f"written to {one.sink}"
            self._failures.notice(
                f"Step {step} was not {where}: {one.writer.why_dropped} {advice}",
                once="repeated step" if is_dropped else ("repeated step", str(one.sink)),
            )
        return not is_dropped

    def write(self, step, values):
        """Writes a step to the places that take it, and reports failures and lost steps.

        Args:
          step: Number of the step.
          values: `gtlog.values` objects, each tag once.
        """
        takers = [one for one in self._places if not one.writer.would_drop(step)]
        # All are written first: a report raises where a filter makes errors of warnings.
        errors = [one.write(step, values) for one in takers]
        for one, error in zip(takers, errors):
            if error is None:
                one.outage.over(step)
            else:
                one.outage.lost(step, error)

    def write_between(self, step, values, doing):
        """Writes values that come after their step. The step may have been written already.

        Args:
          step: Number of the step.
          values: `gtlog.values` objects, each tag once.
          doing: What this call does, for the message of a failure: "write …".
        """
        errors = [one.write_between(step, values) for one in self._places]
        self._say(doing, zip(self._places, errors), step)

    def flush(self):
        """Flushes each place."""
        self._each(_Destination.flush, "flush")

    def check(self):
        """Gives a notice if an event file that gtlog made is gone."""
        for one in self._places:
            one.writer.check()

    def close(self):
        """Flushes all places, closes what gtlog opened, and adds the report if a sink takes it."""
        trackers = [one for one in self._places if isinstance(one.sink, GivenSink)]
        others = [one for one in self._places if one not in trackers]
        takers = [one for one in trackers if one.sink.takes_report and one.writer.refusal is None]
        self._each(_Destination.close, "close", among=others)
        if takers:
            with self._failures.guard("make the report"):
                self._add_report(others, takers)
        self._each(_Destination.close, "close", among=trackers)
        for one in self._places:
            one.outage.over()

    def _add_report(self, others, takers):
        written = [one.sink.path for one in others if one.has_written and _is_local(one.sink)]
        if written:
            from gtlog.looking.report import report_html  # here, since few loggers need it

            html = report_html(written[:1])
            self._each(lambda one: one.sink.add_report(html), "store the report in", among=takers)

    def _each(self, work, doing, among=None):
        """Does something with each place. A place that fails does not disturb the others."""
        places = self._places if among is None else among
        self._say(doing, [(one, one.attempt(work)) for one in places])

    def _say(self, doing, places_and_errors, step=None):
        # Last, since a warning raises where a filter makes errors of warnings.
        for one, error in list(places_and_errors):
            if error is not None:
                self._failures.failed(f"{doing} {one.sink}", error, step)


class _Destination:
    """One place, and the steps that could not be written there.

    Args:
      writer: `EventWriter`.
      failures: `Failures`.

    Attributes:
      outage: `Outage`, the steps that could not be written.
      has_written: Whether a step was written.
    """

    def __init__(self, writer, failures):
        self.writer = writer
        self.outage = Outage(failures, writer)
        self.has_written = False
        self._error = None
        self._rests_until = 0.0

    @property
    def sink(self):
        """The `Sink`."""
        return self.writer.sink

    def write(self, step, values):
        """Writes a step. Returns the error if that failed, None if it did not."""
        return self._unless_resting(lambda one: one.writer.write(step, values))

    def write_between(self, step, values):
        """As `write`, for values that come after their step."""
        return self._unless_resting(lambda one: one.writer.write_between(step, values))

    def flush(self):
        """Flushes the place."""
        self.writer.flush()

    def close(self):
        """Closes the place."""
        self.writer.close()

    def attempt(self, work):
        """Does some work with this place. Returns the error if that failed, None if it did not.

        Args:
          work: Function of a `_Destination`.
        """
        try:
            work(self)
        except Exception as error:
            return error
        return None

    def _unless_resting(self, work):
        started = time.monotonic()
        if started < self._rests_until:
            return self._error
        self._error = self.attempt(work)
        ended = time.monotonic()
        if self._error is None:
            self.has_written = True
        elif ended - started > _SLOW_SECONDS:
            self._rests_until = ended + _REST * (ended - started)
        return self._error


def _is_local(sink):
    return isinstance(sink, LogDirectory) and not is_remote(sink.path)


def _check_each_once(writers):
    if not writers:
        raise ValueError("writer must not be an empty list: pass a log directory, or a sink.")
    seen = []
    for one in writers:
        if isinstance(one, (list, tuple)):
            raise TypeError(f"writer must be a list of writers, got a list in it: {one!r}.")
        key = one
        if isinstance(one, (str, os.PathLike)) and not isinstance(one, tf.summary.SummaryWriter):
            key = os.path.normpath(os.fsdecode(one))
        if any(key is other or (isinstance(key, str) and key == other) for other in seen):
            raise ValueError(f"writer names {one!r} twice; name each place once.")
        seen.append(key)
