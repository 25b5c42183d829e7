"""What the optimizers of a Keras model are handed inside `fit`: gradients, and the loss.

The tape of Keras's own `train_step` is out of reach. But its gradients go to the optimizer, and so
does its loss: to `minimize` in Keras 2, to `scale_loss` in Keras 3. While the train function runs,
functions replace these methods of the model's own optimizers. Each looks at its arguments and calls
the method that it replaces.

https://github.com/keras-team/keras/blob/v3.12.0/keras/src/backend/tensorflow/trainer.py
https://github.com/tensorflow/tensorflow/blob/v2.3.0/tensorflow/python/keras/engine/training.py
"""

import contextlib
import threading

import tensorflow as tf

from gtlog import _compat
from gtlog.graphs import loss_scale

# Of nested calls, the outermost has the gradients as the tape returned them.
_APPLYING = ("apply_gradients", "apply")
_AGGREGATING = "_aggregate_gradients"  # before TensorFlow 2.4 ahead of clipping, else inside
_SCALING = ("scale_loss", "get_scaled_loss")  # Keras 3 and Keras 2
_AGGREGATED = {"experimental_aggregate_gradients": False, "skip_gradients_aggregation": True}


class OptimizerCalls:
    """Follows the calls that the steps of `fit` make of their optimizers.

    Args:
      failures: `Failures` of the logger.
    """

    def __init__(self, failures):
        self._failures = failures
        self._of_thread = threading.local()  # each replica has a thread of its own

    def overrides_of(self, model):
        """What to replace while steps run: list of (object, name, function)."""
        found = []
        for optimizer in {id(one): one for one in _compat.optimizers_of(model)}.values():
            for name in ("minimize", *_SCALING, _AGGREGATING, *_APPLYING):
                method = getattr(optimizer, name, None)
                if method is not None:
                    found.append((optimizer, name, self._follower(optimizer, name, method)))
        losses = getattr(model, "compiled_loss", None)
        if losses is not None and _compat.has_keras_train_step(model):
            found.append((model, "compiled_loss", _FollowedLosses(losses, self._lost)))
        return found

    @contextlib.contextmanager
    def of(self, step):
        """Lets the step see the calls that this thread makes in the block."""
        with _compat.variable_watcher() as watcher:
            self._of_thread.calls = _CallsOfStep(step, watcher)
            try:
                yield
            finally:
                self._of_thread.calls = None

    def _follower(self, optimizer, name, method):
        if name == "minimize":
            follow = self._minimizes
        elif name in _SCALING:
            follow = self._scales
        else:
            follow = self._applies

        @_compat.unconverted
        def follower(*args, **kwargs):
            called = _compat.as_autograph_calls(method)
            calls = getattr(self._of_thread, "calls", None)
            if calls is None or calls.are_inside:
                return called(*args, **kwargs)
            return follow(calls, optimizer, name, called, args, kwargs)

        return follower

    def _lost(self, loss):
        calls = getattr(self._of_thread, "calls", None)
        if calls is not None:
            calls.loss = loss

    @staticmethod
    def _minimizes(calls, optimizer, name, method, args, kwargs):
        loss = args[0] if args else kwargs.get("loss")
        calls.loss = loss if tf.is_tensor(loss) else None
        return method(*args, **kwargs)

    def _scales(self, calls, optimizer, name, method, args, kwargs):
        scaled = method(*args, **kwargs)
        with self._failures.guard("read the loss scale of the optimizer"):
            loss = args[0] if args else kwargs.get("loss")
            if tf.is_tensor(loss):
                calls.scaled(loss, scaled, method)
        return scaled

    def _applies(self, calls, optimizer, name, method, args, kwargs):
        args, kwargs = _listed(args), {key: _listed([one])[0] for key, one in kwargs.items()}
        if not calls.has_seen(name, kwargs):
            with self._failures.guard("observe the gradients of fit"):
                gradients, variables = _pairs(optimizer, name, args, kwargs)
                is_scaled = name == _AGGREGATING or hasattr(type(optimizer), "scale_loss")
                calls.hand_over(gradients, variables, is_scaled)
        calls.are_inside = True
        try:
            return method(*args, **kwargs)
        finally:
            calls.are_inside = False


class _CallsOfStep:
    """The calls of optimizers that one step makes in one thread.

    Attributes:
      loss: The last loss that was seen, without a loss scale; None before.
      are_inside: Whether a call runs whose arguments were seen already.
    """

    def __init__(self, step, watcher):
        self.loss = None
        self.are_inside = False
        self._step = step
        self._tape = _TapeOfKeras(watcher)
        self._scaled, self._factor = None, None
        self._is_aggregated = False

    def scaled(self, loss, scaled, method):
        """Notes a loss, and what a method of the optimizer has made of it."""
        self.loss = self._scaled = loss
        if scaled is not loss:
            self._scaled = scaled
            with _compat.stop_recording():
                self._factor = method(tf.ones((), loss.dtype))

    def has_seen(self, name, kwargs):
        """Whether the gradients of a call were seen already, here or by another replica."""
        was_aggregated, self._is_aggregated = self._is_aggregated, name == _AGGREGATING
        is_sum = any(
            key in kwargs and bool(kwargs[key]) == value for key, value in _AGGREGATED.items()
        )
        return is_sum and (was_aggregated or _compat.replica_id() > 0)

    def hand_over(self, gradients, variables, is_scaled):
        """Has the step observe gradients.

        Args:
          gradients: List of tensors, `tf.IndexedSlices` and None.
          variables: List of the variable of each gradient.
          is_scaled: Whether the gradients have the loss scale in them.
        """
        target = self._scaled if is_scaled and self._scaled is not None else self.loss
        note = "" if self._factor is None else loss_scale.DIVIDED
        scale = loss_scale.LossScale(self._factor if is_scaled else None, note)
        self.loss = self._scaled = None
        if self._step.has_own_tape:
            return
        targets = [] if target is None else [target]
        observation = self._step.observe_applied(self._tape, targets, variables, scale)
        if observation is not None:
            observation.take(gradients)


class _TapeOfKeras:
    """Stands for the tape of a `train_step`. Only the variables that the tape read are seen."""

    gtlog_name = ""
    watches_what_is_read = True

    def __init__(self, watcher):
        self.watched_variables = watcher.watched_variables


class _FollowedLosses:
    """Stands for the losses that a model of Keras 2 was compiled with.

    Args:
      losses: The object.
      follow: Called with each loss.
    """

    def __init__(self, losses, follow):
        self._losses = losses
        self._follow = follow

    @_compat.unconverted
    def __call__(self, *args, **kwargs):
        loss = self._losses(*args, **kwargs)
        self._follow(loss)
        return loss

    def __getattr__(self, name):
        return getattr(self._losses, name)


def _listed(arguments):
    """The arguments, with lists in place of iterators, which could be read only once."""
    return [list(one) if hasattr(one, "__next__") else one for one in arguments]


def _pairs(optimizer, name, args, kwargs):
    """The gradients and the variables of a call that applies them, as two lists."""
    if name != "apply":
        pairs = args[0] if args else kwargs["grads_and_vars"]
        return [list(part) for part in zip(*pairs)] or [[], []]
    gradients = args[0] if args else kwargs["grads"]
    given = args[1] if len(args) > 1 else kwargs.get("trainable_variables")
    variables = optimizer._trainable_variables if given is None else given
    return list(gradients), list(variables)
