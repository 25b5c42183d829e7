"""Few charts of many lines: a layout for TensorBoard's tab "custom scalars"."""

from gtlog import tags
from gtlog.types import Summary
from gtlog.values import ChartLayout

_WHOLE, _BY_VARIABLE = "gtlog: the model as a whole", "gtlog: each variable"
_TITLES = {
    tags.GRADIENT_NORM: "Gradient norm",
    tags.WEIGHT_NORM: "Weight norm",
    tags.UPDATE_RATIO: "Update ratio",
}


def custom_scalars_layout(per_variable: bool = False) -> Summary:
    """A summary that writes, once, which scalars TensorBoard's tab "custom scalars" draws together.

    Four charts: the losses, the gradient norm, the weight norm and the update ratio, each with the
    lines of all losses or named tapes. With `per_variable`, three further ones have a line for each
    variable, in place of a chart for each. The tag is `custom_scalars__config__`, which TensorBoard
    looks for. It draws what `scalars()` writes, so that has to be among the summaries too.

    TensorBoard merges the layouts of several runs. Of two layouts in one run it shows one: do not
    use this summary beside a layout of your own.

    Args:
      per_variable: Whether to draw `gradient_norm/<path>`, `weight_norm/<path>` and
        `update_ratio/<path>`, which `scalars(per_variable=True)` writes.

    Returns:
      A callable from a `StepRecord` to an iterable of values. It keeps that it has written, so each
      logger is given one of its own.

    Raises:
      TypeError: `per_variable` is no bool.
    """
    if not isinstance(per_variable, bool):
        raise TypeError(
            f"per_variable must be a bool, got {per_variable!r} ({type(per_variable).__name__})."
        )
    left = [ChartLayout(tags.CHART_LAYOUT, layout(per_variable))]

    def summarize(record):
        while left:
            yield left.pop()

    summarize.__qualname__ = "custom_scalars_layout"
    return summarize


def layout(per_variable):
    """The layout as TensorBoard's protocol buffer `tensorboard.Layout`.

    https://github.com/tensorflow/tensorboard/blob/2.21.0/tensorboard/plugins/custom_scalar/layout.proto

    Args:
      per_variable: Whether there is a category of the variables.

    Returns:
      `bytes`.
    """
    # The expressions fit from the beginning of a tag on; a named tape's has no further slash.
    charts = [_chart("Loss", rf"{tags.LOSS}(/.*)?$")]
    charts += [_chart(title, rf"{kind}(/[^/]+)?$") for kind, title in _TITLES.items()]
    categories = [_category(_WHOLE, charts)]
    if per_variable:
        charts = [_chart(title, rf"{kind}/.+$") for kind, title in _TITLES.items()]
        categories.append(_category(_BY_VARIABLE, charts))
    return b"".join(_field(2, category) for category in categories)


def _category(title, charts):
    return _field(1, title.encode()) + b"".join(_field(2, chart) for chart in charts)


def _chart(title, expression):
    multiline = _field(1, expression.encode())
    return _field(1, title.encode()) + _field(2, multiline)


def _field(number, content):
    """A field of bytes of a protocol buffer, https://protobuf.dev/programming-guides/encoding/."""
    length, size = [], len(content)
    while size > 0x7F:
        length.append(0x80 | size & 0x7F)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content
