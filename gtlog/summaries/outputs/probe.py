"""A model that was traced once on a fixed batch, to be run on it at logged steps.

The trace is that of a function of gtlog's own, in a thread of its own: there no tape, strategy,
name scope, device or writer of the user's is entered. Before the graph ever runs it is looked
through: one that changes a variable or draws random numbers is not run.
"""

import collections
import concurrent.futures
import inspect
from typing import NamedTuple, Optional, Tuple

import tensorflow as tf

from gtlog import _compat
from gtlog.summaries.outputs import activations
from gtlog.summaries.outputs.calls import CallWatcher
from gtlog.variables import naming, roles

# Layers that put out what comes in, in the same or in another shape: no chart of their own.
_SPATIAL = ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
_NOISE = (*_SPATIAL, "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise")
_REPEATING = (*_NOISE, "ActivityRegularization", "Flatten", "InputLayer", "Permute", "Reshape")
# Layers that act on each unit by itself, so that the units of the layer before are theirs.
_UNITWISE = (*_NOISE, "Activation", "BatchNormalization", "ELU", "LeakyReLU", "PReLU", "ReLU")
_LIBRARIES = ("keras", "tensorflow", "tf_keras")


class Refused(Exception):
    """A model that is not run, and why."""


class NotBuilt(Refused):
    """A model some of whose layers have no variables yet."""


class SeenLayer(NamedTuple):
    """A layer whose outputs are seen.

    Attributes:
      name: Name of the layer.
      variables: Its variables, held by nobody: `id`s of the inner ones.
      names: The full names of its variables.
      enclosing: `id`s of the layers that call it, the outermost first.
      outputs: Places of its outputs among those of the function, one for each call.
      unit_axis: The axis along which its units stand.
      operation: Type of the operation that computes its outputs, such as `"Relu"`.
      kernel: `id` of the inner variable of the kernel whose units these outputs are; None where no
        kernel is known to have them.
    """

    name: str
    variables: Tuple[int, ...]
    names: Tuple[str, ...]
    enclosing: Tuple[int, ...]
    outputs: Tuple[int, ...]
    unit_axis: int
    operation: str
    kernel: Optional[int]


class Probe:
    """Traces a model on a batch.

    Args:
      model: Keras model or callable `tf.Module` that has made its variables.
      batch: Nest of eager tensors, with which the model is called.

    Attributes:
      layers: List of `SeenLayer`, in the order in which they are called.
      unseen: Names of layers that are not seen to be called.
      variables: The `id`s of the variables that the model reads.

    Raises:
      NotBuilt: the model has not made all of the variables that it reads.
      Refused: the model is not to be run, for a reason that the message says.
    """

    def __init__(self, model, batch):
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            traced = thread.submit(_trace, model, batch).result()
        self._function, calls = traced
        self._batch = tf.nest.flatten(batch)
        effects = sorted(_compat.side_effects(self._function))
        if effects:
            raise Refused(
                "it has effects with training=False too: it changes variables, draws random "
                f"numbers or calls Python ({', '.join(effects)}), and running it would disturb "
                "the training"
            )
        self.layers, self.unseen = _seen(model, calls)
        read = map(_compat.resource_variable, self._function.graph.variables)
        self.variables = {id(one) for one in read}

    def __call__(self):
        """Runs the model with the values that its variables have.

        Returns:
          List of tensors, the outputs of all layers; symbolic ones in a graph.
        """
        return self._function(*self._batch)


def _trace(model, batch):
    """The concrete function that returns the outputs of all layers, and their calls."""
    calls = []

    def outputs_of_layers(*tensors):
        watcher = CallWatcher(_compat.layers_of(model))
        with tf.variable_creator_scope(_refuse_variable), watcher:
            model(tf.nest.pack_sequence_as(batch, tensors), **_mode_of(model))
        calls[:] = _shown(watcher.calls)
        return [tf.identity(call.output) for call in calls]

    specs = [tf.TensorSpec(one.shape, one.dtype) for one in tf.nest.flatten(batch)]
    with tf.variable_creator_scope(_refuse_variable):
        function = tf.function(outputs_of_layers, autograph=False)
        return function.get_concrete_function(*specs), calls


def _refuse_variable(next_creator, **arguments):
    raise NotBuilt("it has layers that have not made their variables yet")


def _mode_of(model):
    """The keyword arguments of a call that does not train."""
    if _compat.is_keras_layer(model):
        return {"training": False}
    parameters = inspect.signature(model.__call__).parameters
    for name in ("training", "is_training"):
        if name in parameters:
            return {name: False}
    return {}


def _shown(calls):
    """The calls whose outputs leave the graph: real numbers that no other call returned before."""
    graph, seen, shown = tf.compat.v1.get_default_graph(), set(), []
    for call in calls:
        is_new = id(call.output) not in seen
        seen.add(id(call.output))
        is_inside = call.output.graph is graph and activations.is_float(call.output)
        if is_new and is_inside and not any(map(_is_recurrent, call.enclosing)):
            shown.append(call)
    return [call for call in shown if call.enclosing] or shown  # the model itself is no layer


def _is_recurrent(layer):
    """Whether a layer calls another one for each step of a sequence."""
    return hasattr(layer, "cell") or hasattr(layer, "cells")


def _seen(model, calls):
    """List of `SeenLayer`, and the names of the layers that are not seen."""
    places = collections.OrderedDict()
    for place, call in enumerate(calls):
        if type(call.layer).__name__ not in _REPEATING:
            places.setdefault(id(call.layer), []).append(place)
    kernels = _kernels_of_ends(calls)
    layers = [
        _seen_layer([calls[place] for place in ones], tuple(ones), kernels)
        for ones in places.values()
    ]
    called = {id(call.layer) for call in calls}
    return layers, _unseen(model, called)


def _seen_layer(calls, places, kernels):
    layer = calls[0].layer
    own = _compat.variables_of(layer)
    operations = {activations.operation_of(call.output) for call in calls}
    kernel = kernels.get(id(calls[0].output))
    return SeenLayer(
        str(getattr(layer, "name", type(layer).__name__)),
        tuple(id(_compat.resource_variable(one)) for one in own),
        tuple(_compat.full_name(one) for one in own),
        tuple(map(id, calls[0].enclosing)),
        places,
        1 if getattr(layer, "data_format", None) == "channels_first" else -1,
        operations.pop() if len(operations) == 1 else "",
        kernel,
    )


def _kernels_of_ends(calls):
    """Which kernel has the units that an output shows: dict from `id` of a tensor to `id`.

    From the layer of a kernel it leads through the layers after it that act on each unit by itself,
    as long as one layer alone takes what the one before it puts out.
    """
    containers = {id(one) for call in calls for one in call.enclosing}
    takers, counts = collections.defaultdict(list), collections.Counter()
    for call in calls:
        counts[id(call.layer)] += 1
        if id(call.layer) not in containers:
            takers[id(call.source)].append(call)
    ends, taken = {}, set()
    for call in calls:
        kernel = _kernel_of(call.layer)
        if kernel is not None and kernel not in taken:
            taken.add(kernel)
            is_shared = counts[id(call.layer)] > 1
            ends[id(call.output if is_shared else _end_of(call, takers))] = kernel
    return ends


def _kernel_of(layer):
    """The `id` of the kernel that makes a layer's units; None if it has none."""
    kernels = [one for one in _compat.variables_of(layer) if _role_of(one) == roles.KERNEL]
    return id(_compat.resource_variable(kernels[-1])) if kernels else None


def _role_of(variable):
    return roles.role_of(naming.own_path(_compat.full_name(variable)))


def _end_of(call, takers):
    """The output that shows the units of a call's layer: that of its activation, as far as seen."""
    output = call.output
    while not activations.is_known(output):
        following = takers[id(output)]
        if len(following) != 1 or type(following[0].layer).__name__ not in _UNITWISE:
            break
        output = following[0].output
    return output


def _unseen(model, called):
    """Names of the layers that the model has and that are not seen; not of parts of Keras's own."""
    layers = _compat.layers_of(model)
    inner = {
        id(one)
        for layer in layers
        if _is_of_library(layer)
        for one in _compat.layers_of(layer)
        if one is not layer
    }
    return [
        str(getattr(layer, "name", type(layer).__name__))
        for layer in layers
        if layer is not model and id(layer) not in called and id(layer) not in inner
        if type(layer).__name__ not in _REPEATING and not _compat.is_keras_model(layer)
    ]


def _is_of_library(layer):
    is_model = _compat.is_keras_model(layer)
    return not is_model and type(layer).__module__.partition(".")[0] in _LIBRARIES
