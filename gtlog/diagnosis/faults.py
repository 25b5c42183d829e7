"""The vocabulary of the diagnosis: fifteen faults, each with its title and its meaning."""

from typing import NamedTuple

ALARM = "alarm"
NOTE = "note"


class Fault(NamedTuple):
    """A fault that the diagnosis knows.

    Attributes:
      title: Its name in a sentence.
      meaning: What it means, in one sentence.
      usual_causes: Its usual causes and what to try, one or two sentences.
    """

    title: str
    meaning: str
    usual_causes: str


NONFINITE = "nonfinite"
EXPLODING_GRADIENTS = "exploding_gradients"
VANISHING_GRADIENTS = "vanishing_gradients"
DEAD_UNITS = "dead_units"
UPDATES_TOO_LARGE = "updates_too_large"
UPDATES_TOO_SMALL = "updates_too_small"
NOT_UPDATED = "not_updated"
NO_GRADIENT = "no_gradient"
IDENTICAL_UNITS = "identical_units"
INITIALIZATION = "initialization"
WEIGHTS_SHRINKING = "weights_shrinking"
WEIGHTS_GROWING = "weights_growing"
OVERWRITTEN = "overwritten"
ASCENDING = "ascending"
NOT_LEARNING = "not_learning"

FAULTS = {
    NONFINITE: Fault(
        "NaN or infinity",
        "A value, a gradient or the loss is no finite number.",
        "Usual causes: a logarithm or a square root of zero or less, a division by zero, an "
        "exponential that overflows, a learning rate that is too large. Try "
        "tf.debugging.enable_check_numerics() on a run that starts shortly before this step.",
    ),
    EXPLODING_GRADIENTS: Fault(
        "exploding gradients",
        "The gradient is far larger than it was, and than that of the other layers.",
        "Usual causes: weights that have grown too large, a recurrence without clipping, a loss "
        "that is summed where it should be averaged, an outlier in the data. Try "
        "tf.clip_by_global_norm, a smaller learning rate, or a normalisation after this layer.",
    ),
    VANISHING_GRADIENTS: Fault(
        "vanishing gradients",
        "Next to no gradient reaches the layer, while others get theirs.",
        "Usual causes: a saturating activation (sigmoid, tanh, softmax) after it, first weights "
        "that are too small, many layers without a shortcut. Try ReLU or GELU, a normalisation "
        "before the activation, or residual connections.",
    ),
    DEAD_UNITS: Fault(
        "dead units",
        "Units of the layer get a gradient of exactly zero over a whole window.",
        "Usual causes: a ReLU whose inputs have all become negative after too large an update or "
        "through a large negative bias. Try a smaller learning rate, a leaky ReLU, or a look at "
        "the bias of this layer.",
    ),
    UPDATES_TOO_LARGE: Fault(
        "updates too large",
        "One update replaces a large part of the weights.",
        "Usual causes: a learning rate that is too large, for all or by a multiplier of this "
        "layer, or no warm-up. Try a learning rate ten times smaller.",
    ),
    UPDATES_TOO_SMALL: Fault(
        "updates too small",
        "A gradient arrives, and the updates are too small to train the weights.",
        "Usual causes: a learning rate that is too small, for all or by a multiplier of this "
        "layer, an epsilon that is large beside the gradient, or a clipping norm that cuts each "
        "step. Compare the update ratio with 0.001, the usual order of magnitude.",
    ),
    NOT_UPDATED: Fault(
        "not updated",
        "A gradient arrives and the weights never change.",
        "Usual causes: the variable is missing in the list that the optimizer gets, it was "
        "replaced after the list was made, or its update is overwritten. Look at what "
        "apply_gradients is given. If it is frozen on purpose, do not ask the tape for it.",
    ),
    NO_GRADIENT: Fault(
        "no gradient",
        "The tape is asked for the variable, the step reads it, and no gradient arrives.",
        "Usual causes: tf.stop_gradient, a detour through numpy, a cast to integers, tf.argmax or "
        "tf.round between this layer and the loss, or an output that the loss does not use.",
    ),
    IDENTICAL_UNITS: Fault(
        "identical units",
        "Units of the layer are exactly equal, and training does not tell them apart.",
        "Usual causes: weights that start at zero or at one constant, in this layer and in the "
        "next. Try a random initializer (Glorot, He).",
    ),
    INITIALIZATION: Fault(
        "initialization",
        "The first weights are of a scale with which the network cannot train well.",
        "Usual causes: an initializer that ignores the number of inputs (a fixed stddev, "
        "random_normal with its default of 1 in a hand-written layer), or weights that were "
        "scaled after they were made. Try Glorot or He initialisation.",
    ),
    WEIGHTS_SHRINKING: Fault(
        "weights shrinking",
        "The weights decay towards zero faster than the gradient can hold them.",
        "Usual causes: a weight decay or an L2 penalty that is too large, decay that is applied "
        "twice, or weights that are scaled in each step. Try a decay ten times smaller.",
    ),
    WEIGHTS_GROWING: Fault(
        "weights growing",
        "The weights grow without settling.",
        "Usual causes: a learning rate that is too large for this layer, a decay with the wrong "
        "sign, weights that are scaled in each step. Try a smaller learning rate or weight decay.",
    ),
    OVERWRITTEN: Fault(
        "overwritten",
        "The weights change by something else than the optimizer's updates.",
        "Usual causes: set_weights, assign or load_weights inside the loop, a callback that "
        "restores an old checkpoint, an initializer that runs again. Look for what writes to "
        "this variable besides apply_gradients.",
    ),
    ASCENDING: Fault(
        "ascending",
        "The updates go up the gradient instead of down.",
        "Usual causes: a sign that is flipped in the loss or in the update (assign_add of the "
        "gradient), or a negative learning rate.",
    ),
    NOT_LEARNING: Fault(
        "not learning",
        "The loss stays where it started, and no layer is at fault.",
        "Look at what no layer shows: whether inputs and labels belong together (shuffled apart, "
        "shifted by one), whether inputs are constant or zero, and whether the loss fits the "
        "output (from_logits, reduction, axis).",
    ),
}
