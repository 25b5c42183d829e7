"""Three small classifiers of the digits, each of another kind."""

import tensorflow as tf

from gtlog.demo import MODELS

_SIDE = 8  # pixels
_CLASSES = 10


def dense():
    """Takes a digit as 64 pixels, without their places."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((_SIDE, _SIDE)),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(64, activation="relu", name="hidden"),
            tf.keras.layers.Dense(_CLASSES, name="classes"),
        ],
        name="dense",
    )


def conv():
    """Takes a digit as an image; its second convolution sees the 32 channels of the first."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((_SIDE, _SIDE)),
            tf.keras.layers.Reshape((_SIDE, _SIDE, 1)),
            tf.keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_1"),
            tf.keras.layers.MaxPool2D(),
            tf.keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_2"),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(_CLASSES, name="classes"),
        ],
        name="conv",
    )


def lstm():
    """Reads a digit row by row, from the top."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((_SIDE, _SIDE)),
            tf.keras.layers.LSTM(64, name="lstm"),
            tf.keras.layers.Dense(_CLASSES, name="classes"),
        ],
        name="lstm",
    )


BUILDERS = dict(zip(MODELS, (dense, conv, lstm)))
