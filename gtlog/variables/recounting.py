"""Names of layers without the count of earlier models.

Keras calls a layer that was given no name by its class and a number, which counts all layers of the
class that the process has made: the same model is `dense`, `dense_1` in the first run and
`dense_2`, `dense_3` in the second. Here the numbers are counted anew, over the layers of the models
that a logger knows: as if the process had made nothing else.

https://github.com/keras-team/keras/blob/v3.3.3/keras/src/utils/naming.py, `auto_name`
https://github.com/keras-team/keras/blob/v2.15.0/keras/backend.py, `unique_object_name`
"""

import re
import weakref

from gtlog import _compat
from gtlog.variables import naming

_NUMBERED = re.compile(r"(?P<base>.+?)(?:_(?P<number>\d+))?")
_OF_WRAPPERS = re.compile(r"^(?:forward|backward)_")  # as Bidirectional calls what it wraps
_MODELS = {"Functional": ("functional", "model"), "": ()}
# Keras 3 counts variables without a name as it counts layers.
_UNNAMED = re.compile(r"variable(?:_\d+)?")


class RecountedPaths:
    """The paths that variables would have if the process had made their models alone.

    Such paths are known for variables of models that the logger was given, or that its steps hold.

    Args:
      models: `Models` of the logger. Layers are counted within each model that has a name, and
        within all others together.
      objects: `ObjectPaths`, which finds the models that steps hold.
      failures: `Failures`, which reports a model that cannot be looked through.
    """

    def __init__(self, models, objects, failures):
        self._models = models
        self._objects = objects
        self._failures = failures
        self._counts = {}
        self._places = None

    def forget(self):
        """Has the models looked through anew."""
        self._places = None

    def path_of(self, variable, own_path):
        """The path of a variable, counted anew.

        Args:
          variable: `tf.Variable`, the inner one of a Keras variable.
          own_path: Its path as it is.

        Returns:
          The path; None if no model holds the variable, as far as that is seen.
        """
        if self._places is None:
            self._places = self._found()
        reference, name, own, new = self._places.get(id(variable), (lambda: None, "", "", ""))
        if reference() is not variable:
            return None
        if naming.is_unnamed(own):  # its path is that of the attributes that lead to it
            return own_path
        return naming.own_path(f"{name}/{new}" if name else new)

    def _found(self):
        """Finds the variables of all models, and counts their paths anew.

        Returns:
          Dict from the `id` of a variable to a tuple: a weak reference to the variable, the name of
          its model, its path in the model, and its new path.
        """
        found = {}
        named = [(name, [model]) for name, model in self._models.alive if name]
        unnamed = [model for name, model in self._models.alive if not name]
        for name, models in [*named, ("", [*unnamed, *self._objects.roots])]:
            count = self._counts.setdefault(name, Recount())
            held = self._failures.each(
                lambda model: f"look through the model {type(model).__name__!r}",
                models,
                lambda model: (_layers_of(model), _own_paths(model)),
            )
            count.add_layers(layer for _, (layers, _) in held for layer in layers)
            pairs = [
                (variable, naming.without_first(path, own) if name else path)
                for _, (_, (own, pairs)) in held
                for variable, path in pairs
            ]
            new = count.paths([path for _, path in pairs])
            for variable, path in pairs:
                place = weakref.ref(variable), name, path, new[path]
                found.setdefault(id(variable), place)
        return found


def _layers_of(model):
    """Names and class names of the layers of a Keras model; none of a plain `tf.Module`."""
    layers = [one for one in _compat.layers_of(model) if hasattr(type(one), "get_config")]
    return [(str(layer.name), type(layer).__name__) for layer in layers]


def _own_paths(model):
    """The model's own name, and pairs of variable and own path."""
    variables = _compat.variables_of(model)
    pairs = [(_compat.resource_variable(one), _compat.full_name(one)) for one in variables]
    pairs = [(inner, naming.own_path(path)) for inner, path in pairs if inner is not None]
    return getattr(model, "name", None), pairs


class Recount:
    """New names for the layers that Keras has named by counting; no entry ever changes.

    Names that the program gave stay, and no other layer gets them. The exception is a given name
    that looks like Keras's own, such as `dense_1` of a `Dense`: it is counted anew too, since Keras
    does not keep who gave it.
    """

    def __init__(self):
        self._new = {}
        self._taken = set()
        self._variables = {}

    def add_layers(self, layers):
        """Gives names to layers, and keeps those of earlier calls.

        Args:
          layers: Iterable of pairs of the name and the class name of a layer.
        """
        counted, given = set(), set()
        for name, kind in layers:
            (counted if is_counted(name, kind) else given).add(name)
        self._taken |= given
        for name in sorted(counted - given, key=_place_of):
            if name not in self._new:
                self._new[name] = self._free(_NUMBERED.fullmatch(name)["base"])

    def _free(self, base):
        number, name = 0, base
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    def path(self, path):
        """The path with the new names of its layers in place of Keras's.

        >>> recount = Recount()
        >>> recount.add_layers([("dense_4", "Dense"), ("dense_3", "Dense"), ("out", "Dense")])
        >>> recount.path("dense_3/kernel"), recount.path("out/kernel")
        ('dense/kernel', 'out/kernel')
        """
        *layers, own = path.split("/")
        return "/".join([*(self._new.get(layer, layer) for layer in layers), own])

    def paths(self, paths):
        """The new paths of variables that became known together.

        Those that Keras 3 calls `variable_7` are counted anew within their layer.

        Args:
          paths: List of paths.

        Returns:
          Dict from path to new path.
        """
        unnamed = [path for path in paths if _UNNAMED.fullmatch(path.rpartition("/")[2])]
        for path in sorted(unnamed, key=_place_of):
            if path not in self._variables:
                layer = self.path(path).rpartition("/")[0]
                count = sum(new.rpartition("/")[0] == layer for new in self._variables.values())
                own = f"variable_{count}" if count else "variable"
                self._variables[path] = f"{layer}/{own}".strip("/")
        return {path: self._variables.get(path) or self.path(path) for path in paths}


def is_counted(name, kind):
    """Whether the name of a layer is one that Keras makes: its class and perhaps a number.

    Args:
      name: Name of the layer.
      kind: Name of its class.

    >>> is_counted("multi_head_attention_2", "MultiHeadAttention"), is_counted("head", "Dense")
    (True, False)
    >>> is_counted("forward_lstm_1", "LSTM"), is_counted("encoder_1", "Dense")
    (True, False)
    """
    base = _OF_WRAPPERS.sub("", _NUMBERED.fullmatch(name)["base"]) if name else ""
    return base.replace("_", "") in _MODELS.get(kind, (kind.replace("_", "").lower(),))


def _place_of(name):
    """A key that sorts names by base and number."""
    match = _NUMBERED.fullmatch(name)
    return match["base"], int(match["number"] or 0)
