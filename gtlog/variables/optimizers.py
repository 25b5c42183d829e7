"""The optimizers of a logger's steps: found, and read with the step's variables."""

import weakref
from typing import Any, List, NamedTuple, Tuple

from gtlog import _compat
from gtlog.variables import naming, roles
from gtlog.variables.registry import KnownShards, KnownVariable


class WantedOptimizers:
    """The optimizers that a summary was made for, held weakly.

    Args:
      optimizers: Pairs of name and optimizer; none where they are to be found.
    """

    def __init__(self, optimizers=()):
        self._references = [(name, weakref.ref(one)) for name, one in optimizers]
        self.are_named = bool(self._references)

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
        self._wanted = wanted
        self._objects = objects
        self._failures = failures
        self._named = {}

    def known(self, known_variables):
        """The variables of optimizers that are read with a step.

        Args:
          known_variables: `KnownVariable`s that the step logs.

        Returns:
          List of `KnownOptimizerVariable`; empty before the first update.
        """
        if not self._wanted:
            return []
        found = self._failures.each(
            lambda pair: f"look through the optimizer {type(pair[1]).__name__}",
            self._optimizers(),
            lambda pair: list(_variables_of(*pair, known_variables)),
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
        optimizers = dict(self._optimizers()) if by_name else {}
        done = self._failures.each(
            lambda name: f"read the optimizer {name!r}",
            [name for name in by_name if name in optimizers and "updates" in by_name[name]],
            lambda name: _read(name, optimizers[name], by_name[name]),
        )
        return [read for _, read in done if read.updates > 0]

    def _optimizers(self):
        """Pairs of name and innermost optimizer; names do not change."""
        given = [pair for wanted in self._wanted for pair in wanted.alive]
        is_searched = not all(wanted.are_named for wanted in self._wanted)
        found = self._objects.optimizers() if is_searched else []
        for name, optimizer in [*given, *found]:
            inner = _compat.innermost_optimizer(optimizer)
            if not any(reference() is inner for reference in self._named.values()):
                is_found_alone = not given and len(found) == 1 and not self._named
                self._named[self._free("" if is_found_alone else name)] = weakref.ref(inner)
        pairs = [(name, reference()) for name, reference in self._named.items()]
        return [(name, optimizer) for name, optimizer in pairs if optimizer is not None]

    def _free(self, name):
        """A name that no other optimizer has; empty only for the first one."""
        name = name or ("optimizer" if self._named else "")
        return naming.unique_path(name.replace("/", "_"), self._named)


def _variables_of(name, optimizer, known_variables):
    updates = _compat.iterations_variable(optimizer)
    if updates is None or _compat.is_of_graph(updates):
        return
    yield KnownOptimizerVariable(updates, name, "updates")
    parts = zip(("learning_rate", "decay"), _compat.learning_rate_parts(optimizer))
    for of, part in parts:
        if _compat.resource_variable(part) is not None:
            yield KnownOptimizerVariable(part, name, of)
    pairs = [(known.path, known.variable) for known in known_variables if _is_whole(known)]
    pairs = [(path, variable) for path, variable in pairs if variable is not None]
    for place, slot, one in _compat.slots_of(optimizer, [variable for _, variable in pairs]):
        if not _compat.is_of_graph(one):
            yield KnownOptimizerVariable(one, name, (pairs[place][0], slot))


def _is_whole(known):
    return not isinstance(known, KnownShards)


def _read(name, optimizer, values):
    updates = int(values["updates"])
    slots = [(*of, value) for of, value in values.items() if isinstance(of, tuple)]
    return ReadOptimizer(name, updates, _learning_rate(optimizer, values, updates), slots)


def _learning_rate(optimizer, values, updates):
    """The learning rate of the last update that was counted."""
    if not updates:
        return None
    rate, decay = _compat.learning_rate_parts(optimizer)
    if "learning_rate" in values:
        rate = float(values["learning_rate"])
    elif _compat.is_schedule(rate):
        rate = _compat.scheduled_rate(optimizer, rate, updates - 1)
    elif rate is not None:
        rate = float(rate() if callable(rate) else rate)
    if rate is None or decay is None:
        return rate
    return rate / (1.0 + float(values.get("decay", decay)) * (updates - 1))
