"""The summary of what layers put out for a fixed batch."""

import weakref
from typing import Any

import numpy as np
import tensorflow as tf

from gtlog import _compat, tags
from gtlog.summaries.histograms import DEFAULT_BUCKETS, check_buckets
from gtlog.summaries.outputs import activations
from gtlog.summaries.outputs.measures import measure
from gtlog.summaries.outputs.naming import paths_of
from gtlog.summaries.outputs.probe import NotBuilt, Probe, Refused
from gtlog.tensors.arrays import array_of
from gtlog.types import Summary
from gtlog.values import Histogram, Notice, Scalar, Unreadable

# A unit that fewer examples leave silent may serve others.
_FEWEST_EXAMPLES = 16
_DESCRIPTIONS = {
    tags.OUTPUT_ZEROS: "Share of the outputs for the fixed batch that are exactly zero.",
    tags.SILENT_UNITS: "Share of the units that put out zero for all of the fixed batch.",
    tags.SATURATION: (
        "Share of the outputs for the fixed batch that lie within a hundredth of the range of the "
        "activation from one of its ends: below 0.01 or above 0.99 of a sigmoid, beyond 0.98 of a "
        "tanh or softsign."
    ),
}


def layer_outputs(model: Any, probe: Any, buckets: int = DEFAULT_BUCKETS) -> Summary:
    """A summary that runs a model on a fixed batch and writes what each layer puts out.

    Tags: `outputs/<layer>`, a histogram of the outputs; `output_zeros/<layer>`, the share of them
    that are exactly zero; of a ReLU `silent_units/<layer>`, the share of units that put out zero
    for all of the batch; of a sigmoid, tanh or softsign `saturation/<layer>`, the share of outputs
    that lie within a hundredth of the activation's range from one of its ends. The vitals get the
    last two as well, for the kernel that has these units, where the batch has 16 examples or more:
    with them the diagnosis is sure of dead and of saturated units.

    The model runs with `training=False` and the values that the logged step has left. It is traced
    once, as a function of gtlog's own, and is not run at all if its graph would change a variable,
    draw a random number or call Python. Layers that are called in a `tf.function`, a loop or a
    branch of their own are not seen, which is said once.

    Args:
      model: Keras model of any kind, or a `tf.Module` that can be called. It is held weakly.
      probe: A batch as the model is called with it: array or tensor, or a tuple, list or dict of
        them, the examples along the first axis. It is copied. A few dozen to a few hundred examples
        say enough; the outputs of all layers for all of them are in memory at once.
      buckets: Positive number of buckets of the histograms.

    Returns:
      A callable from a `StepRecord` to an iterable of values. It serves one logger.

    Raises:
      TypeError: `model` cannot be called, `probe` has no tensors, or `buckets` is no int.
      ValueError: `probe` has no examples, or `buckets` is below 1.
    """
    check_buckets(buckets)
    if not callable(model) or not hasattr(type(model), "variables"):
        raise TypeError(
            "model must be a Keras model or a tf.Module that can be called, got "
            f"{model!r} ({type(model).__name__})."
        )
    return LayerOutputs(model, _batch_of(probe, _compat.is_keras_layer(model)), buckets)


class LayerOutputs:
    """Runs a model on a batch at logged steps.

    Args:
      model: As for `layer_outputs`.
      batch: Nest of eager tensors.
      buckets: Number of buckets.
    """

    def __init__(self, model, batch, buckets):
        self._model = weakref.ref(model)
        self._batch = batch
        self._buckets = buckets
        self._examples = int(tf.nest.flatten(batch)[0].shape[0])
        self._probe = self._paths = self._why_not = None
        if getattr(model, "built", False):  # so that no Python of the model runs later
            self._trace(model, is_early=True)

    def __repr__(self):
        return "layer_outputs"

    @property
    def probing(self):
        """The summary that probes a model: this one. A summary that wraps it has the attribute too.

        A logger runs it before other summaries, which read what it finds, and has the graph of a
        step run it.
        """
        return self

    def __call__(self, record):
        """The values of a step."""
        if not self.is_ready():
            if self._why_not is not None:
                yield self._why_not
            return
        if self._paths is None:
            self._name(record)
            yield from self._unseen()
        outputs = record.computed.get(self)
        if outputs is None:
            if not record.is_over:
                yield Notice(_UNSEEN_IN_GRAPH)
                return
            with _compat.stop_recording():
                outputs = self.run()
        yield from self._values(record, list(map(array_of, outputs)))

    def is_ready(self):
        """Whether the model can be run."""
        model = self._model()
        if model is not None and self._probe is None and self._why_not is None:
            self._trace(model)
        return model is not None and self._probe is not None

    def run(self):
        """The outputs of all layers: symbolic tensors where a step is being traced."""
        return self._probe()

    def _trace(self, model, is_early=False):
        try:
            self._probe = Probe(model, self._batch)
        except Refused as error:
            if is_early and isinstance(error, NotBuilt):
                return
            self._why_not = Notice(
                f"The outputs of the layers of {_name_of(model)} are not logged: {error}."
            )
        except Exception as error:
            self._why_not = Unreadable(f"the outputs of the layers of {_name_of(model)}", error)

    def _name(self, record):
        known_paths = {
            id(one.source.variable): one.path
            for one in record.variables
            if one.source is not None
        }
        self._paths = paths_of(self._probe.layers, known_paths)

    def _unseen(self):
        names = self._probe.unseen
        if names:
            yield Notice(
                "layer_outputs does not see the outputs of "
                f"{', '.join(map(repr, names[:20]))}{' and others' if len(names) > 20 else ''}: "
                "model(probe, training=False) does not call these layers, or calls them in a "
                "tf.function, a loop or a branch of their own."
            )

    def _values(self, record, arrays):
        kernels = {
            id(one.source.variable): one for one in record.variables if one.source is not None
        }
        for layer, path in zip(self._probe.layers, self._paths):
            own = [arrays[place] for place in layer.outputs]
            if not all(array.size for array in own):
                continue
            bounds = activations.BOUNDS.get(layer.operation)
            numbers = measure(own, layer.unit_axis, bounds, self._buckets)
            if layer.operation not in activations.RECTIFIERS:
                numbers = numbers._replace(silent_units=None)
            yield Histogram(tags.of_layer(tags.OUTPUTS, path), numbers.histogram, _OUTPUTS)
            for kind, share in (
                (tags.OUTPUT_ZEROS, numbers.zeros),
                (tags.SILENT_UNITS, numbers.silent_units),
                (tags.SATURATION, numbers.saturation),
            ):
                if share is not None:
                    yield Scalar(tags.of_layer(kind, path), share, _DESCRIPTIONS[kind])
            self._tell(kernels.get(layer.kernel), numbers)

    def _tell(self, kernel, numbers):
        """Leaves what is known of a kernel's units to the vitals."""
        if kernel is not None and self._examples >= _FEWEST_EXAMPLES:
            for name in ("silent_units", "saturation"):
                if getattr(numbers, name) is not None:
                    kernel.know(name, getattr(numbers, name))


_OUTPUTS = "What the layer puts out for a fixed batch, with training=False."
_UNSEEN_IN_GRAPH = (
    "The outputs of layers are not logged here: beneath a tf.function the graph of the step must "
    "run the model itself, and it was traced before the model was built, or in replicas. Put the "
    "decorator above @tf.function."
)


def _batch_of(probe, is_keras):
    """The probe as a nest of eager tensors that nobody else changes.

    Raises:
      TypeError: it has none.
      ValueError: it has no examples.
    """
    rule = (
        "probe must be a batch as the model is called with it: an array or tensor, or a tuple, "
        "list or dict of them"
    )
    try:
        with _compat.outside_graphs():
            batch = tf.nest.map_structure(lambda one: _copied(one, is_keras), probe)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{rule}, got {type(probe).__name__}: {error}") from None
    tensors = tf.nest.flatten(batch)
    if not tensors or not all(one.shape.rank and one.shape[0] for one in tensors):
        raise ValueError(f"{rule}, with one example or more along the first axis.")
    return batch


def _copied(array, is_keras):
    if isinstance(array, (tf.Tensor, tf.Variable)) or _compat.resource_variable(array) is not None:
        return tf.identity(array)
    array = np.array(array)
    if is_keras and array.dtype == np.float64:  # as Keras itself takes arrays
        array = array.astype(tf.keras.backend.floatx())
    return tf.identity(tf.constant(array))


def _name_of(model):
    return repr(str(getattr(model, "name", type(model).__name__)))
