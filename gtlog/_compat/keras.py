"""Models, layers, optimizers and callbacks of whichever Keras is in use."""

import sys

import tensorflow as tf


def computes_in_float16():
    """Whether the global policy of the loaded Keras computes in float16."""
    for name in ("tf_keras", "keras", "tensorflow.keras"):
        mixed_precision = getattr(sys.modules.get(name), "mixed_precision", None)
        if not hasattr(mixed_precision, "global_policy"):  # before TensorFlow 2.4
            mixed_precision = getattr(mixed_precision, "experimental", None)
        if hasattr(mixed_precision, "global_policy"):
            if mixed_precision.global_policy().compute_dtype == "float16":
                return True
    return False


def variables_of(model):
    """All variables of a Keras model or `tf.Module`, moving statistics included.

    A model that is not built has no variables yet; Keras 2 raises a ValueError if asked for them.
    In Keras 3 `variables` holds the states of random generators as well, and `weights` does not.
    """
    attribute = "weights" if hasattr(model, "_flatten_layers") else "variables"
    try:
        return tuple(getattr(model, attribute, ()))
    except ValueError:
        return ()


def layers_of(model):
    """All layers or modules of a Keras model or `tf.Module`, the model itself first."""
    if hasattr(model, "_flatten_layers"):
        return tuple(model._flatten_layers())
    return (model, *getattr(model, "submodules", ()))


def trained_variables_of(model):
    """The trainable variables of a Keras model; none if it is not built."""
    try:
        return tuple(model.trainable_variables)
    except ValueError:
        return ()


def is_keras_model(value):
    """Whether an object is a model of any Keras, which `fit` can train."""
    return hasattr(type(value), "train_step") and hasattr(type(value), "fit")


def is_keras_layer(value):
    """Whether an object is a layer or model of any Keras, whose calls take `training`."""
    return hasattr(type(value), "add_weight") and hasattr(type(value), "get_weights")


def is_fit(function):
    """Whether a function is the bound method `fit` of a Keras model."""
    owner = getattr(function, "__self__", None)
    return getattr(function, "__name__", None) == "fit" and is_keras_model(owner)


def is_optimizer(value):
    """Whether an object is an optimizer of any Keras, which counts its updates."""
    return hasattr(type(value), "apply_gradients") and hasattr(type(value), "iterations")


def optimizers_of(model):
    """The optimizers of a Keras model, also those that the user keeps in attributes of it."""
    return tuple(value for value in list(vars(model).values()) if is_optimizer(value))


def updates_made(optimizer):
    """How many updates a Keras optimizer has counted.

    The property `iterations` would make the counter if there is none yet. An outer optimizer, for
    a loss scale, may count the updates that it skips, so the inner one is asked.
    """
    attributes = vars(optimizer)
    for name in ("inner_optimizer", "_optimizer"):
        if is_optimizer(attributes.get(name)):
            return updates_made(attributes[name])
    iterations = attributes.get("_iterations")
    return 0 if iterations is None else int(iterations.numpy())


def steps_per_execution(model):
    """How many steps a Keras model runs at once in `fit`."""
    for name in ("steps_per_execution", "_steps_per_execution"):  # the second is Keras 2
        given = getattr(model, name, None)
        if given is not None:
            return int(given.numpy() if hasattr(given, "numpy") else given)
    return 1


def is_trained_on_workers(model):
    """Whether `fit` sends the steps of a Keras model to workers that ask parameter servers."""
    return getattr(model, "_cluster_coordinator", None) is not None


def has_keras_train_step(model):
    """Whether the `train_step` of a Keras model is that of Keras itself."""
    module = getattr(type(model).train_step, "__module__", "")
    return module.partition(".")[0] in ("keras", "tensorflow", "tf_keras")


def keras_callback_class():
    """The callback class of the Keras in use. Imports Keras if it is not imported yet.

    A program may train with `tf_keras` although `tf.keras` is Keras 3. Keras 3 takes callbacks of
    `tf_keras`, but `tf_keras` does not take callbacks of Keras 3.
    """
    keras = sys.modules.get("tf_keras", tf.keras)
    return keras.callbacks.Callback
