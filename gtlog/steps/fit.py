"""The batches of Keras `fit`, logged from outside by a callback.

What happens inside `fit` may be out of reach: Keras's own `train_step` has a tape of its own, and
XLA compiles no callback. The callback sees the variables between the batches.
"""

import functools
from typing import Any, Callable, TypeVar

from gtlog import _compat
from gtlog.records.collected import Capture

_Method = TypeVar("_Method", bound=Callable[..., Any])


class FitSteps:
    """Numbers the batches that `fit` trains on as steps, and logs the variables around them.

    Args:
      parts: `LoggerParts`.
    """

    def __init__(self, parts):
        self._counter = parts.counter
        self._failures = parts.failures
        self._registry = parts.registry
        self._post_hook = parts.post_hook
        self._first = None
        self._capture = None

    def begin(self, batch, model):
        """Begins the steps that start with a batch.

        Args:
          batch: Index of the batch in its epoch.
          model: The Keras model.
        """
        self._first, self._capture = batch, None
        if _compat.is_plain_graph():
            return
        if self._counter.is_in_graph:  # a decorated train_step logs from inside the graph
            return
        number, is_due = self._counter.begin_ahead()
        if is_due:
            with self._failures.guard("read the variables", number):
                self._capture = self._with_values_before(number, model)

    def end(self, batch, batches, model):
        """Ends steps whose updates are done, and logs the last of them.

        Args:
          batch: Index of the last batch. Keras 3 counts as if there were always as many batches
            as it runs at once, also at the end of an epoch.
          batches: How many batches the epoch has, None if Keras does not know.
          model: The Keras model.
        """
        capture, self._capture = self._capture, None
        last = batch if batches is None else min(batch, batches - 1)
        count = last - self._first + 1
        number, is_due = self._counter.end_ahead(count)
        if is_due:
            if capture is None or count > 1:  # an update is that of one step, or it is left out
                capture = Capture(number)
            with self._counter.logging(), self._failures.guard("log the model", number):
                capture.of_model = self._registry.add_model(model)
                capture.used = capture.of_model
                self._post_hook.finish_eagerly(capture)
        self._failures.raise_pending()

    def _with_values_before(self, number, model):
        capture = Capture(number)
        with _compat.stop_recording():
            self._registry.add_model(model)  # first: it tells what its variables are called
            for known in self._registry.add_all(_compat.trained_variables_of(model)):
                capture.add_before(known, known.read())
        return capture


def callback_of(steps, logger):
    """The Keras callback that hands the batches of `fit` on.

    Its class is made of the Keras in use, which is not imported before.

    Args:
      steps: `FitSteps`.
      logger: The `StepLogger`, which lives as long as its callbacks.
    """

    # TensorFlow keeps each class that it has met, so the class must keep nothing.
    class StepLoggerCallback(_compat.keras_callback_class()):
        """Logs weights and biases of the model that `fit` trains."""

        def __init__(self, steps, logger):
            super().__init__()
            self.step_logger = logger
            self._steps = steps
            self._supports_tf_logs = True  # else Keras 2 copies its logs to the host each time

        def on_train_batch_begin(self, batch, logs=None):
            self._steps.begin(batch, self.model)

        def on_train_batch_end(self, batch, logs=None):
            self._steps.end(batch, self.params.get("steps"), self.model)

    return StepLoggerCallback(steps, logger)


def made_for_keras(method: _Method) -> _Method:
    """Decorates a method that makes a callback: Keras may be handed the method itself."""
    return _CallbackMethod(method)  # type: ignore[return-value]


def refuse_as_callback(what, name):
    """Says what to write instead where Keras takes something for a callback.

    Args:
      what: What it is.
      name: Attribute that is asked for.

    Raises:
      AttributeError: it is one that Keras asks its callbacks for.
    """
    if name.startswith(("on_", "_implements_")) or name in ("set_params", "set_model"):
        raise AttributeError(
            f"{what} is no Keras callback (asked for {name!r}), but makes one. With "
            "`log = gtlog.StepLogger(writer)`, write "
            "model.fit(..., callbacks=[log.keras_callback()])."
        )


class _CallbackMethod:
    """A method whose bound form has a `repr` that explains it."""

    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __get__(self, instance, owner=None):
        function = self.__wrapped__
        return function if instance is None else _BoundCallbackMethod(function, instance)


class _BoundCallbackMethod:
    def __init__(self, function, instance):
        functools.update_wrapper(self, function)
        self.__self__ = instance

    def __call__(self, *args, **kwargs):
        return self.__wrapped__(self.__self__, *args, **kwargs)

    def __repr__(self):
        return f"<bound method {self.__wrapped__.__qualname__} of {self.__self__!r}>"

    def __getattr__(self, name):
        refuse_as_callback(f"the method {self.__wrapped__.__name__} without parentheses", name)
        raise AttributeError(f"{self.__wrapped__.__qualname__} has no attribute {name!r}")
