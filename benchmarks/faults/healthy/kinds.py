"""The kinds of healthy runs: in two forms, to tune rules on and held out, and of other sets."""

from typing import Any, Callable, Mapping, NamedTuple, Optional, Tuple

from benchmarks.faults.healthy import habits, programs
from benchmarks.faults.healthy.habits import (
    cosine,
    decaying,
    one_cycle,
    staircase,
    triangles,
    warm_up,
    warm_up_to_end,
)
from benchmarks.faults.programs import FOURTH, HELD_OUT, THIRD, TUNE


class Healthy(NamedTuple):
    """A healthy training.

    Attributes:
      program: Type of the program.
      hooks: Function that makes the hooks.
      options: Arguments of the program.
      optimizer: Name; None takes another one for each seed.
      quality: Share of the first loss that the last one stays below; None takes the program's.
    """

    program: Any
    hooks: Callable[[], Tuple] = tuple
    options: Optional[Mapping] = None
    optimizer: Optional[str] = None
    quality: Optional[float] = None


def _with(program, make, optimizer=None, quality=None, **options):
    return Healthy(program, lambda: (make(),), options, optimizer, quality)


def _alone(program, optimizer=None, quality=None, **options):
    return Healthy(program, tuple, options, optimizer, quality)


def _plain():
    pairs = zip(TUNE.items(), HELD_OUT.items())
    return {
        f"plain {one} / {other}": (_alone(first), _alone(second))
        for (one, first), (other, second) in pairs
    }


T, H = TUNE, HELD_OUT
_C, _R = habits.Clipping, habits.Rate

# name: (to tune on, held out)
KINDS = {
    **_plain(),
    "momentum": (_alone(T["residual"], "momentum"), _alone(H["resnet"], "momentum")),
    "Lion": (_alone(T["mlp"], "lion"), _alone(H["gated_module"], "lion")),
    "Adagrad": (_alone(T["cnn"], "adagrad"), _alone(H["deep_mlp"], "adagrad", 0.95)),
    "Nadam": (_alone(T["lstm"], "nadam"), _alone(H["decoder"], "nadam")),
    "LAMB": (_alone(T["transformer"], "lamb"), _alone(H["strided_cnn"], "lamb", 0.95)),
    "LoRA with B = 0": (
        _alone(programs.Adapters, "adam", rank=2),
        _alone(programs.Adapters, "sgd", rank=4),
    ),
    "ReZero": (_alone(programs.ReZero, "adam"), _alone(programs.ReZero, "rmsprop", blocks=5)),
    "zero-initialised branches": (
        _alone(programs.ZeroBranches),
        _alone(programs.ZeroBranches, width=20),
    ),
    "zero-initialised gains": (
        _alone(programs.ZeroGains, width=8),
        _alone(programs.ZeroGains, "momentum", width=14),
    ),
    "zero-initialised head": (
        _with(T["mlp"], habits.ZeroHead),
        _with(H["gru"], lambda: habits.ZeroHead(1e-7)),
    ),
    "frozen first layers": (
        _with(T["mlp"], lambda: habits.Frozen(4), quality=0.9),
        _with(H["gated_module"], lambda: habits.Frozen(4), quality=0.9),
    ),
    "progressive unfreezing": (
        _with(T["residual"], lambda: habits.Unfreezing(0.6)),
        _with(H["deep_mlp"], lambda: habits.Unfreezing(0.4), "adam", 0.95),
    ),
    "rare embedding rows": (
        _alone(programs.RareTokens, "adam"),
        _alone(programs.RareTokens, "sgd", tokens=900),
    ),
    "warm-up from 0": (
        _with(T["transformer"], lambda: _R(warm_up(0.3))),
        _with(H["resnet"], lambda: _R(warm_up(0.5))),
    ),
    "warm-up that lasts": (
        _with(T["mlp"], lambda: _R(warm_up_to_end(1.0)), quality=0.85),
        _with(H["decoder"], lambda: _R(warm_up_to_end(2.0)), "adam", 0.95),
    ),
    "cosine to 0": (_with(T["cnn"], lambda: _R(cosine(1))), _with(H["gru"], lambda: _R(cosine(1)))),
    "warm restarts": (
        _with(T["mlp"], lambda: _R(cosine(3))),
        _with(H["denoiser"], lambda: _R(cosine(4))),
    ),
    "rate in stairs": (
        _with(T["residual"], lambda: _R(staircase(0.1, 3))),
        _with(H["strided_cnn"], lambda: _R(staircase(0.2, 4)), quality=0.95),
    ),
    "one cycle": (
        _with(T["cnn"], lambda: _R(one_cycle(1.5))),
        _with(H["gated_module"], lambda: _R(one_cycle(2))),
    ),
    "converged": (
        _with(T["cnn"], lambda: habits.PreTrained(1.0), "adam", 2.0),
        _with(H["gru"], lambda: habits.PreTrained(1.0), "adam", 2.0),
    ),
    "fine-tuning with a tiny rate": (
        _with(T["transformer"], lambda: habits.PreTrained(0.005), "adam", 2.0),
        _with(H["deep_mlp"], lambda: habits.PreTrained(0.01), "adamw", 2.0),
    ),
    "rates by layer": (
        _with(T["residual"], lambda: habits.LayerRates(0.8)),
        _with(H["decoder"], lambda: habits.LayerRates(0.9), "adam"),
    ),
    "accumulation": (
        _with(T["mlp"], lambda: habits.Accumulation(4), "adam", 0.9),
        _with(H["strided_cnn"], lambda: habits.Accumulation(3), "adam", 0.98),
    ),
    "skipped steps of a loss scale": (
        _with(T["residual"], lambda: habits.SkippedSteps(frozenset({0, 1, 2, 80}))),
        _with(H["gru"], lambda: habits.SkippedSteps(frozenset({0, 1, 2, 3, 4, 60, 61, 150}))),
    ),
    "clipping that is always on": (
        _with(T["lstm"], lambda: _C(0.05), "adam"),
        _with(H["decoder"], lambda: _C(0.1), "adamw"),
    ),
    "clipping under SGD": (
        _with(T["mlp"], lambda: _C(0.5), "sgd", 0.85),
        _with(H["resnet"], lambda: _C(0.5), "sgd", 0.9),
    ),
    "normalised gradients": (
        _with(T["mlp"], lambda: habits.SignOnly(0.5), "sgd", 0.9),
        _with(H["gated_module"], lambda: habits.SignOnly(0.4), "sgd", 0.95),
    ),
    "a head that is not used": (
        _alone(programs.Heads, "adam"),
        _alone(programs.Heads, "sgd", asks_both=False),
    ),
    "a generator and a critic": (
        _alone(programs.Adversaries, "adam"),
        _alone(programs.Adversaries, "adam", slope=0.05),
    ),
    "noisy rewards": (
        _alone(programs.Reward, "adam"),
        _alone(programs.Reward, "rmsprop", noise=1.0),
    ),
    "an actor and a critic": (
        _alone(programs.ActorCritic, "adam"),
        _alone(programs.ActorCritic, "adam", noise=0.8),
    ),
    "a spike that recovers": (
        _with(T["mlp"], lambda: habits.BadBatch({90}), "adam"),
        _with(H["denoiser"], lambda: habits.BadBatch({60, 140}), "adam", 0.85),
    ),
    "ReLU sparsity": (
        _alone(programs.Sparse, "adam", shift=1.0),
        _alone(programs.Sparse, "adam", shift=1.5),
    ),
    "experts": (_alone(programs.Experts, "adam"), _alone(programs.Experts, "adamw", experts=6)),
    "a variational autoencoder": (
        _alone(programs.Variational, "adam"),
        _alone(programs.Variational, "rmsprop", latent=8),
    ),
    "contrastive towers": (
        _alone(programs.Contrastive, "adam"),
        _alone(programs.Contrastive, "adam", temperature=0.1),
    ),
    "tied embeddings": (_alone(programs.Tied, "adam"), _alone(programs.Tied, "adamw", bias=False)),
    "a plateau at first": (_alone(programs.Plateau, "adam"), _alone(programs.Plateau, "rmsprop")),
    "targets far from zero": (
        _alone(programs.LargeTargets, "adam"),
        _alone(programs.LargeTargets, "rmsprop", shift=4.0),
    ),
    "sigmoids": (_alone(programs.Saturated, "adam"), _alone(programs.Saturated, "rmsprop")),
    "heavy dropout": (
        _alone(programs.HeavyDropout, "adam"),
        _alone(programs.HeavyDropout, "adam", dropout=0.6, widths=(96, 64)),
    ),
    "smoothed labels": (
        _alone(programs.Smooth, "adam"),
        _alone(programs.Smooth, "adamw", smoothing=0.1),
    ),
    "a layer that is used several times": (
        _alone(programs.SharedLayer, "adam"),
        _alone(programs.SharedLayer, "sgd"),
    ),
    "a learned temperature": (
        _alone(programs.LearnedTemperature, "adam"),
        _alone(programs.LearnedTemperature, "adamw", weight=30.0),
    ),
    "an L2 penalty": (
        _alone(programs.Penalised, "adam", 0.9, penalty=1e-3),
        _alone(programs.Penalised, "sgd", 0.9, penalty=3e-3),
    ),
    "a strong decay that suits": (
        _with(T["cnn"], lambda: habits.Decay(5e-4)),
        _with(H["resnet"], lambda: habits.Decay(1e-3)),
    ),
    "units of bounded norm": (
        _with(T["mlp"], lambda: habits.MaxNorm(1.2), "adam", 0.85),
        _with(H["gru"], lambda: habits.MaxNorm(1.0), "adam", 0.9),
    ),
    "clipped weights": (
        _with(T["mlp"], lambda: habits.Clipped(0.3), "adam", 0.9),
        _with(H["gated_module"], lambda: habits.Clipped(0.2), "adam", 0.9),
    ),
    "pruned weights": (
        _with(T["mlp"], lambda: habits.Pruned(0.6), "adam", 0.9),
        _with(H["resnet"], lambda: habits.Pruned(0.7), "adam", 0.9),
    ),
    "lookahead": (
        _with(T["residual"], lambda: habits.Lookahead(5), "adam", 0.85),
        _with(H["decoder"], lambda: habits.Lookahead(6), "adam", 0.95),
    ),
    "averaged weights": (
        _with(T["lstm"], lambda: habits.Averages(0.98)),
        _with(H["strided_cnn"], lambda: habits.Averages(0.99), quality=0.95),
    ),
    "noise on gradients": (
        _with(T["mlp"], lambda: habits.GradientNoise(0.5), quality=0.85),
        _with(H["gru"], lambda: habits.GradientNoise(1.0), quality=0.9),
    ),
    "centralised gradients": (
        _with(T["cnn"], habits.Centralized),
        _with(H["resnet"], habits.Centralized),
    ),
    "batches of four": (
        _with(T["mlp"], lambda: habits.SmallBatches(4), "sgd", 0.9),
        _with(H["gated_module"], lambda: habits.SmallBatches(6), "adam", 0.92),
    ),
    "one batch by heart": (
        _with(T["residual"], habits.OneBatch),
        _with(H["deep_mlp"], habits.OneBatch),
    ),
    "wrong labels": (
        _with(T["mlp"], lambda: habits.WrongLabels(0.3), quality=0.93),
        _with(H["resnet"], lambda: habits.WrongLabels(0.4), quality=0.97),
    ),
    "rare classes": (
        _with(T["mlp"], lambda: habits.RareClasses(0.1), quality=0.9),
        _with(H["gated_module"], lambda: habits.RareClasses(0.15), quality=0.9),
    ),
    "rare classes of images": (
        _alone(programs.BinaryImages, "adam"),
        _alone(programs.BinaryImages, "momentum"),
    ),
    "data that change": (
        _with(T["lstm"], lambda: habits.OtherData(100), quality=0.95),
        _with(H["strided_cnn"], lambda: habits.OtherData(90), "adam", 1.0),
    ),
    "inputs that are not normalised": (
        _with(T["mlp"], lambda: habits.LargerInputs(5.0), "adam", 0.9),
        _with(H["deep_mlp"], lambda: habits.LargerInputs(4.0), "adam", 0.9),
    ),
    "inputs that are mostly zero": (
        _with(T["mlp"], lambda: habits.FewFeatures(0.5), "adam", 0.95),
        _with(H["gated_module"], lambda: habits.FewFeatures(0.4), "adam", 0.97),
    ),
    "a small loss": (
        _with(T["lstm"], lambda: habits.LossWeight(1e-3), "adam"),
        _with(H["resnet"], lambda: habits.LossWeight(1e-3), "adam"),
    ),
    "a loss whose weight grows": (
        _with(T["cnn"], lambda: habits.LossWeightGrows(5.0), "adam"),
        _with(H["decoder"], lambda: habits.LossWeightGrows(8.0), "adam", 3.0),
    ),
}

F = THIRD
THIRD_KINDS = {
    **{f"plain {name}": _alone(program) for name, program in THIRD.items()},
    "Lion": _alone(F["vit"], "lion"),
    "LAMB": _alone(F["mixer"], "lamb", 0.95),
    "Adafactor": _alone(F["tagger"], "adafactor", 0.95),
    "Adagrad": _alone(F["graph"], "adagrad", 0.95),
    "RMSprop": _alone(F["concatenated"], "rmsprop"),
    "warm-up from 0": _with(F["vit"], lambda: _R(warm_up(0.25)), quality=0.9),
    "warm-up that lasts": _with(F["tcn"], lambda: _R(warm_up_to_end(1.5)), quality=0.85),
    "cosine to 0": _with(F["mixer"], lambda: _R(cosine(1)), quality=0.85),
    "warm restarts": _with(F["tcn"], lambda: _R(cosine(3))),
    "rate in stairs": _with(F["concatenated"], lambda: _R(staircase(0.1, 3)), quality=0.9),
    "one cycle": _with(F["selu"], lambda: _R(one_cycle(1.5))),
    "a rate that decays": _with(F["tagger"], lambda: _R(decaying(0.01)), quality=0.95),
    "a rate in triangles": _with(F["graph"], lambda: _R(triangles(4)), quality=0.9),
    "zero-initialised head": _with(F["vit"], habits.ZeroHead, quality=0.9),
    "head that is next to zero": _with(F["selu"], lambda: habits.ZeroHead(1e-6), "adam", 0.7),
    "frozen first layers": _with(F["selu"], lambda: habits.Frozen(4), quality=0.9),
    "progressive unfreezing": _with(F["tcn"], lambda: habits.Unfreezing(0.5), quality=0.9),
    "clipping that is always on": _with(F["tagger"], lambda: _C(0.05), "adam", 0.9),
    "clipping under SGD": _with(F["graph"], lambda: _C(0.5), "sgd", 0.95),
    "accumulation": _with(F["mixer"], lambda: habits.Accumulation(4), "adam", 0.95),
    "skipped steps of a loss scale": _with(
        F["selu"], lambda: habits.SkippedSteps(frozenset({0, 1, 2, 70, 71})), "adam"
    ),
    "converged": _with(F["concatenated"], lambda: habits.PreTrained(1.0), "adam", 2.0),
    "fine-tuning with a tiny rate": _with(
        F["mixer"], lambda: habits.PreTrained(0.01), "adam", 2.0
    ),
    "rates by layer": _with(F["vit"], lambda: habits.LayerRates(0.85), "adam", 0.9),
    "a spike that recovers": _with(F["tcn"], lambda: habits.BadBatch({90, 150}), "adam"),
    "batches of four": _with(F["selu"], lambda: habits.SmallBatches(4), quality=0.85),
    "one graph at a time": _with(F["graph"], lambda: habits.SmallBatches(1), quality=0.95),
    "batches that grow": _with(F["tagger"], habits.GrowingBatches, quality=0.9),
    "an easy start": _with(F["mixer"], habits.EasyStart, quality=0.95),
    "one batch by heart": _with(F["graph"], habits.OneBatch),
    "wrong labels": _with(F["vit"], lambda: habits.WrongLabels(0.3), quality=0.97),
    "data that change": _with(F["mixer"], lambda: habits.OtherData(120), quality=1.0),
    "inputs that are not normalised": _with(
        F["selu"], lambda: habits.LargerInputs(3.0), "adam", 0.9
    ),
    "a small loss": _with(F["concatenated"], lambda: habits.LossWeight(1e-3), "adam"),
    "a large loss": _with(F["selu"], lambda: habits.LossWeight(100.0), "nadam"),
    "a loss whose weight grows": _with(
        F["mixer"], lambda: habits.LossWeightGrows(6.0), "adam", 3.0
    ),
    "a strong decay that suits": _with(F["vit"], lambda: habits.Decay(5e-4), quality=0.9),
    "units of bounded norm": _with(F["mixer"], lambda: habits.MaxNorm(1.5), "adam", 0.9),
    "clipped weights": _with(F["graph"], lambda: habits.Clipped(0.4), "adam", 0.9),
    "pruned weights": _with(F["concatenated"], lambda: habits.Pruned(0.6), "adam", 0.9),
    "lookahead": _with(F["tagger"], lambda: habits.Lookahead(5), "adam", 0.95),
    "averaged weights": _with(F["recommender"], lambda: habits.Averages(0.98)),
    "noise on gradients": _with(F["selu"], lambda: habits.GradientNoise(0.5), quality=0.85),
    "centralised gradients": _with(F["mixer"], habits.Centralized, quality=0.85),
}

L = FOURTH
FOURTH_KINDS = {
    **{f"plain {name}": _alone(program) for name, program in FOURTH.items()},
    "Lion": _alone(L["point_cloud"], "lion", 0.9),
    "LAMB": _alone(L["soft_experts"], "lamb", 0.95),
    "Adafactor": _alone(L["segmenter"], "adafactor", 0.9),
    "Adamax": _alone(L["translator"], "adamax", 0.95),
    "Nadam": _alone(L["inverted"], "nadam"),
    "warm-up from 0": _with(L["translator"], lambda: _R(warm_up(0.3)), "adam", 0.95),
    "warm-up that lasts": _with(L["siamese"], lambda: _R(warm_up_to_end(1.0)), quality=0.9),
    "cosine to 0": _with(L["inverted"], lambda: _R(cosine(1)), quality=0.9),
    "warm restarts": _with(L["point_cloud"], lambda: _R(cosine(4)), quality=0.85),
    "rate in stairs": _with(L["soft_experts"], lambda: _R(staircase(0.2, 3)), quality=0.9),
    "one cycle": _with(L["segmenter"], lambda: _R(one_cycle(1.5)), quality=0.85),
    "a rate that decays": _with(L["hand_recurrence"], lambda: _R(decaying(0.02)), quality=0.95),
    "a rate in triangles": _with(L["deep_and_cross"], lambda: _R(triangles(3)), quality=0.9),
    "zero-initialised head": _with(L["point_cloud"], habits.ZeroHead, quality=0.85),
    "head that is next to zero": _with(
        L["soft_experts"], lambda: habits.ZeroHead(1e-6), "adam", 0.9
    ),
    "frozen first layers": _with(L["point_cloud"], lambda: habits.Frozen(4), quality=0.9),
    "progressive unfreezing": _with(L["siamese"], lambda: habits.Unfreezing(0.5), quality=0.95),
    "clipping that is always on": _with(L["translator"], lambda: _C(0.1), "adam", 0.95),
    "clipping under SGD": _with(L["inverted"], lambda: _C(0.3), "sgd", 0.95),
    "accumulation": _with(L["soft_experts"], lambda: habits.Accumulation(3), "adam", 0.95),
    "skipped steps of a loss scale": _with(
        L["segmenter"], lambda: habits.SkippedSteps(frozenset({0, 1, 2, 3, 50})), "adam", 0.85
    ),
    "converged": _with(L["segmenter"], lambda: habits.PreTrained(1.0), "adam", 2.0),
    "fine-tuning with a tiny rate": _with(
        L["point_cloud"], lambda: habits.PreTrained(0.01), "adam", 2.0
    ),
    "rates by layer": _with(L["inverted"], lambda: habits.LayerRates(0.9), "adam", 0.9),
    "a spike that recovers": _with(L["hand_recurrence"], lambda: habits.BadBatch({70}), "adam"),
    "batches of four": _with(L["point_cloud"], lambda: habits.SmallBatches(4), quality=0.95),
    "pairs one by one": _with(L["siamese"], lambda: habits.SmallBatches(2), "adam", 0.98),
    "batches that grow": _with(L["segmenter"], habits.GrowingBatches, quality=0.9),
    "an easy start": _with(L["soft_experts"], habits.EasyStart, quality=0.95),
    "one batch by heart": _with(L["translator"], habits.OneBatch, "adam"),
    "wrong labels": _with(L["soft_experts"], lambda: habits.WrongLabels(0.3), quality=0.97),
    "data that change": _with(L["soft_experts"], lambda: habits.OtherData(100), "adam", 1.1),
    "inputs that are not normalised": _with(
        L["point_cloud"], lambda: habits.LargerInputs(5.0), "adam", 0.9
    ),
    "inputs that are mostly zero": _with(
        L["soft_experts"], lambda: habits.FewFeatures(0.5), "adam", 0.97
    ),
    "a small loss": _with(L["translator"], lambda: habits.LossWeight(1e-3), "adam", 0.95),
    "a large loss": _with(L["hand_recurrence"], lambda: habits.LossWeight(1000.0), "adam"),
    "a loss whose weight grows": _with(
        L["segmenter"], lambda: habits.LossWeightGrows(10.0), "adam", 8.0
    ),
    "a strong decay that suits": _with(L["segmenter"], lambda: habits.Decay(1e-3), quality=0.85),
    "units of bounded norm": _with(L["siamese"], lambda: habits.MaxNorm(1.5), "adam", 0.9),
    "clipped weights": _with(L["point_cloud"], lambda: habits.Clipped(0.4), "adam", 0.9),
    "pruned weights": _with(L["soft_experts"], lambda: habits.Pruned(0.5), "adam", 0.9),
    "lookahead": _with(L["deep_and_cross"], lambda: habits.Lookahead(4), "adam", 0.95),
    "averaged weights": _with(L["inverted"], lambda: habits.Averages(0.97)),
    "noise on gradients": _with(L["segmenter"], lambda: habits.GradientNoise(1.0), quality=0.9),
    "centralised gradients": _with(L["point_cloud"], habits.Centralized, quality=0.85),
}
