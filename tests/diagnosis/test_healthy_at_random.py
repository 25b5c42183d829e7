"""Healthy trainings drawn at random: no rule may be tuned to a few of them."""

import numpy as np
import pytest

from .judged import alarms
from .training import Training

STEPS = (120, 250)
WIDTHS = (8, 16, 32, 64)
# The learning rates with which such networks are trained, in decades.
RATES = {"adam": (-3.5, -2.2), "sgd": (-2.3, -1.0), "momentum": (-2.5, -1.5)}


def drawn(seed):
    """A training, its number of steps, and the gap between two logged ones."""
    random = np.random.RandomState(seed)
    hidden = random.choice(WIDTHS, size=random.randint(1, 6))
    optimizer = str(random.choice(list(RATES)))
    steps = int(random.choice(STEPS))
    rate = 10 ** random.uniform(*RATES[optimizer])
    training = Training(
        sizes=(int(random.choice([4, 10, 20])), *map(int, hidden), int(random.choice([2, 4, 10]))),
        activation=str(random.choice(["relu", "tanh"])),
        optimizer=optimizer,
        batch=int(random.choice([1, 4, 16, 64])),
        seed=seed,
        rate=[
            lambda step: rate,
            lambda step: rate * min(1.0, 10 * step / steps),
            lambda step: rate * (0.5 + 0.5 * np.cos(np.pi * step / steps)),
            lambda step: rate * (0.1 if step > steps / 2 else 1.0),
        ][random.randint(4)],
    )
    if random.rand() < 0.3:  # a head that starts at zero
        training.weights[-1][:] = 0.0
    return training, steps, int(random.choice([1, 3, 10]))


def test_they_are_silent():
    """Trainings that learn have no alarm: of any depth, batch, rate, schedule and cadence."""
    found = {}
    for seed in range(80):
        training, steps, every = drawn(seed)
        table = training.run(steps, every)
        loss = table.step_values["loss"]
        quarter = len(loss) // 4
        if np.mean(loss[-quarter:]) < 0.8 * np.mean(loss[:quarter]):
            found[seed] = alarms(table)
    assert len(found) > 40
    assert {seed: said for seed, said in found.items() if said} == {}


# Drawn at random once, each with an alarm then: sizes, activation, optimizer, rate, batch, seed,
# steps, gap, and whether the head starts at zero.
FOUND = {
    "not learning": ((20, 8, 32, 16, 32, 8, 4), "relu", "momentum", 0.017, 16, 378, 250, 10, False),
    "exploding": ((4, 32, 16, 64, 64, 32, 32, 2), "tanh", "adam", 4.022e-4, 8, 792, 500, 20, False),
    "dead units": ((4, 32, 128, 64, 64, 32, 64, 3), "relu", "adam", 0.01, 1, 9, 300, 2, False),
    "overwritten": ((4, 16, 16, 8, 16, 4), "tanh", "sgd", 0.04977, 1, 2906, 500, 2, False),
    "too large": ((10, 16, 64, 2), "relu", "sgd", 0.14, 8, 1976, 250, 5, True),
    "identical units": ((4, 16, 32, 32, 10), "relu", "sgd", 0.02, 4, 1209, 250, 50, True),
}


@pytest.mark.parametrize("settings", FOUND.values(), ids=FOUND)
def test_what_was_mended(settings):
    """Those whose alarm was false have none."""
    sizes, activation, optimizer, rate, batch, seed, steps, every, is_zero = settings
    training = Training(sizes, activation, optimizer, rate, batch, seed)
    if is_zero:
        training.weights[-1][:] = 0.0
    assert alarms(training.run(steps, every)) == []
