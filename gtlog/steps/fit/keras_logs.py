"""What Keras itself shows of a training: loss and metrics, of batches and of epochs."""

import numpy as np

from gtlog import tags
from gtlog.values import Scalar

_SO_FAR = "As Keras shows it after this step: over the batches of the epoch so far."
_OF_EPOCH = "As Keras shows it at the end of the epoch."


def scalars_so_far(logs):
    """The numbers of Keras's logs after a batch, as a list of `Scalar`."""
    return [Scalar(tags.fit(name), value, _SO_FAR) for name, value in _numbers(logs)]


def scalars_of_epoch(logs):
    """The numbers of Keras's logs after an epoch, those of validation included."""
    return [Scalar(tags.epoch(name), value, _OF_EPOCH) for name, value in _numbers(logs)]


def _numbers(logs):
    for name, value in (logs or {}).items():
        array = np.asarray(value)
        if array.size == 1 and array.dtype.kind in "fiub":
            yield name, float(array.reshape(()))
