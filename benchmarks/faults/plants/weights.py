"""Faults of the weights themselves."""

import numpy as np

from benchmarks.faults.plants.base import MILD, SEVERE, Plant
from gtlog.diagnosis import faults


class _Scaling(Plant):
    """Kernels are multiplied by a number near one, again and again."""

    shapes = ("step",)

    def updated(self, training, before, level):
        for layer, kernel in training.program.kernels.items():
            if self.layer in (None, layer):
                kernel.assign(kernel * (1.0 + level * self.strength))

    def end_ratio(self, truth, twin):
        """How large the kernels end, over those of the twin; the median of those that have it."""
        places = slice(None) if self.layer is None else [truth.of(self.layer)]
        with np.errstate(all="ignore"):
            ratios = truth.value[places, -1] / twin.value[places, -1]
        known = ratios[~np.isnan(ratios)]
        return np.median(known) if known.size else np.nan


class LayerShrinks(_Scaling):
    """A decay that eats one layer."""

    faults = frozenset({faults.WEIGHTS_SHRINKING})
    strengths = {SEVERE: -0.06, MILD: -0.015}

    def took_hold(self, truth, twin):
        return self.end_ratio(truth, twin) <= 0.6


class AllShrink(LayerShrinks):
    """A decay that eats the network."""

    among = None

    def took_hold(self, truth, twin):
        return self.end_ratio(truth, twin) <= 0.6 and self.is_worse(truth, twin)


class LayerGrows(_Scaling):
    """One layer that is scaled up in each step."""

    faults = frozenset({faults.WEIGHTS_GROWING})
    strengths = {SEVERE: 0.04, MILD: 0.012}

    def took_hold(self, truth, twin):
        return self.end_ratio(truth, twin) >= 1.8


class AllGrow(LayerGrows):
    """A decay with the wrong sign."""

    among = None

    def took_hold(self, truth, twin):
        return self.end_ratio(truth, twin) >= 1.8 and self.is_worse(truth, twin)


class Written(Plant):
    """A kernel is written to between two steps."""

    faults = frozenset({faults.OVERWRITTEN})
    starts = ("later",)
    shapes = ("step",)

    def between(self, training, step):
        if step + 1 == self.onset:
            kernel = training.program.kernels[self.layer]
            self.before = kernel.numpy()
            kernel.assign(self.written(training, kernel))
            self.distance = np.linalg.norm(kernel.numpy() - self.before)

    def written(self, training, kernel):
        """The value it is given."""
        raise NotImplementedError

    def took_hold(self, truth, twin):
        return self.distance >= 0.1 * np.linalg.norm(self.before)


class ResetToFirst(Written):
    """A layer is set back to its first weights."""

    def prepare(self, training):
        self.first = training.program.kernels[self.layer].numpy()

    def written(self, training, kernel):
        return self.first


class ResetToOthers(Written):
    """A layer is initialised once more, with other numbers; or half of it."""

    strengths = {SEVERE: 1.0, MILD: 0.5}

    def written(self, training, kernel):
        value = kernel.numpy()
        random = training.random.randn(*value.shape) * value.std()
        some = training.random.rand(*value.shape) < self.strength
        return np.where(some, random, value).astype(np.float32)


class OldCheckpoint(Written):
    """All kernels are set back to what they were some steps ago."""

    among = None
    strengths = {SEVERE: 90, MILD: 45}

    def layers(self, names):
        return frozenset({None, *names})

    def between(self, training, step):
        if step + 1 == max(self.onset - self.strength, 1):
            self.kept = [one.numpy() for one in training.variables]
        if step + 1 == self.onset:
            self.before = np.concatenate([one.numpy().ravel() for one in training.variables])
            for variable, value in zip(training.variables, self.kept):
                variable.assign(value)
            after = np.concatenate([one.numpy().ravel() for one in training.variables])
            self.distance = np.linalg.norm(after - self.before)


class AgainAndAgain(Written):
    """A callback that sets a layer back to one old value every few steps."""

    strengths = {SEVERE: 20, MILD: 50}

    def between(self, training, step):
        kernel = training.program.kernels[self.layer]
        if step == self.onset // 3:
            self.kept = kernel.numpy()
        if step + 1 >= self.onset and (step + 1 - self.onset) % self.strength == 0:
            before = kernel.numpy()
            kernel.assign(self.kept)
            if step + 1 == self.onset:
                self.before, self.distance = before, np.linalg.norm(self.kept - before)


class SameUnits(Plant):
    """Two layers in a row that start at one constant: their units stay equal."""

    faults = frozenset({faults.IDENTICAL_UNITS})
    among = "pairs"
    starts = ("first",)
    shapes = ("step",)
    strengths = {SEVERE: 1.0, MILD: 0.5}

    def prepare(self, training):
        first, second = (training.program.kernels[name] for name in self.layer)
        number = int(self.strength * int(first.shape[-1]))
        value = first.numpy()
        value[..., :number] = value[..., :1]
        first.assign(value)
        value = second.numpy()
        value[..., :number, :] = value[..., :1, :]
        second.assign(value)

    def layers(self, names):
        return frozenset(self.layer)

    def took_hold(self, truth, twin):
        last = truth.last[truth.of(self.layer[0])]
        columns = last.reshape(-1, last.shape[-1])
        kinds = len(np.unique(columns, axis=1).T)
        return kinds <= columns.shape[1] * (1 - self.strength) + 1


class LayerStart(Plant):
    """One layer whose first weights are too large."""

    faults = frozenset({faults.INITIALIZATION})
    starts = ("first",)
    shapes = ("step",)
    strengths = {SEVERE: 30.0, MILD: 10.0}

    def prepare(self, training):
        for layer, kernel in training.program.kernels.items():
            if self.layer in (None, layer):
                kernel.assign(kernel * self.strength)

    def took_hold(self, truth, twin):
        early = slice(0, self.steps // 3)
        return np.median(truth.loss[early]) > 1.2 * np.median(twin.loss[early])


class LayerStartSmall(LayerStart):
    """One layer whose first weights are too small; those at the end of a branch may be."""

    among = "taps"
    strengths = {SEVERE: 1e-3, MILD: 0.02}

    def took_hold(self, truth, twin):
        early = slice(0, self.steps // 3)
        return np.median(truth.loss[early]) > 1.1 * np.median(twin.loss[early])


class AllStart(LayerStart):
    """All first weights are too large."""

    among = None
    strengths = {SEVERE: 10.0, MILD: 4.5}


class AllStartSmall(LayerStartSmall):
    """All first weights are too small."""

    among = None
    strengths = {SEVERE: 0.02, MILD: 0.05}
