"""The decorator around `StepLogger`: one line above an existing training step."""

import copy
import functools
import inspect
from typing import Any, Callable, Iterable, Optional, TypeVar

import tensorflow as tf
import wrapt

from gtlog import _compat
from gtlog.logger import StepLogger
from gtlog.types import Diagnose, Every, Expressions, Step, Summary, Writer

StepFunction = TypeVar("StepFunction", bound=Callable[..., Any])


class _AutoGraphArtifact:
    """Lets AutoGraph call a wrapper as it is, without a warning and without a trace of the call.

    AutoGraph warns that it does not look into wrapt's wrappers, unless they carry
    `autograph_info__`. `_call_in_graph` has the wrapped function converted all the same. AutoGraph
    keeps each function that it called as it is in a dict, and never converts it again; of a method
    it keeps the `__func__`. wrapt's wrappers equal what they wrap, so such a wrapper would enter
    the user's own function there.
    `gtlog/_compat/autograph.py` has the link to its source.
    """

    __slots__ = ()

    @property
    def autograph_info__(self):
        """Present for callers of the wrapper. Absent for AutoGraph if it would convert the step."""
        if _compat.asked_by_tf_convert() and not _compat.is_converted(self.__wrapped__):
            raise AttributeError("autograph_info__")
        return "gtlog has AutoGraph convert the step that it wraps"

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)

    @property
    def __signature__(self):
        """The step's own. Without this, inspect takes a wrapper written in C for a builtin."""
        try:
            return inspect.signature(self.__wrapped__)
        except (TypeError, ValueError) as error:
            raise AttributeError("__signature__") from error


class _BoundLoggedStep(_AutoGraphArtifact, wrapt.BoundFunctionWrapper):
    """A decorated method, bound to its instance."""

    def __getattr__(self, name):
        self.step_logger._asked_for(name)
        # wrapt 2 asks the unbound method first, but a bound tf.function has traces of its own.
        return getattr(self.__wrapped__, name)

    def __reduce_ex__(self, protocol):
        return getattr, (self.__self__, self.__name__)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        instance = copy.deepcopy(self.__self__, memo)
        return self._self_parent.__get__(instance, type(instance))

    @property
    def __func__(self):
        parent = self._self_parent
        if isinstance(parent.__wrapped__, classmethod):
            return LoggedStep(parent.__wrapped__.__func__, parent.step_logger)
        return parent

    @property
    def step_logger(self):
        """The `StepLogger` of the decoration."""
        return self._self_parent.step_logger


class LoggedStep(_AutoGraphArtifact, wrapt.FunctionWrapper):
    """A decorated training step.

    The attributes of the step stay reachable: signature, name and docstring, and
    `get_concrete_function` and the rest of a `tf.function` object.
    """

    __bound_function_wrapper__ = _BoundLoggedStep

    def __init__(self, step, logger):
        super().__init__(step, functools.partial(_call_logged, logger))
        self._self_step_logger = logger

    def __reduce_ex__(self, protocol):
        """Pickles by name, as functions do: a logger has an open file and cannot be pickled."""
        name = getattr(self.__wrapped__, "__qualname__", None)
        if name is None:
            raise TypeError(
                f"cannot pickle the decorated step {self.__wrapped__!r}, which has no name to find "
                "it by. Pickle what it wraps, and decorate it where it is loaded."
            )
        return name

    def __getattr__(self, name):
        self._self_step_logger._asked_for(name)
        return super().__getattr__(name)

    def __copy__(self):
        return self._around(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo):
        return self._around(copy.deepcopy(self.__wrapped__, memo))

    def _around(self, step):
        """This step around a copy of the wrapped object; a function is its own copy."""
        return self if step is self.__wrapped__ else type(self)(step, self._self_step_logger)

    @property
    def __func__(self):
        return LoggedStep(self.__wrapped__.__func__, self._self_step_logger)

    @property
    def step_logger(self):
        """The `StepLogger` of the decoration."""
        return self._self_step_logger


def logged_step(
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
) -> Callable[[StepFunction], StepFunction]:
    """Makes a decorator that logs the steps a training function makes.

    It stands above or beneath `@tf.function`, on functions, methods, static and class methods,
    callable objects and partials. Each call of the function is one step. After the call, and so
    after the optimizer update, the weights and biases that the step uses are written. With an
    `InstrumentedTape` inside, gradients, updates and loss are written as well. Return values and
    exceptions of the function pass through unchanged.

    Instances that share a decorated method share its logger and its step numbers. To count them
    apart, decorate the bound method of each (`logged_step(writer)(model.train_step)`).

    Args:
      writer: As for `StepLogger`, and so are all the others.
      every: Positive int N, a schedule, or a callable from the step number to a bool.
      step: None, an int to start from, a variable, or a callable.
      summaries: Iterable of summaries, None for the stock ones.
      include: Regular expression, or several, on the paths of variables.
      exclude: Regular expression, or several, on the paths of variables.
      model: Keras model or `tf.Module`, for variables that a tape cannot see; several as a dict by
        name, or as a list.
      names: `"own"`, or `"recounted"`, which does not depend on earlier models of the process.
      on_error: `"warn"` or `"raise"`.
      diagnose: True, False, or a function that is called with each new `Finding`.

    Returns:
      A decorator. The decorated function has its `StepLogger` as the attribute `step_logger`.

    Raises:
      TypeError: a parameter is of the wrong kind. The decorator raises it for a class, a coroutine
        or generator function, and a step that is decorated already.
      ValueError: a parameter is out of its range.
      OSError: the log directory cannot be used.

    >>> import tempfile
    >>> weight = tf.Variable(1.0, name="weight")
    >>> @logged_step(tempfile.mkdtemp(), every=100)
    ... def train_step(x):
    ...     with tf.GradientTape() as tape:
    ...         loss = (weight * x - 1.0) ** 2
    ...     weight.assign_sub(0.1 * tape.gradient(loss, weight))
    ...     return loss
    >>> float(train_step(2.0))
    1.0
    """
    if callable(writer) and not hasattr(writer, "write"):
        raise TypeError(
            f"logged_step needs its arguments before it decorates {writer!r}. "
            "Write @gtlog.logged_step(writer, every=100), where writer is a "
            "tf.summary.SummaryWriter or a log directory."
        )
    logger = StepLogger(
        writer,
        every,
        step=step,
        summaries=summaries,
        include=include,
        exclude=exclude,
        model=model,
        names=names,
        on_error=on_error,
        diagnose=diagnose,
    )

    def decorate(function):
        _check_step(function, every)
        logger._decorates(function)
        if _compat.is_fit(function):
            logger._updates.say_fit()
        return LoggedStep(function, logger)

    return decorate


def _call_logged(logger, step_function, instance, args, kwargs):
    if not tf.executing_eagerly():
        with logger._graph_step(instance) as step:
            logger._called(step, step_function, instance, args, kwargs)
            if step is not None and _compat.is_tf_function(step_function):
                step.read_at_call(step_function)
            with logger._failures.guard("have AutoGraph convert the step"):
                step_function = _compat.as_autograph_calls(step_function)
            return step_function(*args, **kwargs)
    if _compat.is_tf_function(step_function):
        return logger._call_tf_function(step_function, instance, args, kwargs)
    with logger._eager_step() as step:
        if not step.is_watched:
            return step_function(*args, **kwargs)
        logger._called(step, step_function, instance, args, kwargs)
        counts = logger._updates.before_call(step, step_function, instance, args, kwargs)
        result = step_function(*args, **kwargs)
    logger._updates.after_call(step, counts)
    return result


def _if_every_is_the_step(every):
    """What to write, if a step of one argument was given as `every` and then called."""
    if not inspect.isroutine(every):
        return ""
    return (
        f" The second argument of logged_step is every, which is {every!r} here: if that is the "
        "step, write gtlog.logged_step(writer, every=100)(step)."
    )


def _check_step(step, every):
    function = getattr(step, "__func__", step)
    if isinstance(step, type):
        raise TypeError(
            f"logged_step decorates a training step, got the class {step.__name__}. "
            "Decorate its method: put @gtlog.logged_step(...) above `def train_step`."
        )
    if not callable(function):
        raise TypeError(
            f"logged_step decorates a training step, got {step!r} ({type(step).__name__}), which "
            f"cannot be called.{_if_every_is_the_step(every)}"
        )
    if _is_decorated(function):
        raise TypeError(
            f"{_name_of(function)} is decorated with logged_step already; each step would be "
            "logged twice. Leave one of the two out."
        )
    function = _compat.python_function_of(function)
    kind = _deferred_kind(function) or _deferred_kind(type(function).__call__)
    if kind:
        raise TypeError(
            f"logged_step cannot decorate the {kind} {_name_of(function)}: when its call returns, "
            "the step has not run yet. Move the step into a function of its own and decorate "
            "that, or write `with logger.step():` around it."
        )


def _is_decorated(function):
    wrappers = (LoggedStep, _BoundLoggedStep)
    return isinstance(function, wrappers) or isinstance(
        _compat.python_function_of(function), wrappers
    )


def _deferred_kind(function):
    if inspect.iscoroutinefunction(function):
        return "coroutine function"
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        return "generator function"
    return None


def _name_of(function):
    return getattr(function, "__qualname__", None) or repr(function)
