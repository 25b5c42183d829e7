"""How many updates one call of a decorated function makes, as its optimizers count them.

A function that trains in a loop, or calls `fit`, is one step to gtlog. If a tape of gtlog's sees
its gradients, `repeats` reports this. Otherwise the optimizers that the function can reach show it.
"""

import functools
import types

from gtlog import _compat
from gtlog.advice.repeats import SEVERAL_UPDATES

_MOST_CALLS = 3
_MOST_ITEMS = 100


class UpdatesOfCalls:
    """Compares the counts of optimizers before and after the first logged calls.

    Args:
      failures: `Failures`.
    """

    def __init__(self, failures):
        self._failures = failures
        self._remaining = _MOST_CALLS

    def before_call(self, step, function, owner, args, kwargs):
        """The optimizers that a call may use, each with its count; None if nothing is compared.

        Args:
          step: The `EagerStep` that the call is.
          function: The decorated function.
          owner: What it is a method of, None for a function.
          args: Its arguments.
          kwargs: Its keyword arguments.
        """
        if not self._remaining or not step.is_logged:
            return None
        self._remaining -= 1
        with self._failures.guard("count the updates of a step", step.number):
            optimizers = optimizers_of(function, [owner, *args, *kwargs.values()])
            return [(one, _compat.updates_made(one)) for one in optimizers]

    def after_call(self, step, counts):
        """Reports once that the call made several updates, if no tape of gtlog's has seen them."""
        if not counts or step.has_gradients:
            return
        with self._failures.guard("count the updates of a step", step.number):
            most = max(_compat.updates_made(one) - count for one, count in counts)
            if most > 1:
                self._failures.notice(_message(step.number, most), once=SEVERAL_UPDATES)

    def say_fit(self):
        """Reports that the decorated function is the `fit` of a Keras model."""
        self._failures.notice(_FIT, once=SEVERAL_UPDATES)


def optimizers_of(function, others=()):
    """The optimizers that a function reaches: directly, or as an attribute or item of an object.

    Args:
      function: Function, method, partial, callable object or `tf.function` object.
      others: Further objects to look at, such as its arguments.
    """
    near = [*_reached(function), *others]
    far = [part for one in near for part in _parts(one)]
    farther = [part for one in far if isinstance(one, (list, tuple, dict)) for part in _parts(one)]
    found = [_optimizer(one) for one in [*near, *far, *farther]]
    return list({id(one): one for one in found if one is not None}.values())


def _reached(function):
    """Objects that a function can use: its owner, arguments, closure, and the globals it names."""
    function = _compat.python_function_of(function)
    if isinstance(function, functools.partial):
        given = [*function.args, *function.keywords.values()]
        return [*given, *_reached(function.func)]
    if isinstance(function, types.MethodType):
        return [function.__self__, *_reached(function.__func__)]
    if not isinstance(function, types.FunctionType):
        wrapped = getattr(function, "__wrapped__", None)
        return [function] if wrapped is None else [function, *_reached(wrapped)]
    named = [
        function.__globals__[name]
        for name in _names(function.__code__)
        if name in function.__globals__
    ]
    return [*_closure(function), *named]


def _closure(function):
    cells = function.__closure__ or ()
    return [cell.cell_contents for cell in cells if _is_filled(cell)]


def _is_filled(cell):
    try:
        cell.cell_contents
    except ValueError:
        return False
    return True


def _names(code):
    """The names of globals that a function uses, also in functions inside it."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return {name for names in [code.co_names, *map(_names, inner)] for name in names}


def _parts(thing):
    """The items of a short collection, or the attributes of an object."""
    if isinstance(thing, (list, tuple)):
        return list(thing) if len(thing) <= _MOST_ITEMS else []
    if isinstance(thing, dict):
        return list(thing.values()) if len(thing) <= _MOST_ITEMS else []
    if isinstance(thing, (type, types.ModuleType, types.FunctionType)):
        return []
    return list(getattr(thing, "__dict__", {}).values())


def _optimizer(thing):
    if _compat.is_optimizer(thing):
        return thing
    if _compat.is_keras_model(thing):
        optimizer = getattr(thing, "optimizer", None)
        return optimizer if _compat.is_optimizer(optimizer) else None
    return None


def _message(step, updates):
    return (
        f"Step {step}, one call of the decorated function, made {updates} updates, as its "
        "optimizer counts them. gtlog takes each call for one step, and logs the values after the "
        "last update. If these are several training steps, decorate the function that makes one "
        "update, or write `with log.step():` around each; with Keras `fit`, pass "
        "callbacks=[log.keras_callback()], where log = gtlog.StepLogger(...)."
    )


_FIT = (
    "logged_step decorates the `fit` of a Keras model: one call of it, with all its batches, is "
    "one step to gtlog. To log the batches, write log = gtlog.StepLogger(...) and "
    "model.fit(..., callbacks=[log.keras_callback()]), or decorate the train_step of the model."
)
