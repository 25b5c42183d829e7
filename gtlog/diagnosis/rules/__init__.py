"""The rules: one file for each fault, with a function `find` from the evidence to sightings."""

from gtlog.diagnosis import faults
from gtlog.diagnosis.rules import (
    ascending,
    dead_units,
    exploding_gradients,
    identical_units,
    initialization,
    no_gradient,
    nonfinite,
    not_learning,
    not_updated,
    overwritten,
    updates_too_large,
    updates_too_small,
    vanishing_gradients,
    weights_growing,
    weights_shrinking,
)

# `not_learning` comes last: it is asked only if no other rule sees a fault.
RULES = {
    faults.NO_GRADIENT: no_gradient.find,
    faults.NOT_UPDATED: not_updated.find,
    faults.OVERWRITTEN: overwritten.find,
    faults.IDENTICAL_UNITS: identical_units.find,
    faults.INITIALIZATION: initialization.find,
    faults.ASCENDING: ascending.find,
    faults.EXPLODING_GRADIENTS: exploding_gradients.find,
    faults.UPDATES_TOO_LARGE: updates_too_large.find,
    faults.UPDATES_TOO_SMALL: updates_too_small.find,
    faults.WEIGHTS_SHRINKING: weights_shrinking.find,
    faults.WEIGHTS_GROWING: weights_growing.find,
    faults.DEAD_UNITS: dead_units.find,
    faults.VANISHING_GRADIENTS: vanishing_gradients.find,
    faults.NONFINITE: nonfinite.find,
    faults.NOT_LEARNING: not_learning.find,
}
