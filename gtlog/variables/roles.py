"""What a variable is (kernel, bias, …), by its name."""

import re

BIAS = "bias"
EMBEDDING = "embedding"
GAIN = "gain"
KERNEL = "kernel"
MOVING_STATISTIC = "moving_statistic"
OTHER = "other"
RECURRENT_KERNEL = "recurrent_kernel"
# The last component of a variable's name, as Keras 2 and 3, Sonnet 2 and hand-written modules give
# it, without a number that only makes it unique. The first expression that fits decides.
_ROLE_PATTERNS = (
    (BIAS, r"b|bias|biases|beta|offset|shift|.*_bias|b_.*"),
    (MOVING_STATISTIC, r"moving_.*|running_.*|.*moving_average.*"),
    (RECURRENT_KERNEL, r"recurrent_kernel|w_h|w_hh|recurrent_weights"),
    (EMBEDDING, r".*embeddings?"),
    (GAIN, r"gamma|gain|scale|alpha"),
    (KERNEL, r"w|kernel|weights?|.*_kernel|w_.*"),
)
_UNIQUE_NUMBER = re.compile(r"_\d+$")


def role_of(path):
    """What a variable is, by the last component of its path.

    Returns:
      One of `"kernel"`, `"recurrent_kernel"`, `"bias"` (offsets included), `"embedding"`, `"gain"`,
      `"moving_statistic"`, `"other"`.

    >>> role_of("sequential/dense/kernel"), role_of("batch_normalization/beta_1")
    ('kernel', 'bias')
    """
    name = path.rsplit("/", 1)[-1].lower()
    name = _UNIQUE_NUMBER.sub("", name)
    for role, pattern in _ROLE_PATTERNS:
        if re.fullmatch(pattern, name):
            return role
    return OTHER
