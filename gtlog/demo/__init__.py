"""`gtlog demo`: three models trained on real digits, to look at in TensorBoard.

Read `training` first: it is a training loop as anybody writes it, with gtlog in it.
"""

MODELS = ("dense", "conv", "lstm")

FAULTS = (
    "vanishing",
    "exploding",
    "dead",
    "not_updated",
    "no_gradient",
    "nonfinite",
    "too_large",
    "identical",
    "overwritten",
    "ascending",
    "not_learning",
)
