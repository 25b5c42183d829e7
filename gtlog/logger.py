"""`StepLogger`, which does the work of the decorator."""

import atexit
import weakref
from typing import TYPE_CHECKING, Any, ContextManager, Iterable, Optional

import tensorflow as tf

from gtlog import _compat
from gtlog.advice.findings import LiveFindings
from gtlog.advice.unseen_gradients import UnseenGradients
from gtlog.advice.updates_of_calls import UpdatesOfCalls
from gtlog.graphs.gate import Gate
from gtlog.graphs.second_function import CompiledFunctions
from gtlog.graphs.traced_functions import TracedFunctions
from gtlog.graphs.values_at_call import ValuesAtCall
from gtlog.notices.failures import Failures
from gtlog.notices.users_line import first_line_of
from gtlog.steps import messages
from gtlog.steps.active_step import active_step
from gtlog.steps.by_tape import InlineSteps
from gtlog.steps.fit.batches import FitSteps
from gtlog.steps.fit.callback import callback_of, made_for_keras, refuse_as_callback
from gtlog.steps.fit.train_function import WatchedModels
from gtlog.steps.in_graph import GraphStep
from gtlog.steps.making import NewSteps
from gtlog.steps.own_values import OwnValues
from gtlog.steps.parts import LoggerParts
from gtlog.steps.workers import Workers
from gtlog.summaries.checks import check_summary
from gtlog.summaries.histograms import check_buckets, histogram_of
from gtlog.summaries.stock import stock
from gtlog.types import Diagnose, Every, Expressions, Step, Summary, Writer
from gtlog.values import Image, Scalar
from gtlog.variables.models import Models
from gtlog.variables.optimizers import OptimizersOfSteps, WantedOptimizers
from gtlog.variables.path_filter import PathFilter
from gtlog.variables.registry import VariableRegistry
from gtlog.when.schedule import as_schedule
from gtlog.when.step_counter import StepCounter
from gtlog.when.step_number import as_step_number
from gtlog.writing.destinations import Destinations
from gtlog.writing.post_hook import PostHook


class StepLogger:
    """Logs the steps of one training loop.

    `with logger.step():` logs the step inside it; `gtlog.logged_step` does the same around a
    function. In a plain loop `InstrumentedTape(logger=logger)` is enough.

    Args:
      writer: `tf.summary.SummaryWriter`; a log directory (`str` or `os.PathLike`), for which
        gtlog makes, owns, flushes and closes the writer; a sink (`gtlog.sinks`, or any object with
        a method `write(step, values)`); or a list of these. One that fails does not disturb the
        others.
      every: Positive int N: steps 0, N, 2N, … are logged. Or a schedule: `gtlog.every_seconds`,
        `gtlog.log_spaced`, `gtlog.overhead`. Or a callable from the step number (int) to a bool.
      step: Where the step numbers come from, read before the step runs. None counts the calls from
        0, unless a step is set by `tf.summary.experimental.set_step`; an int counts from there (to
        resume); a `tf.Variable` or Keras variable (`optimizer.iterations`) or a callable is read.
      summaries: Iterable of callables from a `StepRecord` to an iterable of values. None takes the
        stock ones: `histograms()`, `kernel_images()`, `recurrent_gates()`, `attention_heads()`,
        `scalars()`, `vitals()`.
      include: Regular expression, or several: only variables whose path matches one are logged.
      exclude: Regular expression, or several: variables whose path matches one are not logged.
      model: Keras model or `tf.Module`. Adds the variables that a tape does not see (moving
        statistics, frozen layers) and the classes of the layers. The logger holds it weakly, as it
        holds variables: the program that trains the model keeps it. Several models are given as a
        dict by name, or as a list; in a list they go by their own names. The paths of a model's
        variables then begin with its name, and the norms and the update ratio of each model are
        written too.
      names: `"own"`: variables have the names that Keras gives them. `"recounted"`: Keras gives
        numbers to layers without a name; these count within the logger's models, from 0, whatever
        other models the process has made. A variable keeps its own name if it is in no model that
        gtlog sees, through `model` or through the objects that the decorated function holds.
      on_error: `"warn"`: a failure of gtlog is given once as a `LoggingWarning` and training goes
        on. `"raise"`: it is raised as a `LoggingError` after the step has completed.
      diagnose: Whether the run is judged by its vitals while it goes on. True: each new finding is
        written with its step, and an alarm is given once as a `TrainingWarning`. A function is
        called with each new `Finding`, after its step, in place of the warnings; an exception from
        it ends the step. False: nothing is judged.

    Raises:
      TypeError: a parameter is of the wrong kind.
      ValueError: a parameter is of the right kind but out of its range.
      OSError: the log directory cannot be used.

    A logger may be used as a context manager, which closes it.
    """

    def __init__(
        self,
        writer: Writer,
        every: Every = 1,
        *,
        step: Step = None,
        summaries: Optional[Iterable[Summary]] = None,
        include: Expressions = None,
        exclude: Expressions = None,
        model: Any = None,
        names: str = "own",
        on_error: str = "warn",
        diagnose: Diagnose = True,
    ) -> None:
        self._failures = failures = Failures(on_error)
        self._every = every
        schedule = as_schedule(every)
        step_number = as_step_number(step, failures.notice)
        registry = VariableRegistry(
            PathFilter(include, exclude), Models(model), failures, _are_recounted(names)
        )
        self._destinations = Destinations(writer, failures)
        workers = Workers(registry, schedule.is_told_by_number, failures)
        unseen = UnseenGradients(failures, is_asked_for=summaries is None)
        summaries = _checked_summaries(summaries)
        self._findings = LiveFindings(diagnose, failures)
        wanted = [getattr(one, "optimizers", None) for one in summaries]
        wanted = [one for one in wanted if isinstance(one, WantedOptimizers)]
        self._post_hook = PostHook(
            registry,
            OptimizersOfSteps(wanted, registry.objects, failures),
            summaries,
            self._destinations,
            workers,
            step_number,
            unseen,
            self._findings,
            failures,
        )
        counter = StepCounter(step_number, schedule, failures)
        self._parts = LoggerParts(
            counter, Gate(), ValuesAtCall(failures), registry, self._post_hook, failures
        )
        self._inline = InlineSteps(self._parts)
        self._own = OwnValues(self._parts, self._inline.pending)
        self._new = NewSteps(self._parts)
        self._watched = WatchedModels(self._parts, self._new)
        self._traced = TracedFunctions()
        self._compiled = CompiledFunctions(failures)
        self._updates = UpdatesOfCalls(failures)
        if not tf.compat.v1.executing_eagerly_outside_functions():
            failures.notice(messages.STEP_IN_PLAIN_GRAPH)
        self._finalizer = weakref.finalize(
            self,
            _drop,
            self._inline.pending,
            self._destinations,
            weakref.ref(self._findings),  # it may keep what the user's function keeps, this too
            failures,
        )
        if not self._destinations.outlive_the_program:
            # The function registered last is called first. So the logger is closed before the
            # tracker, which began earlier, ends the run.
            atexit.register(self._finalizer)

    @_compat.unconverted
    def step(self) -> ContextManager[Any]:
        """The next step, as a context manager around the code that makes it.

        Inside a function that is being traced, the context manager adds operations to the graph.
        They log the step each time that the graph runs.
        """
        return self._eager_step() if tf.executing_eagerly() else self._graph_step()

    def _eager_step(self):
        """The next step, if Python runs it."""
        return self._new.eager()

    def _graph_step(self, owner=None):
        """The next step, if it is being traced.

        Args:
          owner: The object of which the decorated function is a method, if it is one.
        """

        def step(parts):
            made = GraphStep(parts)
            made.is_of_keras_model = _compat.is_keras_model(owner)
            return made

        return self._new.in_graph(step)

    def _call_tf_function(self, function, owner, args, kwargs):
        """Calls a `tf.function` object eagerly, as one step.

        Args:
          function: The `tf.function` object.
          owner: The object of which it is a method; None for a function.
          args: Its arguments.
          kwargs: Its keyword arguments.

        Returns:
          The return value of the function.
        """
        if _compat.is_compiled(function):
            with self._eager_step() as step:
                self._called(step, function, owner, args, kwargs)
                return self._compiled.call(function, step, args, kwargs)
        failures = self._failures
        self._traced.before_call(function)
        with self._eager_step() as step:
            step.function = function
            if not step.is_logged:
                if step.is_watched:
                    self._called(step, function, owner, args, kwargs)
                return function(*args, **kwargs)
            self._called(step, function, owner, args, kwargs)
            counts = self._updates.before_call(step, function, owner, args, kwargs)
            step.read_at_call()
            result = function(*args, **kwargs)
            if not step.shows_what_is_trained:
                with failures.guard("find the variables of a tf.function", step.number):
                    step.calls(self._traced.variables_of(function, args, kwargs))
                if self._traced.was_traced_before(function) and not step.has_gradients:
                    self._post_hook.unseen.settle()
                    failures.notice(messages.TRACED_BEFORE)
        self._updates.after_call(step, counts)
        return result

    @made_for_keras
    def keras_callback(self, gradients: bool = False) -> Any:
        """A Keras callback that logs the model that `fit` trains.

        `model.fit(x, y, callbacks=[log.keras_callback()])` needs no `train_step` of your own. It
        also works if XLA compiles the step, so that nothing inside the step can be seen.

        Its steps are the batches of training, counted over epochs and calls of `fit`; evaluation
        and prediction do not count. On scheduled steps it logs all variables of the model with
        their values after the update, and those before it (`update_ratio`). If Keras runs several
        steps at once (`steps_per_execution`) and one of them is scheduled, it logs once after them,
        under the number of the last one and without `update_ratio`.

        With `gradients=True` each scheduled step is logged as if it had an `InstrumentedTape`:
        gradients, the loss, and values around the update. This holds for several steps that Keras
        runs at once, too. While a batch is trained on, methods of this model and of its optimizer
        are replaced by functions that look at their arguments; classes are not changed. Keras's own
        loss and metrics are written as well: as `fit/<name>` after a scheduled step, and as
        `epoch/<name>` after each epoch, those of validation included. If XLA compiles the step,
        gradients and loss cannot be seen, and a warning says so.

        If a decorated step of the same logger logs inside `fit`, the callback stands aside.

        Args:
          gradients: Whether to log gradients, loss and metrics as well.

        Returns:
          A callback for `tf.keras`, of the Keras version that it stands for. It keeps the logger
          alive.

        Raises:
          TypeError: `gradients` is no bool.
        """
        if not isinstance(gradients, bool):
            raise TypeError(
                f"gradients must be a bool, got {gradients!r} ({type(gradients).__name__})."
            )
        self._post_hook.unseen.settle()  # the tape is Keras's
        watched = self._watched if gradients else None
        return callback_of(FitSteps(self._parts, watched), self)

    @property
    def step_number(self) -> int:
        """The number of the step that runs, or, between two steps, of the one before.

        It is 0 before the first step. Of a step in a `tf.function` it is read where Python runs:
        when the function is traced, or outside of it.
        """
        return self._own.number

    @_compat.unconverted
    def scalar(self, tag: str, value: Any, description: str = "") -> None:
        """Logs a number of your own with the step that it belongs to.

        Inside a step, eager or in a `tf.function`, the number is written if the step is logged.
        Between two steps it is written at once, with the number of the step before, whether or not
        that step is logged: so numbers of a validation need no writer of their own. If a step logs
        a tag several times, the last value counts. Of several replicas, the first one counts.

        Args:
          tag: Name of the chart, such as `"accuracy"` or `"validation/loss"`.
          value: One real number, or a tensor of one element of rank 0.
          description: Markdown shown beside the chart.

        Raises:
          TypeError: `tag` is no string.
          ValueError: `tag` is empty, or a tag that gtlog itself writes, such as `loss`. A wrong
            `value` only gives a `LoggingWarning`, and the training goes on.
        """
        self._own.add(tag, value, lambda tag, array: Scalar(tag, array, description))

    @_compat.unconverted
    def histogram(
        self, tag: str, values: Any, buckets: int = 30, description: str = ""
    ) -> None:
        """Logs the distribution of numbers of your own, when and as `scalar` does.

        Args:
          tag: Name of the chart.
          values: Numeric array or tensor of any shape; NaN and infinite elements are left out.
          buckets: Positive number of buckets.
          description: Markdown shown beside the chart.

        Raises:
          TypeError: `tag` is no string, or `buckets` no int.
          ValueError: `tag` is empty, or one that gtlog itself writes, or `buckets` is below 1.
        """
        check_buckets(buckets)
        self._own.add(
            tag, values, lambda tag, array: histogram_of(tag, array, buckets, description)
        )

    @_compat.unconverted
    def image(self, tag: str, pixels: Any, description: str = "") -> None:
        """Logs a picture of your own, when and as `scalar` does.

        Args:
          tag: Name of the picture.
          pixels: uint8 array or tensor `[height, width, channels]` with 1, 3 or 4 channels.
          description: Markdown shown beside the picture.

        Raises:
          TypeError: `tag` is no string.
          ValueError: `tag` is empty, or one that gtlog itself writes.
        """
        self._own.add(tag, pixels, lambda tag, array: Image(tag, array, description))

    @_compat.unconverted
    def flush(self) -> None:
        """Writes the current step of a plain loop, and flushes the event file.

        Call it after the optimizer update.
        """
        with _compat.outside_graphs():
            try:
                self._inline.pending.finish()
            finally:
                self._destinations.flush()
        self._failures.raise_pending()

    @_compat.unconverted
    def close(self) -> None:
        """Flushes, and closes the writer if the logger owns it. It may be called twice.

        Some faults, such as a layer that was never updated, show only in a whole run. They are
        found here, or, as a warning, when the program ends.
        """
        self._destinations.check()
        alive = self._finalizer.detach()
        atexit.unregister(self._finalizer)
        if alive:
            _, _, parts, _ = alive
            _close(*parts)
            self._failures.raise_pending()

    def __enter__(self) -> "StepLogger":
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is not None:
            self._findings.cut_short()
        self.close()

    def __repr__(self) -> str:
        step = self._destinations.last_step
        so_far = "nothing logged yet" if step is None else f"step {step} logged last"
        return f"<gtlog.StepLogger into {self._destinations}, every={self._every!r}, {so_far}>"

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name):
            refuse_as_callback("a StepLogger", name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _decorates(self, function):
        """Notes a function whose calls are steps, and the objects that it holds.

        Warnings point at this function if they are given while no line of the user's runs.
        """
        with self._failures.guard("look through what the step holds"):
            self._post_hook.registry.objects.add_function(function)
        self._failures.home = first_line_of(function) or self._failures.home

    def _called(self, step, function, owner, args, kwargs):
        """Notes the arguments of a step, while its variables are looked for."""
        if getattr(step, "is_watched", False):
            with self._failures.guard("look through the arguments of the step"):
                self._post_hook.registry.objects.add_call(function, owner, args, kwargs)

    def _asked_for(self, attribute):
        """Warns of what is not seen if TensorFlow runs a step without calling it.

        Args:
          attribute: Name of an attribute of the decorated function that is being read.
        """
        if attribute == "get_concrete_function" and _compat.runs_on_workers():
            self._failures.notice(messages.STEP_ON_WORKERS)

    def _step_of_tape(self):
        """The step of a tape that has this logger and is entered now; None in a graph."""
        step = active_step()
        if step is not None and step.post_hook is self._post_hook:
            return step
        if _compat.replicas_in_threads() > 1:
            self._failures.notice(messages.TAPE_IN_REPLICA)
            return None
        if tf.executing_eagerly():
            return self._inline.for_new_tape()
        is_plain = _compat.is_plain_graph()
        message = messages.STEP_IN_PLAIN_GRAPH if is_plain else messages.TAPE_IN_GRAPH
        self._failures.notice(message)
        return None

    def _findings_so_far(self):
        """The findings of `gtlog.diagnose` for the run so far."""
        return self._findings.so_far()

    def _abandon_inline(self, step):
        """Drops a step of a plain loop after an exception has left its tape."""
        self._inline.abandon(step)


def _close(pending, destinations, findings, failures):
    # A logger that is dropped may be finalized while another graph is being traced. That graph
    # would then take in the operations below.
    with _compat.outside_graphs():
        try:
            pending.finish()
            _end(findings(), destinations)
        finally:
            destinations.close()


def _drop(pending, destinations, findings, failures):
    """Closes a logger that is dropped, or that is still open when the program ends."""
    if findings() is not None:
        findings().only_warn()
    _close(pending, destinations, findings, failures)
    failures.raise_pending()


def _end(findings, destinations):
    """Writes the findings that only the whole run shows, with its last step."""
    if findings is None or destinations.refusal:
        return
    values = findings.values_at_end()
    if values:
        destinations.write_between(
            findings.last_step, values, "write what the whole run shows to"
        )


def _checked_summaries(summaries):
    if summaries is None:
        return stock()
    if callable(summaries):
        summaries = (summaries,)
    try:
        summaries = tuple(summaries)
    except TypeError:
        summaries = (summaries,)
    for summary in summaries:
        check_summary("summaries", summary)
    # Summaries that run a model come first, since they leave their results to the vitals.
    return sorted(summaries, key=lambda one: getattr(one, "probing", None) is None)


def _are_recounted(names):
    if names not in ("own", "recounted"):
        raise ValueError(f"names must be 'own' or 'recounted', got {names!r}.")
    return names == "recounted"
