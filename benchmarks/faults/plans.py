"""What is trained in each set: which plants, how many, with which optimizers and cadences."""

from typing import Any, Mapping, NamedTuple, Tuple

from benchmarks.faults.healthy.kinds import FOURTH_KINDS, KINDS, THIRD_KINDS
from benchmarks.faults.plants import gradients, network, updates, usual, weights


class Plan(NamedTuple):
    """The runs of a set, before they are drawn.

    Attributes:
      plants: Pairs of a plant and the number of its runs.
      pairs: Pairs of plants that are planted together.
      healthy: The healthy trainings by kind.
      optimizers: Names that go round.
      only: Optimizers of plants that another optimizer hides: Adam does not care for the size of a
        gradient.
      cadences: Names of cadences that go round.
      onsets: Steps of faults that begin later.
      steps: Length of a run.
      seeds: How many seeds each healthy kind has.
      offset: Where what goes round begins.
    """

    plants: Tuple
    pairs: Tuple
    healthy: Mapping[str, Any]
    optimizers: Tuple[str, ...] = ("adam", "sgd", "adamw", "rmsprop")
    only: Mapping[Any, Tuple[str, ...]] = {}
    cadences: Tuple[str, ...] = ("1", "5", "log_spaced", "10")
    onsets: Tuple[int, ...] = (73, 52, 97)
    steps: int = 200
    seeds: int = 3
    offset: int = 0


# Of each, the number of runs in a half.
PLANTS = (
    (gradients.ExplodingBackward, 8),
    (gradients.SummedLoss, 2),
    (gradients.VanishingBackward, 9),
    (gradients.Saturation, 4),
    (gradients.Cut, 3),
    (gradients.RoundDetour, 2),
    (gradients.TimesZero, 3),
    (gradients.LateCut, 3),
    (gradients.DeadUnits, 6),
    (gradients.DyingUnits, 4),
    (gradients.RootOfZero, 5),
    (updates.RateTooLarge, 5),
    (updates.LayerRateTooLarge, 6),
    (updates.RateTooSmall, 4),
    (updates.LargeEpsilon, 2),
    (updates.TightClipping, 2),
    (updates.LayerRateTooSmall, 6),
    (updates.Forgotten, 5),
    (updates.KernelHeld, 4),
    (updates.NeverApplied, 2),
    (updates.LayerUphill, 5),
    (updates.AllUphill, 4),
    (updates.DividedByZero, 3),
    (weights.LayerShrinks, 6),
    (weights.AllShrink, 3),
    (weights.LayerGrows, 6),
    (weights.AllGrow, 3),
    (weights.ResetToFirst, 3),
    (weights.ResetToOthers, 4),
    (weights.OldCheckpoint, 2),
    (weights.AgainAndAgain, 3),
    (weights.SameUnits, 6),
    (weights.LayerStart, 5),
    (weights.LayerStartSmall, 3),
    (weights.AllStart, 3),
    (weights.AllStartSmall, 2),
    (network.ShuffledLabels, 5),
    (network.LostInputs, 2),
    (network.StrangeInputs, 4),
    (network.InfiniteInput, 2),
)
PAIRS = (
    (updates.Forgotten, gradients.VanishingBackward),
    (updates.LayerUphill, weights.LayerShrinks),
    (gradients.ExplodingBackward, updates.KernelHeld),
    (weights.SameUnits, gradients.DeadUnits),
    (gradients.Cut, updates.LayerRateTooLarge),
    (weights.ResetToOthers, updates.LayerRateTooSmall),
)
_ONLY = {
    updates.LargeEpsilon: ("adam", "adamw"),
    updates.TightClipping: ("sgd",),
    gradients.SummedLoss: ("adam", "adamw", "rmsprop"),
}
# Of the other sets half of the runs have faults of the same kinds, half have others.
MORE_PLANTS = (
    *[(plant_type, (number + 1) // 2) for plant_type, number in PLANTS],
    (usual.Sigmoids, 5),
    (usual.LogOfZero, 4),
    (usual.PenaltyOfLayer, 5),
    (usual.DecayOfAll, 3),
    (usual.Zeroed, 5),
    (usual.Shuffled, 4),
    (usual.NegatedGradient, 6),
    (usual.NegatedGradients, 4),
    (usual.DividedGradient, 4),
    (usual.RateWithoutEnd, 5),
    (usual.NeverReset, 3),
    (usual.ZeroStart, 3),
    (usual.ConstantStart, 4),
)
_MORE_ONLY = {
    updates.LargeEpsilon: ("adam", "nadam"),
    updates.TightClipping: ("sgd", "momentum"),
    gradients.SummedLoss: ("adam", "nadam", "adamax"),
    usual.DividedGradient: ("sgd", "momentum"),
}
PLANS = {
    "tune": Plan(PLANTS, PAIRS, {kind: one for kind, (one, _) in KINDS.items()}, only=_ONLY),
    "held_out": Plan(
        PLANTS, PAIRS, {kind: one for kind, (_, one) in KINDS.items()}, only=_ONLY, offset=5
    ),
    "third": Plan(
        MORE_PLANTS,
        (),
        THIRD_KINDS,
        optimizers=("adam", "momentum", "nadam", "sgd", "adamax"),
        only=_MORE_ONLY,
        cadences=("2", "20", "1", "log_spaced", "8"),
        onsets=(61, 110, 140),
        steps=240,
        seeds=2,
        offset=11,
    ),
    "fourth": Plan(
        MORE_PLANTS,
        PAIRS,
        FOURTH_KINDS,
        optimizers=("rmsprop", "adam", "sgd", "adamw", "momentum"),
        only=_MORE_ONLY,
        cadences=("3", "log_spaced", "15", "1", "6"),
        onsets=(45, 82, 118),
        steps=180,
        seeds=2,
        offset=17,
    ),
}
