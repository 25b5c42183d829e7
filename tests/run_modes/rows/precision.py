"""Row 7: mixed precision, with a loss scale and without."""

import functools

import tensorflow as tf

from ..modes import Mode
from ..ways import above, beneath, eagerly
from .gradients import KerasLayers

_BFLOAT16 = 2.0**-5  # eight units in the last place: oneDNN sums otherwise in a graph
_SCALE = 2.0**8
_GROWTH_STEPS = 2  # so that the scale changes while the task is trained


class MixedFloat16(KerasLayers):
    """Layers that compute in float16, trained without a loss scale."""

    policy = "mixed_float16"

    def layer_options(self):
        """The policy for each layer; the global one is for what `under_policy` runs."""
        return {"dtype": _experimental_policy(self.policy) or self.policy}

    def make_optimizer(self):
        """SGD."""
        return tf.keras.optimizers.SGD(0.05)

    def loss(self, x, y):
        """In float32, as the guide for mixed precision has it."""
        outputs = tf.cast(self.model(self.dropout(x), training=True), tf.float32)
        return tf.reduce_mean((outputs - y) ** 2)


class MixedBfloat16(MixedFloat16):
    """Layers that compute in bfloat16, whose range needs no loss scale."""

    policy = "mixed_bfloat16"


class LossScaled(MixedFloat16):
    """The loss is multiplied by a scale that grows as long as no gradient overflows."""

    def make_optimizer(self):
        """SGD in a `LossScaleOptimizer`."""
        return loss_scale_optimizer(super().make_optimizer())

    def train(self, tape_class, x, y):
        """The loop of the guide for mixed precision, of Keras 2 and of Keras 3."""
        self.traces += 1
        is_keras_3 = hasattr(self.optimizer, "scale_loss")
        scaled = self.optimizer.scale_loss if is_keras_3 else self.optimizer.get_scaled_loss
        with tape_class() as tape:
            loss = self.loss(x, y)
            scaled_loss = scaled(loss)
        gradients = tape.gradient(scaled_loss, self.variables)
        if not is_keras_3:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        self.optimizer.apply_gradients(zip(gradients, self.variables))
        return loss


def loss_scale_optimizer(optimizer):
    """The optimizer in a `LossScaleOptimizer`, by whichever names this Keras has for it."""
    mixed_precision = tf.keras.mixed_precision
    if _experimental():
        scale = tf.mixed_precision.experimental.DynamicLossScale(_SCALE, _GROWTH_STEPS)
        return mixed_precision.experimental.LossScaleOptimizer(optimizer, scale)
    return mixed_precision.LossScaleOptimizer(
        optimizer, initial_scale=_SCALE, dynamic_growth_steps=_GROWTH_STEPS
    )


def under_policy(run, task, instruments):
    """Runs under the global policy of the task's layers."""
    module = _experimental() or tf.keras.mixed_precision
    set_policy = getattr(module, "set_global_policy", None) or module.set_policy
    outer = module.global_policy()
    set_policy(task.policy)
    # What is fused in a graph is rounded to 16 bits less often than the same code run eagerly.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        return run(task, instruments)
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
        set_policy(outer)


def _experimental():
    """`mixed_precision.experimental` of the Keras before TensorFlow 2.4, else None."""
    mixed_precision = tf.keras.mixed_precision
    has_policies = hasattr(mixed_precision, "set_global_policy")
    return None if has_policies else mixed_precision.experimental


def _experimental_policy(name):
    # The experimental policy wraps each optimizer of `compile`, unless it is told not to.
    module = _experimental()
    return None if module is None else module.Policy(name, loss_scale=None)


_SCALED = (
    "They carry the loss scale, as `tape.gradient` took and returned them: eager code does not "
    "tell what a loss was multiplied by. Description and notice say so. In a `tf.function` it is "
    "divided out."
)
_AS_EAGER = {"reference": MixedFloat16}  # without a loss scale: what the others must come to

above_under_policy = functools.partial(under_policy, above)
beneath_under_policy = functools.partial(under_policy, beneath)
eagerly_under_policy = functools.partial(under_policy, eagerly)

MODES = (
    Mode(7, "`mixed_bfloat16`, eager", MixedBfloat16, eagerly_under_policy),
    Mode(7, "`mixed_bfloat16`, above", MixedBfloat16, above_under_policy, rounding=_BFLOAT16),
    Mode(7, "`mixed_bfloat16`, beneath", MixedBfloat16, beneath_under_policy, rounding=_BFLOAT16),
    Mode(
        7,
        "`mixed_float16`, loss scale, eager",
        LossScaled,
        eagerly_under_policy,
        altered={"gradients": _SCALED, "loss": _SCALED},
        notice="float16, and gtlog cannot see whether the loss was multiplied",
        **_AS_EAGER,
    ),
    Mode(
        7, "`mixed_float16`, loss scale, above", LossScaled, above_under_policy, **_AS_EAGER
    ),
    Mode(
        7, "`mixed_float16`, loss scale, beneath", LossScaled, beneath_under_policy, **_AS_EAGER
    ),
)
