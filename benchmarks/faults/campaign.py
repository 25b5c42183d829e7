"""Which runs there are: all are fixed here, before any is trained."""

import functools
import zlib
from typing import Any, NamedTuple, Tuple

import gtlog
from benchmarks.faults.plans import PLANS
from benchmarks.faults.plants import gradients, network, updates, weights
from benchmarks.faults.plants.base import MILD, SEVERE
from benchmarks.faults.programs import SETS

EARLY, MIDDLE, LATE = "early", "middle", "late"
_TWO, _SEED = 2, 10


class Faulty(NamedTuple):
    """A faulty run to be."""

    name: str
    half: str
    architecture: str
    optimizer: str
    seed: int
    every: str
    plants: Tuple
    steps: int

    @property
    def severity(self):
        """Mild, if one of its faults is."""
        return MILD if any(one.severity == MILD for one in self.plants) else SEVERE

    @property
    def onset(self):
        """The step of the first fault."""
        return min(one.onset for one in self.plants)

    @property
    def twin(self):
        """What names the same run without the fault."""
        return f"twin {self.architecture} {self.optimizer} {self.seed}"


class HealthyRun(NamedTuple):
    """A healthy run to be."""

    name: str
    half: str
    kind: str
    healthy: Any
    optimizer: str
    seed: int
    every: str
    steps: int


def schedule(every):
    """The cadence as `gtlog.logged_step` takes it."""
    return gtlog.log_spaced() if every == "log_spaced" else int(every)


def faulty_runs(half):
    """The faulty runs of a half."""
    runs = []
    for plant_type, number in PLANS[half].plants:
        for place in range(number):
            runs.append(_faulty(half, [plant_type], place))
    for place, pair in enumerate(PLANS[half].pairs):
        runs.append(_faulty(half, pair, place))
    return runs


def _faulty(half, plant_types, place):
    """The `place`-th run of a plant: architecture, layer and the rest go round."""
    plan = PLANS[half]
    offset = zlib.crc32(plant_types[0].__name__.encode()) + plan.offset
    names = [
        name
        for name, program in SETS[half].items()
        if all(_fits(one, program) for one in plant_types)
    ]
    architecture = names[(offset + place) % len(names)]
    only = next((plan.only[one] for one in plant_types if one in plan.only), plan.optimizers)
    # Whatever goes round does so at a pace of its own, so that no two always meet.
    optimizer = only[(offset // 7 + place + place // 2) % len(only)]
    if len(plant_types) == _TWO:
        places = (EARLY, LATE)
    else:
        places = ((EARLY, MIDDLE, LATE)[(offset // 3 + place) % 3],)
    plants = tuple(
        _plant(one, SETS[half][architecture], where, place + number, offset, plan)
        for number, (one, where) in enumerate(zip(plant_types, places))
    )
    name = " + ".join(
        f"{one.__class__.__name__}({_named(one.layer)}, {one.severity}, {one.onset}"
        f"{', drift' if one.shape == 'drift' else ''})"
        for one in plants
    )
    every = plan.cadences[(offset // 17 + place + place // 4) % len(plan.cadences)]
    return Faulty(
        f"{half} {architecture} {optimizer} every={every} {name}",
        half,
        architecture,
        optimizer,
        _SEED,
        every,
        plants,
        plan.steps,
    )


def _named(layer):
    return layer if layer is None or isinstance(layer, str) else "+".join(layer)


def _fits(plant_type, program):
    if plant_type.__module__.endswith("network"):
        return plant_type is not network.InfiniteInput or not _has_tokens(program)
    if plant_type.among in (None, "kernels"):
        return True
    return bool(getattr(program, plant_type.among))


def _has_tokens(program):
    return hasattr(program, "tokens")


def _plant(plant_type, program, where, place, offset, plan):
    layers = _layers(plant_type, program)
    number = {EARLY: 0, MIDDLE: len(layers) // 2, LATE: len(layers) - 1}[where]
    severity = (SEVERE, MILD)[(place + offset // 11) % 2]
    begins = plant_type.starts[(place // 2 + offset // 13) % len(plant_type.starts)]
    onset = plan.onsets[place % len(plan.onsets)] if begins == "later" else 0
    # Nothing to see of a drift that is planted from the first step on: its twin never was healthy.
    shapes = plant_type.shapes if begins == "later" else ("step",)
    shape = shapes[(place // 2) % len(shapes)]
    return plant_type(layers[number], severity, onset, plan.steps, shape)


def _layers(plant_type, program):
    if plant_type.among is None:
        return [None]
    if plant_type.among == "kernels":
        return _kernels(program)
    return list(getattr(program, plant_type.among))


@functools.lru_cache(maxsize=None)
def _kernels(program):
    return tuple(program(0).kernels)


def healthy_runs(half):
    """The healthy runs of a half: each kind with three seeds."""
    plan, position = PLANS[half], list(SETS).index(half)
    runs = []
    for number, (kind, healthy) in enumerate(plan.healthy.items()):
        for seed in range(plan.seeds):
            among = plan.optimizers
            optimizer = healthy.optimizer or among[(number + seed) % len(among)]
            every = plan.cadences[(number + seed + position) % len(plan.cadences)]
            name = f"{half} {kind} {optimizer} every={every} seed={seed}"
            runs.append(HealthyRun(name, half, kind, healthy, optimizer, seed, every, plan.steps))
    return runs


# Of the short version: the first run of some plants, and some kinds of healthy runs.
_SHORT_PLANTS = (
    gradients.ExplodingBackward,
    gradients.VanishingBackward,
    gradients.Cut,
    gradients.DeadUnits,
    gradients.RootOfZero,
    updates.LayerRateTooLarge,
    updates.RateTooSmall,
    updates.Forgotten,
    updates.AllUphill,
    weights.LayerShrinks,
    weights.ResetToOthers,
    weights.SameUnits,
    weights.AllStart,
    network.ShuffledLabels,
)
_SHORT_KINDS = 24


def short_runs(half):
    """A dozen faulty runs and two dozen healthy ones."""
    faulty = [run for run in faulty_runs(half) if len(run.plants) == 1]
    first = [next(run for run in faulty if type(run.plants[0]) is one) for one in _SHORT_PLANTS]
    healthy = [run for run in healthy_runs(half) if run.seed == 0]
    stride = max(1, len(healthy) // _SHORT_KINDS)
    return first + healthy[::stride][:_SHORT_KINDS]
