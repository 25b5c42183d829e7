"""The step that a finding names: that at which the fault began, or the next logged one or two."""

import numpy as np
import pytest

from gtlog.diagnosis.judge import judge

from .training import Training

AT = 60


def _signal(factor):
    """The signal that goes back through the third layer is scaled."""

    def scale(training, step):
        training.scale_gradient[2] = factor if step >= AT else 1.0

    return {"before_step": scale}


def _rate(factor):
    """The rate of the second layer is scaled."""

    def scale(training, step):
        training.rates[1] = factor if step >= AT else 1.0

    return {"before_step": scale}


def _uphill(training, step):
    """All updates go the wrong way."""
    training.rates[:] = [-1.0 if step >= AT else 1.0] * len(training.rates)


def _weights(factor):
    """The weights of the second layer are scaled after each update."""

    def scale(training, step):
        if step >= AT:
            training.weights[1] *= factor

    return {"after_update": scale}


def _once(change):
    """Something is done to the training once."""
    return {"before_step": lambda training, step: change(training) if step == AT else None}


def _shut(training):
    training.biases[1][:] = -100


def _overwrite(training):
    weights = training.weights[1]
    weights[:] = np.random.RandomState(3).randn(*weights.shape) / 4


PLANTS = {
    "vanishing_gradients": _signal(1e-4),
    "exploding_gradients": _signal(50.0),
    "dead_units": _once(_shut),
    "updates_too_large": _rate(100.0),
    "updates_too_small": _rate(1e-3),
    "not_updated": _rate(0.0),
    "ascending": {"before_step": _uphill},
    "weights_shrinking": _weights(0.97),
    "weights_growing": _weights(1.04),
    "overwritten": _once(_overwrite),
}

# Small batches are noisy: a few steps may look like the fault by chance, just before it begins.
TRAININGS = [("adam", 1e-3, 64, 0), ("momentum", 0.02, 4, 0), ("momentum", 0.02, 4, 1)]


@pytest.mark.parametrize("every", [1, 5, 10])
@pytest.mark.parametrize("optimizer, rate, batch, seed", TRAININGS)
@pytest.mark.parametrize("fault", PLANTS)
def test_it_is_never_before_the_fault(fault, optimizer, rate, batch, seed, every):
    """A fault is dated to no step before its own, and to the second logged one after it at most."""
    training = Training(optimizer=optimizer, rate=rate, batch=batch, seed=seed, **PLANTS[fault])
    (finding,) = judge(training.run(3 * AT, every))
    assert finding.fault == fault
    assert AT <= finding.first_step <= AT + 2 * every
