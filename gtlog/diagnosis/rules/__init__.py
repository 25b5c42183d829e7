"""The rules: one file a fault, each a function `find` from the evidence to what it saw."""

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

# `not_learning` is asked last: it speaks only where no other rule does.
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
