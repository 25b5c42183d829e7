"""Every tag that gtlog writes: writers name their values by them, and readers find values by them.

`docs/tags.md` describes the values under each tag.
"""

from typing import NamedTuple, Optional, Union

WEIGHTS, BIASES, GRADIENTS = "weights", "biases", "gradients"
IMAGES, GATES, UNIT_MEANS, NONFINITE = "images", "gates", "unit_means", "nonfinite"
LOSS, LEARNING_RATE = "loss", "learning_rate"
HEADS, HEAD_GRADIENTS = "heads", "head_gradients"
SLOTS, SLOT_NORM = "slots", "slot_norm"
GRADIENT_NORM, WEIGHT_NORM, UPDATE_RATIO = "gradient_norm", "weight_norm", "update_ratio"
OUTPUTS, OUTPUT_ZEROS = "outputs", "output_zeros"
SILENT_UNITS, SATURATION = "silent_units", "saturation"
REPLICA_GRADIENT_NORM = "replica_gradient_norm"
FIT, EPOCH = "fit", "epoch"
VITALS, STEPS, FINDINGS = "gtlog/vitals", "gtlog/steps", "gtlog/findings"

CHART_LAYOUT = "custom_scalars__config__"
"""The tag under which TensorBoard's tab "custom scalars" looks for a layout."""

PLUGIN = "gtlog"
"""Name of the plugin that values under `gtlog/` belong to."""

_SIGNED_LOG = "_signed_log"
_BY_PATH = (WEIGHTS, BIASES, GRADIENTS)
KINDS_BY_PATH = (
    *_BY_PATH,
    *(kind + _SIGNED_LOG for kind in _BY_PATH),
    *(IMAGES, GATES, UNIT_MEANS, NONFINITE),
    *(HEADS, HEAD_GRADIENTS, SLOTS, SLOT_NORM),
)
"""Kinds of tags that always have a variable's path."""

_WITH_PART = (GATES, HEADS, HEAD_GRADIENTS, SLOTS, SLOT_NORM)

KINDS_BY_LAYER = (OUTPUTS, OUTPUT_ZEROS, SILENT_UNITS, SATURATION)
"""Kinds of tags that always have a layer's path."""

KINDS_OF_STEPS = (GRADIENT_NORM, WEIGHT_NORM, UPDATE_RATIO)
"""Kinds of tags of whole steps, which with a path are about one variable."""

_KINDS_OF_TABLES = (VITALS, STEPS, FINDINGS)


def weights(path: str, scale: str = "linear") -> str:
    """The tag of the distribution of a variable that is no bias.

    >>> weights("dense/kernel"), weights("dense/kernel", scale="signed_log")
    ('weights/dense/kernel', 'weights_signed_log/dense/kernel')
    """
    return f"{WEIGHTS}{_suffix(scale)}/{path}"


def biases(path: str, scale: str = "linear") -> str:
    """The tag of the distribution of a bias."""
    return f"{BIASES}{_suffix(scale)}/{path}"


def gradients(path: str, scale: str = "linear") -> str:
    """The tag of the distribution of a gradient."""
    return f"{GRADIENTS}{_suffix(scale)}/{path}"


def images(path: str) -> str:
    """The tag of the picture of a kernel."""
    return f"{IMAGES}/{path}"


def gates(path: str, gate: str) -> str:
    """The tag of the distribution of the part of a variable that belongs to one recurrent gate.

    >>> gates("lstm/lstm_cell/bias", "f")
    'gates/lstm/lstm_cell/bias/f'
    """
    return f"{GATES}/{path}/{gate}"


def heads(path: str, head: str) -> str:
    """The tag of the distribution of the part of a variable that belongs to one attention head.

    >>> heads("attention/query/kernel", "0")
    'heads/attention/query/kernel/0'
    """
    return f"{HEADS}/{path}/{head}"


def head_gradients(path: str, head: str) -> str:
    """The tag of the distribution of the gradient of the part that belongs to one head."""
    return f"{HEAD_GRADIENTS}/{path}/{head}"


def unit_means(path: str) -> str:
    """The tag of the distribution of the means over the inputs of recurrent units."""
    return f"{UNIT_MEANS}/{path}"


def nonfinite(path: str) -> str:
    """The tag of the count of NaN and infinite elements of a variable and its gradient."""
    return f"{NONFINITE}/{path}"


def of_layer(kind: str, path: str) -> str:
    """The tag of the outputs of a layer, or of a number about them: one of `KINDS_BY_LAYER`.

    >>> of_layer(OUTPUTS, "sequential/dense")
    'outputs/sequential/dense'
    """
    return f"{kind}/{path}"


def loss(name: Union[str, int, None] = None) -> str:
    """The tag of a loss: of the only one in a step, or of one of several by its name or number.

    >>> loss(), loss("critic"), loss(0)
    ('loss', 'loss/critic', 'loss/0')
    """
    return LOSS if name is None else f"{LOSS}/{name}"


def learning_rate(name: str = "") -> str:
    """The tag of a learning rate: of the only optimizer, or of one of several by its name.

    >>> learning_rate(), learning_rate("critic")
    ('learning_rate', 'learning_rate/critic')
    """
    return f"{LEARNING_RATE}/{name}" if name else LEARNING_RATE


def slots(path: str, slot: str) -> str:
    """The tag of the distribution of a slot that an optimizer keeps for a variable.

    >>> slots("dense/kernel", "momentum")
    'slots/dense/kernel/momentum'
    """
    return f"{SLOTS}/{path}/{slot}"


def slot_norm(path: str, slot: str) -> str:
    """The tag of the norm of a slot that an optimizer keeps for a variable."""
    return f"{SLOT_NORM}/{path}/{slot}"


def of_step(kind: str, of: Optional[str] = None) -> str:
    """The tag of a norm or ratio: of the whole step, of one variable, or of a named tape.

    >>> of_step(WEIGHT_NORM), of_step(WEIGHT_NORM, "dense/kernel")
    ('weight_norm', 'weight_norm/dense/kernel')
    """
    return kind if of is None else f"{kind}/{of}"


def replica_gradient_norm(which: str) -> str:
    """The tag of the `"min"`, `"max"` or `"mean"` of the gradient norm over the replicas."""
    return f"{REPLICA_GRADIENT_NORM}/{which}"


def fit(name: str) -> str:
    """The tag of a number that Keras shows in `fit` after a step, by its name in Keras's logs.

    >>> fit("accuracy"), epoch("val_accuracy")
    ('fit/accuracy', 'epoch/val_accuracy')
    """
    return f"{FIT}/{name}"


def epoch(name: str) -> str:
    """The tag of a number that Keras shows in `fit` after an epoch, by its name in Keras's logs."""
    return f"{EPOCH}/{name}"


def table(kind: str, number: int = 1) -> str:
    """The tag of a table. The first set of rows has the plain tag, further ones have a number.

    >>> table(VITALS), table(VITALS, 2)
    ('gtlog/vitals', 'gtlog/vitals/2')
    """
    return kind if number == 1 else f"{kind}/{number}"


class Parts(NamedTuple):
    """The parts of a tag.

    Attributes:
      kind: The first part, such as `"weights"`, or the whole tag of a table without its number;
        None for a tag that is not gtlog's.
      path: Path of the variable or layer; None if the tag is about the whole step.
      part: The gate, the head, the slot, the name of the loss or of the optimizer, `"min"`, `"max"`
        or `"mean"` of the replicas; else None.
    """

    kind: Optional[str]
    path: Optional[str] = None
    part: Optional[str] = None


def kind_and_path(tag: str) -> Parts:
    """Takes a tag apart.

    >>> kind_and_path("weights/dense/kernel")
    Parts(kind='weights', path='dense/kernel', part=None)
    >>> kind_and_path("gates/gru/kernel/z")
    Parts(kind='gates', path='gru/kernel', part='z')
    >>> kind_and_path("loss/critic"), kind_and_path("gtlog/vitals/2")
    (Parts(kind='loss', path=None, part='critic'), Parts(kind='gtlog/vitals', path=None, part=None))

    Numbers of the user's and of Keras's metrics have no kind: their names are not gtlog's.

    >>> kind_and_path("epoch/accuracy")
    Parts(kind=None, path=None, part=None)
    """
    kind, _, rest = tag.partition("/")
    if kind in _WITH_PART:
        path, slash, own = rest.rpartition("/")
        return Parts(kind, path, own) if slash else Parts(None)
    if kind in (*KINDS_BY_PATH, *KINDS_BY_LAYER):
        return Parts(kind, rest) if rest else Parts(None)
    if kind in KINDS_OF_STEPS:
        return Parts(kind, rest or None)
    if kind in (LOSS, REPLICA_GRADIENT_NORM):
        return Parts(kind, None, rest or None)
    if kind == LEARNING_RATE and tag != f"{LEARNING_RATE}/":
        return Parts(kind, None, rest or None)
    return Parts(kind_of_table(tag))


def kind_of_table(tag: str) -> Optional[str]:
    """`VITALS`, `STEPS` or `FINDINGS`, with or without a number in the tag; None for other tags."""
    head, _, number = tag.rpartition("/")
    for kind in _KINDS_OF_TABLES:
        if tag == kind or (head == kind and number.isdecimal()):
            return kind
    return None


def is_of_step(tag: str) -> bool:
    """Whether a tag is for a number of the whole step: a loss, a norm, the learning rate."""
    parts = kind_and_path(tag)
    return parts.kind in (LOSS, LEARNING_RATE) or (
        parts.kind in KINDS_OF_STEPS and parts.path is None
    )


def _suffix(scale):
    return "" if scale == "linear" else f"_{scale}"
