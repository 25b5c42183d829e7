"""Which variables a logger has seen, under which paths."""

import collections
import threading
import weakref

import tensorflow as tf

from gtlog import _compat
from gtlog.errors import LoggingWarning
from gtlog.notices.failures import Failures
from gtlog.variables import naming, roles
from gtlog.variables.models import Models
from gtlog.variables.objects import ObjectPaths
from gtlog.variables.reading import read_plain
from gtlog.variables.recounting import RecountedPaths


class KnownVariable:
    """One variable of the user's, held weakly, with the names it is logged under.

    Attributes:
      path: Path that no other variable of the registry has.
      role: Role by the variable's own name, as `roles.role_of` returns it.
      layer: Class name of the layer that holds it, None without a `model`.
      models: Names of the logger's models that hold it, where they have names.
      recounted: Path that does not depend on what else the process has made; None if unknown.
      made: A number that is larger for variables that were made later.
      is_frozen: Whether a model holds it and does not train it.
      steps_logged: In how many steps it was logged so far.
      is_trained_unseen: Whether its gradient is taken where it cannot be handed over.
    """

    is_frozen = is_trained_unseen = False
    steps_logged = 0

    def __init__(self, variable, path, role, when_dropped=None):
        self._variable = weakref.ref(variable, when_dropped)
        self.path = path
        self.role = role
        self.layer = None
        self.models = ()
        self.recounted = None
        self.made = _compat.creation_number(variable)

    @property
    def variable(self):
        """The `tf.Variable`, or None if the user's program has dropped it."""
        return self._variable()

    def stands_for(self, variable):
        """Whether it is this variable, or a part of it."""
        return self._variable() is variable

    @property
    def plain_variable(self):
        """The variable, if it alone has the value; None if it has copies or parts."""
        variable = self._variable()
        return None if variable is None or _compat.is_distributed(variable) else variable

    def read(self):
        """The value at this point of the program, eager or symbolic.

        Call it under `_compat.stop_recording`, so that no tape takes the read for the user's own.
        """
        variable = self._variable()
        if _compat.is_distributed(variable):
            return _read_copies(variable)
        return read_plain(variable)


class KnownShards(KnownVariable):
    """A variable that parameter servers keep in parts; `variable` is the first of them."""

    def __init__(self, shards, path, role, when_dropped=None):
        super().__init__(shards[0], path, role, when_dropped)
        self._shards = [weakref.ref(shard) for shard in shards]

    plain_variable = None

    def stands_for(self, variable):
        return any(shard() is variable for shard in self._shards)

    def read(self):
        """All of its rows."""
        return tf.concat([read_plain(shard()) for shard in self._shards], 0)


class VariableRegistry:
    """The variables that a logger logs, each with a path of its own.

    Args:
      path_filter: Callable from a path to whether its variable is logged.
      models: `Models`, or None: their variables are known from the beginning of the first logged
        step, with the classes of their layers.
      failures: `Failures`, which reports a variable that cannot be made known.
      recounts: Whether variables are called by their recounted paths, as far as these are known.

    Attributes:
      has_variables: Whether any variable was found so far, left out or not.
      is_distributed: Whether a `tf.distribute` strategy keeps copies of any of them.
      objects: `ObjectPaths`, where variables without a name have a path.
    """

    def __init__(self, path_filter, models=None, failures=None, recounts=False):
        self._path_filter = path_filter
        self._failures = Failures("warn") if failures is None else failures
        self._models = Models() if models is None else models
        self._known = {}
        self._known_by_shard = {}
        self._taken = set()
        self._left_out = set()
        self._distributed = None
        self._dropped = collections.deque()  # ids, appended by whichever thread drops a variable
        self.has_variables = self.is_distributed = False
        self.objects = ObjectPaths()
        for name, model in self._models.alive:
            self.objects.add_object(name, model)
        self._recounted = RecountedPaths(self._models, self.objects, self._failures)
        self._recounts = recounts
        self._taken_recounted = set()
        self._lock = threading.Lock()

    def __iter__(self):
        """The variables that are alive, in the order in which they became known."""
        known_variables = list(self._known.values())  # at once: another thread may add one
        return iter([known for known in known_variables if known.variable is not None])

    @property
    def left_out(self):
        """Paths that the filter does not let through, sorted."""
        return sorted(self._left_out)

    @property
    def strategy(self):
        """The strategy that keeps copies of variables for its replicas, or None if none does."""
        variable = None if self._distributed is None else self._distributed.variable
        return None if variable is None else variable.distribute_strategy

    def add(self, variable):
        """Makes a variable known.

        Args:
          variable: `tf.Variable` or Keras variable. It is left out if its type has no numbers, or
            if it belongs to a graph alone.

        Returns:
          Its `KnownVariable`. None if the variable is left out, or a failure was reported.
        """
        try:
            return self._known_as(variable)
        except LoggingWarning:
            raise
        except Exception as error:
            name = getattr(variable, "name", None)
            self._failures.failed(f"find out what the variable {name!r} is", error)
            return None

    def _known_as(self, variable):
        known = self._known_already(variable)
        if known is not None:
            return known
        inner = _compat.resource_variable(variable)
        if inner is None or _compat.is_of_graph(inner):
            return None
        known = self._known_already(inner)
        if known is not None:
            return known
        shards = _compat.shards_of(variable)
        with self._lock:
            known = self._known_already(inner)
            if known is not None:
                return known  # since another thread added it
            own_path = self._models.path_of(inner) or self._own_path(variable, inner, shards)
            if shards:
                return self._add_shards(shards, naming.path_of_shards(own_path))
            return self._add(KnownVariable, inner, own_path)

    def _own_path(self, variable, inner, shards):
        own_path = naming.own_path(_compat.full_name(variable))
        if naming.is_unnamed(own_path) and not shards:
            return naming.own_path(self.objects.path_of(inner) or own_path)
        return own_path

    def _known_already(self, variable):
        key = id(variable)
        known = self._known.get(key) or self._known_by_shard.get(key)
        return known if known is not None and known.stands_for(variable) else None

    def _add_shards(self, shards, own_path):
        known = self._add(KnownShards, shards, own_path)
        for shard in shards:
            self._known_by_shard[id(shard)] = known
        return known

    def look_anew(self):
        """Has models looked through anew for variables that are not known yet.

        Models make variables when they are called.
        """
        self.objects.forget()
        self._models.forget()
        self._recounted.forget()

    def add_all(self, variables):
        """Makes variables known; returns the `KnownVariable` of each that is not left out."""
        self.look_anew()
        known = [self.add(variable) for variable in variables]
        return [one for one in known if one is not None]

    def add_model(self, model=None):
        """Makes the variables of a model known, those included that no tape sees.

        Args:
          model: Keras model or `tf.Module`; None takes all of the logger's own.

        Returns:
          Their `KnownVariable`s, each once. Empty without a model, or if it fails to list them.
        """
        with self._failures.guard("find the variables of the model"):
            if model is None:
                return self._known_of([one for _, one in self._models.alive])
            self.objects.add_object("", model)
            return self._known_of([model])
        return []

    def _known_of(self, models):
        known, trained = {}, set()
        for model in models:
            layers = _layer_names(model)
            for one in self.add_all(_compat.variables_of(model)):
                known[one] = layers.get(id(one.variable))
            trained.update(self.add_all(_compat.trained_variables_of(model)))
        for one, layer in known.items():
            one.layer = layer
            one.is_frozen = one not in trained
        return list(known)

    def _add(self, kind, of, own_path):
        variable = of[0] if kind is KnownShards else of
        if not _has_numbers(variable):
            return None
        self.has_variables = True
        recounted = self._recounted.path_of(variable, own_path)
        if self._recounts:
            own_path = recounted or own_path
        if not self._path_filter(own_path):
            self._left_out.add(own_path)
            return None
        self._forget_dropped()
        path = naming.unique_path(own_path, self._taken)
        self._taken.add(path)
        key, dropped = id(variable), self._dropped
        known = kind(of, path, roles.role_of(own_path), lambda reference: dropped.append(key))
        known.models = self._models.names_of(variable)
        known.recounted = self._only_once(recounted)
        self._known[key] = known
        if _compat.is_distributed(variable):
            self._distributed, self.is_distributed = known, True
        return known

    def _only_once(self, recounted):
        """A recounted path, made unique: two variables never share one."""
        if recounted is None:
            return None
        recounted = naming.unique_path(recounted, self._taken_recounted)
        self._taken_recounted.add(recounted)
        return recounted

    def _forget_dropped(self):
        """Forgets variables that are gone.

        A variable that was made for a single step frees its path for the next one. Any other keeps
        its path, so that no curve changes its meaning.
        """
        while self._dropped:
            key = self._dropped.popleft()
            known = self._known.get(key)
            if known is not None and known.variable is None:
                del self._known[key]
                if known.steps_logged <= 1:
                    self._taken.discard(known.path)
                    self._taken_recounted.discard(known.recounted)


def _read_copies(variable):
    """The value of a variable that each replica has a copy of, inside of replicas and outside.

    Copies are equal, but for those that are put together when they are read (moving statistics).
    The variable itself cannot be asked: in a replica it answers for that replica alone.
    """
    copies = variable.values
    if variable.synchronization == tf.VariableSynchronization.ON_READ:
        if variable.aggregation == tf.VariableAggregation.SUM:
            return tf.add_n([read_plain(copy) for copy in copies])
        if variable.aggregation == tf.VariableAggregation.MEAN:
            return tf.add_n([read_plain(copy) for copy in copies]) / len(copies)
    return read_plain(copies[0])


def _has_numbers(variable):
    dtype = variable.dtype
    return dtype.is_floating or dtype.is_integer or dtype.is_complex or dtype.is_bool


def _layer_names(model):
    """Dict from the `id` of a variable to the class name of the innermost layer that holds it."""
    layers = sorted(_compat.layers_of(model), key=lambda layer: -len(_compat.variables_of(layer)))
    return {
        id(_compat.resource_variable(variable)): type(layer).__name__
        for layer in layers
        for variable in _compat.variables_of(layer)
    }
