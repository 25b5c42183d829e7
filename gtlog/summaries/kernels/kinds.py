"""What kind of kernel a variable is, by its path, role, rank and layer."""

from gtlog.variables import roles

# Layers whose kernels of rank 3 and more are no convolution kernels, and those for which this holds
# at rank 3 alone. Names are compared in small letters and without underscores, so that
# `einsum_dense_1` and `EinsumDense` are the same.
_NEVER_CONVOLUTION = ("einsumdense", "locallyconnected")
_DENSE_AT_RANK_3 = ("dense", "attention")
# The dense layers inside keras.layers.MultiHeadAttention.
_ATTENTION_PARTS = ("query", "key", "value", "attentionoutput")


def is_convolution(variable):
    """Whether a variable is a convolution kernel.

    A kernel of rank 4 or 5 is one, and so is one of rank 3 (Conv1D) unless it belongs to an
    attention or EinsumDense layer; a layer whose name or class contains `conv` settles it. The
    recurrent kernel of a ConvLSTM is one, from its filters to the filters of all gates: recurrent
    kernels of other layers have rank 2. Biases, embeddings, gains and what is not named as a kernel
    are none.

    Args:
      variable: A `VariableRecord`.
    """
    if variable.role not in (roles.KERNEL, roles.RECURRENT_KERNEL):
        return False
    rank = len(variable.shape)
    if not 3 <= rank <= 5:
        return False
    own, layer = _own_name(variable), _layer_name(variable)
    if "conv" in layer or own.startswith(("depthwise", "pointwise")):
        return True
    if _contains(layer, _NEVER_CONVOLUTION):
        return False
    return rank > 3 or not _is_dense_at_rank_3(variable, layer)


def is_matrix(variable):
    """Whether a variable is a dense or recurrent kernel or an embedding, of rank 2 or more."""
    drawn = (roles.KERNEL, roles.RECURRENT_KERNEL, roles.EMBEDDING)
    is_weight = variable.role in drawn and len(variable.shape) >= 2
    return is_weight and not is_convolution(variable)


def is_transposed(variable):
    """Whether a convolution kernel has the axes `[..., filters, input channels]`."""
    return "transpose" in _layer_name(variable) or "transpose" in _own_name(variable)


def is_depthwise(variable):
    """Whether a convolution kernel has the axes `[..., input channels, multiplier]`.

    Keras 3 names the kernel of DepthwiseConv2D `kernel`, Keras 2 `depthwise_kernel`, which is also
    the name of the first kernel of separable layers.
    """
    own = _own_name(variable)
    return "depthwise" in own or ("depthwise" in _layer_name(variable) and "pointwise" not in own)


def _is_dense_at_rank_3(variable, layer):
    components = _plain(variable.path).split("/")
    in_attention = any("attention" in component for component in components)
    return in_attention or layer in _ATTENTION_PARTS or _contains(layer, _DENSE_AT_RANK_3)


def _own_name(variable):
    return _plain(variable.path).rpartition("/")[2]


def _layer_name(variable):
    """The class of the layer if it is known and specific, else the layer's own name."""
    layer = _plain(variable.layer or "")
    if _contains(layer, ("conv",) + _NEVER_CONVOLUTION + _DENSE_AT_RANK_3):
        return layer
    return _plain(variable.path).rpartition("/")[0].rpartition("/")[2]


def _plain(name):
    return name.lower().replace("_", "")


def _contains(name, words):
    return any(word in name for word in words)
