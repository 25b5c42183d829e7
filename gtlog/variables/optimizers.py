"""The optimizers of a logger's steps: found, and read with the step's variables."""

import weakref
from typing import Any, List, NamedTuple, Tuple

import tensorflow as tf

from gtlog import _compat
from gtlog.variables import naming, roles
from gtlog.variables.reading import read_plain
from gtlog.variables.registry import KnownShards, KnownVariable

# Optimizers are looked for anew at the logged steps 1, 2, 4, 8, …, and at each 64th.
_RARELY = 64


class WantedOptimizers:
    """The optimizers that a summary was made for, held weakly.

    Args:
      optimizers: Pairs of name and optimizer; none if the optimizers are to be found.
      rate_alone: Whether only the learning rates are wanted. Then no slot is read, and no function
        of the user's that stands for a rate is called. If another summary wants more than rates,
        the optimizers of that summary are read, and this one decides nothing.

    Attributes:
      are_named: Whether there are any, so that none is looked for.
    """

    def __init__(self, optimizers=(), rate_alone=False):
        self._references = [(name, weakref.ref(one)) for name, one in optimizers]
        self.are_named = bool(self._references)
        self.rate_alone = rate_alone

    @property
    def alive(self):
        """Pairs of name and optimizer."""
        pairs = [(name, reference()) for name, reference in self._references]
        return [(name, one) for name, one in pairs if one is not None]


class KnownOptimizerVariable(KnownVariable):
    """A variable of an optimizer that is read at the end of a step.

    Attributes:
      optimizer: Name of the optimizer.
      of: What it is: the path of the variable and the name of the slot; or `"updates"`,
        `"learning_rate"` or `"decay"`.
    """

    def __init__(self, variable, optimizer, of):
        path = "/".join(of) if isinstance(of, tuple) else of
        super().__init__(variable, f"{optimizer}/{path}".strip("/"), roles.OTHER)
        self.optimizer = optimizer
        self.of = of


class ReadOptimizer(NamedTuple):
    """What was read of an optimizer: slots as tuples of path, name and eager tensor."""

    name: str
    updates: int
    learning_rate: Any
    slots: List[Tuple[str, str, Any]]


class OptimizersOfSteps:
    """Reads the optimizers that summaries want to know.

    Args:
      wanted: List of `WantedOptimizers`; empty if no summary wants any.
      objects: `ObjectPaths`, which knows what the steps hold.
      failures: `Failures`.
    """

    def __init__(self, wanted, objects, failures):
        whole = [one for one in wanted if not one.rate_alone]
        self._wanted = whole or wanted
        self._rate_alone = not whole
        self._objects = objects
        self._failures = failures
        self._named = {}  # by name the references of all that were ever found
        self._current = []  # names of those that the steps hold now
        self._updates = {}  # by name, those counted at the last logged step
        self._number = 0
        self._added = 0

    def known(self, known_variables):
        """The variables of optimizers that are read with a step.

        Args:
          known_variables: `KnownVariable`s that the step logs.

        Returns:
          List of `KnownOptimizerVariable`; empty before the first update.
        """
        if not self._wanted:
            return []
        with self._failures.guard("find the optimizers of the step"):
            self._look()
        found = self._failures.each(
            lambda pair: f"look through the optimizer {type(pair[1]).__name__}",
            self._alive(self._current),
            lambda pair: self._variables_of(*pair, known_variables),
        )
        return [one for _, variables in found for one in variables]

    def read(self, pairs):
        """What optimizers did in a step.

        Args:
          pairs: List of (`KnownOptimizerVariable`, eager tensor).

        Returns:
          List of `ReadOptimizer`.
        """
        by_name = {}
        for known, value in pairs:
            by_name.setdefault(known.optimizer, {})[known.of] = value
        optimizers = dict(self._alive(by_name))
        done = self._failures.each(
            lambda name: f"read the optimizer {name!r}",
            [name for name in optimizers if "updates" in by_name[name]],
            lambda name: self._read(name, optimizers[name], by_name[name]),
        )
        return [read for _, read in done if read.updates > 0]

    def _variables_of(self, name, optimizer, known_variables):
        variables = list(_variables_of_rate(name, optimizer))
        if variables and not self._rate_alone:
            variables += _variables_of_slots(name, optimizer, known_variables)
        return variables

    def _read(self, name, optimizer, values):
        updates = int(values["updates"])
        slots = [(*of, value) for of, value in values.items() if isinstance(of, tuple)]
        rate = _learning_rate(optimizer, values, updates, calls_functions=not self._rate_alone)
        return ReadOptimizer(name, updates, rate, slots)

    def _look(self):
        """Looks for the optimizers of the steps, where there may be others than before."""
        self._number += 1
        is_time = self._number % _RARELY == 0 or self._number & (self._number - 1) == 0
        is_added = self._added != self._objects.added
        if not (is_time or is_added or not tf.executing_eagerly() or self._are_idle()):
            return
        self._added = self._objects.added
        given = [pair for wanted in self._wanted for pair in wanted.alive]
        is_searched = not all(wanted.are_named for wanted in self._wanted)
        found = self._objects.optimizers() if is_searched else []
        self._named = {name: one for name, one in self._named.items() if one() is not None}
        is_alone = not given and len(found) == 1
        current = []
        for name, optimizer in [*given, *found]:
            inner = _compat.innermost_optimizer(optimizer)
            current.append(self._name_of(inner, "" if is_alone and not self._named else name))
        self._current = list(dict.fromkeys(current))

    def _are_idle(self):
        """Whether the known optimizers have stood still: others may have taken their place."""
        before = self._updates
        optimizers = self._alive(self._current)
        self._updates = {name: _updates_of(one) for name, one in optimizers}
        return bool(self._current) and all(
            before.get(name) == updates for name, updates in self._updates.items()
        )

    def _name_of(self, optimizer, name):
        """The name of an optimizer, which does not change."""
        for known, reference in self._named.items():
            if reference() is optimizer:
                return known
        name = self._free(name)
        self._named[name] = weakref.ref(optimizer)
        return name

    def _alive(self, names):
        """Pairs of name and innermost optimizer, of those that the program keeps."""
        pairs = [(name, self._named[name]()) for name in names if name in self._named]
        return [(name, optimizer) for name, optimizer in pairs if optimizer is not None]

    def _free(self, name):
        """A name that no other optimizer has; empty only for the first one."""
        name = name or ("optimizer" if self._named else "")
        return naming.unique_path(name.replace("/", "_"), self._named)


def _variables_of_rate(name, optimizer):
    updates = _compat.iterations_variable(optimizer)
    if updates is None or _compat.is_of_graph(updates):
        return
    yield KnownOptimizerVariable(updates, name, "updates")
    parts = zip(("learning_rate", "decay"), _compat.learning_rate_parts(optimizer))
    for of, part in parts:
        if _compat.resource_variable(part) is not None:
            yield KnownOptimizerVariable(part, name, of)


def _updates_of(optimizer):
    """How many updates an optimizer has counted; None where that has no value here."""
    updates = _compat.iterations_variable(optimizer)
    if updates is None or _compat.is_of_graph(updates):
        return None
    copy = updates.values[0] if _compat.is_distributed(updates) else updates
    with _compat.stop_recording():
        return int(read_plain(copy))


def _variables_of_slots(name, optimizer, known_variables):
    pairs = [(known.path, known.variable) for known in known_variables if _is_whole(known)]
    pairs = [(path, variable) for path, variable in pairs if variable is not None]
    for place, slot, one in _compat.slots_of(optimizer, [variable for _, variable in pairs]):
        if not _compat.is_of_graph(one):
            yield KnownOptimizerVariable(one, name, (pairs[place][0], slot))


def _is_whole(known):
    return not isinstance(known, KnownShards)


def _learning_rate(optimizer, values, updates, calls_functions):
    """The learning rate of the last update that was counted; None if it cannot be told.

    Args:
      optimizer: The innermost optimizer.
      values: Dict from `KnownOptimizerVariable.of` to the value that was read.
      updates: How many updates the optimizer has counted.
      calls_functions: Whether to call a function that stands for the rate. Such a function may
        count its calls.
    """
    if not updates:
        return None
    rate, decay = _compat.learning_rate_parts(optimizer)
    if "learning_rate" in values:
        rate = float(values["learning_rate"])
    elif _compat.is_schedule(rate):
        rate = _compat.scheduled_rate(optimizer, rate, updates - 1)
    elif callable(rate):
        rate = float(rate()) if calls_functions else None
    elif rate is not None:
        rate = float(rate)
    if rate is None or decay is None:
        return rate
    return rate / (1.0 + float(values.get("decay", decay)) * (updates - 1))
