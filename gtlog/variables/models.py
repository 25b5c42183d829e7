"""The models that a logger was given: what their variables are called, and whose they are."""

import weakref

from gtlog import _compat
from gtlog.variables import naming
from gtlog.variables.objects import paths_in

_EXAMPLE = 'model={"generator": generator, "discriminator": discriminator}'


class Models:
    """The models of a logger, held weakly, each with the name that leads its paths.

    A single model that is given without a name has none, and leads no path.

    Args:
      model: Keras model or `tf.Module`; a dict of several by name; a list or tuple of several,
        which have their own names; or None.

    Raises:
      TypeError: one is no model, or a name is no string.
      ValueError: a dict, list or tuple is empty, or a name is empty or has a `/`.
    """

    def __init__(self, model=None):
        self._models = [(name, weakref.ref(one)) for name, one in _named(model)]
        self._held = None

    @property
    def alive(self):
        """Pairs of name and model, of those still alive. A single model has an empty name."""
        pairs = [(name, reference()) for name, reference in self._models]
        return [(name, model) for name, model in pairs if model is not None]

    def forget(self):
        """Has the models looked through anew: they make variables when they are called."""
        self._held = None

    def names_of(self, variable):
        """The names of the models that hold a variable, in the order in which they were given.

        Args:
          variable: `tf.Variable`, the inner one of a Keras variable.

        Returns:
          Tuple of str, empty for a variable of none of them, or of a model without a name.
        """
        return tuple(name for name, _, _ in self._held_by(variable))

    def path_of(self, variable):
        """The path of a variable in the first model with a name that holds it, led by that name.

        The model's own name is left out after that name. A variable without a name has the path of
        the attributes that lead to it.

        Args:
          variable: `tf.Variable`, the inner one of a Keras variable.

        Returns:
          The path; None for a variable of no named model.
        """
        held = self._held_by(variable)
        if not held:
            return None
        name, model, full_name = held[0]
        path = naming.own_path(full_name)
        if naming.is_unnamed(path):
            path = naming.own_path(paths_in(model)[0].get(id(variable), path))
        else:
            path = naming.without_first(path, getattr(model, "name", None))
        return naming.own_path(f"{name}/{path}")

    def _held_by(self, variable):
        """Name, model and the variable's full name, for each model with a name that holds it."""
        if self._held is None:
            self._held = self._found()
        found = self._held.get(id(variable), [])
        held = [(name, of(), full) for one, name, of, full in found if one() is variable]
        return [place for place in held if place[1] is not None]

    def _found(self):
        found = {}
        for name, model in self.alive:
            for variable in _compat.variables_of(model) if name else ():
                inner = _compat.resource_variable(variable)
                if inner is not None:
                    place = weakref.ref(inner), name, weakref.ref(model)
                    found.setdefault(id(inner), []).append((*place, _compat.full_name(variable)))
        return found


def _named(model):
    """Pairs of name and model."""
    if model is None:
        return []
    if isinstance(model, dict):
        pairs = list(model.items())
    elif isinstance(model, (list, tuple)):
        pairs = _by_own_names(model)
    else:
        return [("", _checked(model, "model"))]
    if not pairs:
        raise ValueError(f"model is an empty {type(model).__name__}: write {_EXAMPLE}, or None.")
    for name, one in pairs:
        _check_name(name)
        _checked(one, f"model[{name!r}]")
    return pairs


def _by_own_names(models):
    taken = {}
    for place, one in enumerate(models):
        _checked(one, f"model[{place}]")
        name = str(getattr(one, "name", None) or type(one).__name__)
        taken[naming.unique_path(name.replace("/", "_"), taken)] = one
    return list(taken.items())


def _check_name(name):
    if not isinstance(name, str):
        raise TypeError(
            f"The names in model must be strings, got {name!r} ({type(name).__name__}). "
            f"Write {_EXAMPLE}, for example."
        )
    if not name or "/" in name:
        raise ValueError(
            f"The names in model lead the paths of variables, so they must not be empty or have "
            f"a '/', got {name!r}."
        )


def _checked(model, parameter):
    if not hasattr(type(model), "variables"):
        raise TypeError(
            f"{parameter} must be a Keras model or a tf.Module, something with `variables`, got "
            f"{model!r} ({type(model).__name__}). Several models have names: {_EXAMPLE}."
        )
    return model
