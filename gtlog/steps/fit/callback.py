"""The callback for Keras `fit`, and the error where Keras is handed something else."""

import functools
from typing import Any, Callable, TypeVar

from gtlog import _compat

_Method = TypeVar("_Method", bound=Callable[..., Any])


def callback_of(steps, logger):
    """The Keras callback that hands the batches of `fit` on.

    Its class derives from that of the Keras in use. Keras is imported only here.

    Args:
      steps: `FitSteps`.
      logger: The `StepLogger`, which lives as long as its callbacks.
    """

    # TensorFlow keeps each class that it has met, so the class must keep nothing.
    class StepLoggerCallback(_compat.keras_callback_class()):
        """Logs the model that `fit` trains."""

        def __init__(self, steps, logger):
            super().__init__()
            self.step_logger = logger
            self._steps = steps
            self._supports_tf_logs = True  # else Keras 2 copies its logs to the host each time

        def set_model(self, model):
            super().set_model(model)
            self._steps.enter(model)

        def on_train_begin(self, logs=None):
            self._steps.begin_training()

        def on_train_end(self, logs=None):
            self._steps.leave(self.model)

        def on_test_begin(self, logs=None):
            self._steps.begin_without_training(self.model)

        def on_predict_begin(self, logs=None):
            self._steps.begin_without_training(self.model)

        def on_epoch_end(self, epoch, logs=None):
            self._steps.end_epoch(logs)

        def on_train_batch_begin(self, batch, logs=None):
            self._steps.begin(batch, self.model)

        def on_train_batch_end(self, batch, logs=None):
            self._steps.end(batch, self.params.get("steps"), self.model, logs)

    return StepLoggerCallback(steps, logger)


def made_for_keras(method: _Method) -> _Method:
    """Decorates a method that makes a callback, for users who pass Keras the method itself."""
    return _CallbackMethod(method)  # type: ignore[return-value]


def refuse_as_callback(what, name):
    """Raises an error that says what to write, if Keras takes something else for a callback.

    Args:
      what: What Keras was handed, in words.
      name: Attribute that was asked for.

    Raises:
      AttributeError: `name` is an attribute that Keras asks its callbacks for.
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
