"""Initialization: the first weights are of a scale with which the network cannot train well.

The reason: root mean square times the root of the number of inputs is 1 to 1.4 with the usual
initializers, and a signal keeps its size through the layer. Other scales are legitimate (zeros in
LoRA and in residual branches, 0.02 in transformers), so a symptom must come with it: a loss that
starts far above where it soon is, or gradients of all other layers that are far smaller than later.

Source: TheDeepChecker (variance against He and Glorot); the symptom is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import INITIALIZATION
from gtlog.diagnosis.robust import median
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

LARGE = 5.0
SMALL = 0.1
# Times that the first loss is as large as the lowest later one, beyond what learning takes off.
LOSS_FACTOR = 4.0
# Decades by which the other layers' gradients grow from the first step.
GRADIENTS_GREW = 1.0
FEWEST_STEPS = 4


def find(evidence):
    """The layer with first weights far off, or the network where most are."""
    if not evidence.has_beginning or len(evidence) < FEWEST_STEPS or not len(evidence.kernels):
        return []
    scale = evidence.scale[:, 0]
    with np.errstate(invalid="ignore"):
        large, small = scale >= LARGE, (scale <= SMALL) & (scale > 0)
    sightings = []
    if large.any():
        sightings += _too_large(evidence, scale, large)
    if small.any():
        sightings += _too_small(evidence, scale, small)
    return sightings


def _too_large(evidence, scale, large):
    return []


def _too_small(evidence, scale, small):
    return []
