"""The way of a logged step to its event: record, summaries, writer."""

import dataclasses
import threading
import time

from gtlog import _compat
from gtlog.advice.nonfinite import FirstNonfinite
from gtlog.advice.repeats import say_repeats
from gtlog.advice.update_outside import UpdateOutside
from gtlog.notices.failures import ALL_ELSE
from gtlog.records.losses import LossNames, told_apart
from gtlog.records.optimizer_record import OptimizerRecord, SlotRecord
from gtlog.values import VALUE_TYPES, Notice, Unreadable
from gtlog.variables.in_use import VariablesInUse
from gtlog.variables.optimizers import KnownOptimizerVariable
from gtlog.variables.reading import read_each


class PostHook:
    """Takes the capture of each logged step to the event file.

    Args:
      registry: `VariableRegistry` of the logger.
      optimizers: `OptimizersOfSteps`, which are read with the variables.
      summaries: Callables from a `StepRecord` to an iterable of values.
      destinations: `Destinations`.
      workers: `Workers`, which share the work; one of them writes.
      step_number: Where the numbers of the steps come from (`gtlog.when.step_number`).
      unseen: `UnseenGradients`, which looks at each logged step.
      findings: `LiveFindings`, which judges the run by the values of the summaries.
      failures: `Failures`, which gets every failure of this class.

    Attributes:
      in_use: `VariablesInUse` of the logger.
      update_outside: `UpdateOutside`, which compares steps until it knows where the update is.
    """

    def __init__(
        self,
        registry,
        optimizers,
        summaries,
        destinations,
        workers,
        step_number,
        unseen,
        findings,
        failures,
    ):
        self.registry = registry
        self.optimizers = optimizers
        self.failures = failures
        self.in_use = VariablesInUse()
        self.unseen = unseen
        self.update_outside = UpdateOutside(failures)
        self._findings = findings
        self._summaries = summaries
        self._destinations = destinations
        self._workers = workers
        self._step_number = step_number
        self._loss_names = LossNames()
        self._first_nonfinite = FirstNonfinite()
        self._lock = threading.RLock()

    @property
    def probing(self):
        """The summaries that run a model. The graph of a step has to run it for them."""
        found = [getattr(summary, "probing", None) for summary in self._summaries]
        return [one for one in found if one is not None]

    def finish_eagerly(self, capture):
        """Reads the variables of a step and writes it; call it after the update."""
        self._finish(capture, lambda: self._read(capture))

    def finish(self, capture, values):
        """Writes a step.

        Args:
          capture: `Capture` of the step.
          values: List of (`KnownVariable`, eager tensor after the update).
        """
        logged = capture.logged
        self._finish(
            capture,
            lambda: [pair for pair in values if pair[0] in logged or _is_of_optimizer(pair[0])],
        )

    def _losses(self, capture):
        """List of `Loss`: the losses of the step that can be read."""
        read = self.failures.each(
            lambda seen: f"read the loss{told_apart(seen.target)}",
            capture.differentiated,
            capture.loss_of,
            capture.step,
        )
        return [loss for _, loss in read]

    def _gradients(self, capture):
        """Dict from `KnownVariable` to the gradient of the step, if that can be read."""
        return dict(
            self.failures.each(
                lambda known: f"read the gradient of {known.path!r}",
                capture.with_gradient,
                capture.gradient_of,
                capture.step,
            )
        )

    def _finish(self, capture, read):
        with self._lock, self.failures.guard("record the step", capture.step):
            losses = self._losses(capture)
            totals, gradients = self._workers.total(
                [loss.value for loss in losses], self._gradients(capture), capture.is_from_graph
            )
            losses = [loss._replace(value=total) for loss, total in zip(losses, totals)]
            if self._workers.this_one_writes and self._may_write(capture.step):
                self._log(capture, read(), losses, gradients)

    def _log(self, capture, values, losses, gradients):
        started = time.perf_counter()
        of_optimizers = [pair for pair in values if _is_of_optimizer(pair[0])]
        values = [pair for pair in values if not _is_of_optimizer(pair[0])]
        if not values:
            self.failures.notice(self._no_variables(capture.step), once="no variables")
        values = sorted(values, key=lambda pair: pair[0].made)
        for known, _ in values:
            known.steps_logged += 1
        names = self._loss_names.of([loss.target for loss in losses])
        named = [(loss, name) for loss, name in zip(losses, names) if name is not None]
        record = capture.record(values, named, gradients)
        if of_optimizers:
            record = dataclasses.replace(record, optimizers=self._optimizers(of_optimizers))
        logged = self._values_of(record, capture.own)
        with self.failures.guard("tell whether gradients are unseen", capture.step):
            self.unseen.look(record, values)
        logged += self._findings.values_of(capture.step, logged, time.perf_counter() - started)
        if logged:
            self._destinations.write(capture.step, logged)
        self._say_what_is_nonfinite(record, several_updates=bool(capture.changed_between))
        with self.failures.guard("tell how often the step repeats itself", capture.step):
            say_repeats(self.failures, capture, losses, names)
        with self.failures.guard("compare the step with the next one", capture.step):
            known_variables = [known for known, _ in values]
            self.update_outside.after_step(
                capture.step, list(zip(known_variables, record.variables))
            )

    def _read(self, capture):
        """The variables that are alive and can be read, with their values."""
        logged = capture.logged
        with _compat.stop_recording():
            known_variables = [known for known in self.registry if known in logged]
            known_variables += self.optimizers.known(known_variables)
            return read_each(known_variables, self.failures, step=capture.step)

    def _optimizers(self, pairs):
        """An `OptimizerRecord` for each optimizer, made from its variables and their values."""
        return tuple(
            OptimizerRecord(
                read.name,
                read.updates,
                read.learning_rate,
                tuple(SlotRecord(*slot) for slot in read.slots),
            )
            for read in self.optimizers.read(pairs)
        )

    def _may_write(self, step):
        refusal = self._destinations.refusal
        if refusal:
            self.failures.failed("write the event", RuntimeError(refusal), step)
            return False
        return self._destinations.takes(step, self._step_number.advice_on_repeats)

    def write_between(self, step, values):
        """Writes values under the number of a step that is over.

        Args:
          step: Number of the step.
          values: List of `gtlog.values` objects.
        """
        what = ", ".join(repr(value.tag) for value in values)
        with self._lock, self.failures.guard(f"write the value {what}", step):
            if values and self._workers.this_one_writes:
                self._destinations.write_between(step, values, f"write the value {what} to")

    def _values_of(self, record, own):
        by_tag = dict(own)
        for summary in self._summaries:
            with self.failures.guard(f"run the summary {_name_of(summary)}", record.step):
                values = summary(record)
                for value in () if values is None else values:
                    self._add(by_tag, summary, value, record.step)
        return list(by_tag.values())

    def _say_what_is_nonfinite(self, record, several_updates):
        with self.failures.guard("tell what is not finite", record.step):
            found = self._first_nonfinite.find(record, several_updates)
            if found and not self._findings.takes_nonfinite(found):
                self.failures.notice(found)

    def _add(self, by_tag, summary, value, step):
        if isinstance(value, Notice):
            self.failures.notice(value.message)
            return
        if isinstance(value, Unreadable):
            self.failures.failed(f"read {value.part}", value.error, step, consequence=ALL_ELSE)
            return
        if not isinstance(value, VALUE_TYPES):
            self.failures.failed(
                f"write what the summary {_name_of(summary)} yielded",
                TypeError(
                    f"it yielded {value!r} ({type(value).__name__}); a summary yields "
                    "gtlog.summaries.Scalar, Histogram, Image or Table objects"
                ),
                step,
            )
            return
        if value.tag in by_tag:
            self.failures.notice(
                f"The summary {_name_of(summary)} yielded the tag {value.tag!r} a second time in "
                "one step; the first value was kept. Give each value a tag of its own."
            )
            return
        by_tag[value.tag] = value

    def _no_variables(self, step):
        left_out = self.registry.left_out
        if left_out:
            return (
                f"Step {step} logged no variable: include/exclude let none of the "
                f"{len(left_out)} paths through that the step touched: {_listed(left_out)}."
            )
        return (
            f"Step {step} touched no variable that gtlog can see, so no weights are logged. A step "
            "is seen when it reads trainable variables, under a gradient tape or in a tf.function. "
            "Decorate the function that computes the loss and applies the gradients, or pass "
            "model= to log the variables of a model whatever the step reads."
        )


def _is_of_optimizer(known):
    return isinstance(known, KnownOptimizerVariable)


def _name_of(summary):
    return getattr(summary, "__qualname__", None) or repr(summary)


def _listed(paths, most=20):
    shown = ", ".join(repr(path) for path in paths[:most])
    return shown if len(paths) <= most else f"{shown} and {len(paths) - most} more"
