"""Steps that Keras makes inside `fit`, seen from inside without a `train_step` of the user's own.

For each batch Keras calls its train function. Keras makes it once, and the model keeps it. While
`fit` runs with the callback, another object stands in its place. During each call that object
replaces a few methods of the model and its optimizer. When the call ends, even by an exception, the
methods are back.

The train function that was traced meanwhile stays with the model: tracing another one for the next
`fit` would begin the random numbers of Keras 2 anew. Without the callback its gates stay shut.
"""

import contextlib
import weakref

import tensorflow as tf

from gtlog import _compat
from gtlog.steps import messages
from gtlog.steps.eager import EagerStep
from gtlog.steps.fit.execution import Execution
from gtlog.steps.fit.optimizer import OptimizerCalls
from gtlog.steps.fit.overriding import overridden
from gtlog.steps.in_graph import GraphStep


class WatchedModels:
    """The models that `fit` trains with callbacks of one logger that see gradients.

    Args:
      parts: `LoggerParts`.
      new_steps: `NewSteps`.
    """

    def __init__(self, parts, new_steps):
        self.execution = Execution(parts.gate)
        self._failures = parts.failures
        self._post_hook = parts.post_hook
        self._new_steps = new_steps
        self._calls = OptimizerCalls(parts.failures)
        self._functions = weakref.WeakKeyDictionary()
        self._seen = weakref.WeakSet()
        self._next = None
        self._is_running = False

    def enter(self, model):
        """Watches the train function of a model, unless its steps log themselves."""
        if self._is_decorated(model.train_step):
            return
        if _compat.is_trained_on_workers(model):
            self._failures.notice(messages.FIT_ON_WORKERS)
            return
        self.leave(model)
        kept = model.train_function
        is_ours = kept is not None and self._function_of(model) is kept
        model.train_function = _WatchedFunction(self, model, kept, is_ours)

    def leave(self, model):
        """Puts the train function of a model back."""
        function = getattr(model, "train_function", None)
        if isinstance(function, _WatchedFunction):
            function.leave()

    def is_watched(self, model):
        """Whether the next step of a model may be seen from inside."""
        function = getattr(model, "train_function", None)
        if isinstance(function, _WatchedFunction) and function.watched is not self:
            self._failures.notice(messages.FIT_OF_ANOTHER)
        return isinstance(function, _WatchedFunction) and function.watched is self

    def is_seen(self, model):
        """Whether the steps of a model are known to log themselves."""
        return model in self._seen and self._function_of(model) is not None

    def announce(self, model, first, due):
        """Notes that the next call of the train function belongs to a `fit` with the callback.

        Args:
          model: The Keras model.
          first: Number of the first step.
          due: List of whether each of its steps is logged.
        """
        self._next = weakref.ref(model), _fit_of(model), first, due

    def take_announced(self, model):
        """What was announced for a call that begins now; None if it belongs to another `fit`."""
        announced, self._next = self._next, None
        if announced is None or announced[0]() is not model or announced[1] != _fit_of(model):
            return None
        return announced[2:]

    @contextlib.contextmanager
    def running(self, model, first, due):
        """Replaces the methods to be watched while the train function of a model runs."""
        step = (model, "train_step", self._train_step(model))
        self.execution.start(first, due)
        self._is_running = True
        try:
            with overridden([step, *self._calls.overrides_of(model)]):
                yield
        finally:
            self._is_running = False
            self.execution.stop()

    def made(self, model, function):
        """Notes the train function that Keras has made while it was watched."""
        self._functions[model] = weakref.ref(function)

    def renew(self, model):
        """Asks for a new train function: the old one was traced anew while nothing watched it."""
        self._functions.pop(model, None)
        self._seen.discard(model)
        model.train_function.renew()

    def _function_of(self, model):
        """The train function that was made for a model while it was watched, or None."""
        function = self._functions.get(model)
        return None if function is None else function()

    def _is_decorated(self, train_step):
        logger = getattr(train_step, "step_logger", None)
        return logger is not None and logger._post_hook is self._post_hook

    def _train_step(self, model):
        original, of_model = model.train_step, weakref.ref(model)

        @_compat.unconverted
        def train_step(*args, **kwargs):
            called = _compat.as_autograph_calls(original)
            if not self._is_running:
                return called(*args, **kwargs)
            with self._step(of_model()) as step:
                if step is None:
                    return called(*args, **kwargs)
                with self._calls.of(step):
                    return called(*args, **kwargs)

        return train_step

    @contextlib.contextmanager
    def _step(self, model):
        """The next step, eager or in the graph that is traced."""
        make = self._new_steps.eager if tf.executing_eagerly() else self._new_steps.in_graph
        kind = _EagerStepInFit if tf.executing_eagerly() else self._graph_step
        with make(lambda parts: kind(parts).of_model(model)) as step:
            if step is not None and step.is_seen:
                self._seen.add(model)
            else:
                self._seen.discard(model)
            yield step
            self.execution.was_logged |= getattr(step, "is_logged", False)

    def _graph_step(self, parts):
        return _GraphStepInFit(parts, self.execution)


class _WatchedFunction:
    """Stands for the train function of a model.

    Args:
      watched: `WatchedModels`.
      model: The Keras model.
      kept: The train function that the model keeps, or None.
      is_ours: Whether `kept` was made while the model was watched, so that its steps are seen.
    """

    def __init__(self, watched, model, kept, is_ours):
        self.watched = watched
        self._model = model
        self._kept = kept
        self._function = kept if is_ours else None

    def __call__(self, *args, **kwargs):
        model = self._model
        announced = self.watched.take_announced(model)
        if announced is None:
            self.leave()
            return _function_of(model)(*args, **kwargs)
        try:
            with self.watched.running(model, *announced):
                if self._function is None:
                    self._make()
                return self._function(*args, **kwargs)
        except (StopIteration, tf.errors.OutOfRangeError):  # Keras ends the epoch by it
            raise
        except BaseException:
            self.leave()
            raise

    def _make(self):
        model = self._model
        model.train_function = None
        try:
            self._function = _function_of(model)
        finally:
            model.train_function = self
        self.watched.made(model, self._function)

    def renew(self):
        """Has Keras make another function at the next call."""
        self._function = None

    def leave(self):
        """Gives the model a train function of Keras's own."""
        if self._model.train_function is self:
            function = self._kept if self._function is None else self._function
            self._model.train_function = function


class _StepInFit:
    """A step whose gradients the optimizer shows.

    Attributes:
      has_own_tape: Whether an `InstrumentedTape` has shown gradients, so that the optimizer's are
        known already.
    """

    has_own_tape = False
    is_seen = True

    def of_model(self, model):
        """Sets the model whose variables are all logged. Returns the step itself."""
        self.model = model
        return self

    def observe(self, tape, target, sources, scale=None):
        """As `Step.observe`."""
        self.has_own_tape = True
        return super().observe(tape, target, sources, scale)

    def observe_applied(self, tape, target, sources, scale):
        """As `observe`, of gradients that the optimizer was handed."""
        return super().observe(tape, target, sources, scale)


class _EagerStepInFit(_StepInFit, EagerStep):
    """A step that Keras runs eagerly."""


class _GraphStepInFit(_StepInFit, GraphStep):
    """A step of a graph of Keras's, whose numbers the callback knows."""

    def __init__(self, parts, execution):
        super().__init__(parts)
        self._execution = execution

    @property
    def is_seen(self):
        """Whether anything can be handed over from here."""
        return not self._is_unseen

    def _begin_in_graph(self):
        self._execution.ask_in_graph()

    def _why_unseen_in_xla(self):
        return messages.FIT_WITH_XLA


def _function_of(model):
    """Keras's own train function, which is made if there is none."""
    return model.make_train_function() or model.train_function


def _fit_of(model):
    """The history of the current `fit`, as a weak reference or None. Each `fit` has its own."""
    history = getattr(model, "history", None)
    return None if history is None else weakref.ref(history)
