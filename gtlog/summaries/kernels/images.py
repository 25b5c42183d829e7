"""Convolution kernels, dense matrices and embeddings as pictures made to be looked at."""

import dataclasses
import math
import numbers

from gtlog import statistics, tags
from gtlog.summaries.kernels import kinds as kernel_kinds
from gtlog.summaries.kernels import pixels as pictures
from gtlog.summaries.kernels.layout import matrix_layout, tile_layout
from gtlog.summaries.parts import of_each
from gtlog.types import Summary
from gtlog.values import Image
from gtlog.variables import roles

_LEAST_SIDE = 256


def kernel_images(
    max_filters: int = 64,
    max_channels: int = 16,
    *,
    dense: bool = False,
    max_side: int = 1024,
) -> Summary:
    """Makes a summary that draws each convolution kernel as one picture, `images/<path>`.

    The kernels of Conv1D, Conv2D, Conv3D, of their transposed, depthwise and separable forms, of
    ConvLSTM (its recurrent kernel too) and of Sonnet and hand-written modules are found from the
    variables alone; `kernel_kinds` says how. Biases, and empty and complex kernels, give nothing.

    A tile is one filter on one input channel, its depth slices (Conv3D) side by side. Tiles stand
    in rows of input channels and columns of filters. Where a kernel has only one input channel or
    only one filter, its tiles are wrapped into a nearly square grid instead, from left to right and
    then down. The rows of a depthwise kernel are its channels, the columns the filters (depth
    multiplier) that each channel has to itself. The kernels of a ConvLSTM have the filters of all
    gates in their columns, in the order of `recurrent_gates`.

    One colour scale holds for the whole picture: red is positive, white is zero, blue is negative,
    full colour is the largest magnitude among the finite weights drawn, and weights that are NaN or
    infinite are yellow; `pictures` has the formula. Lines of 2 grey pixels run around tiles, of 1
    between depth slices. Each weight is enlarged to a square of pixels, the largest up to 16 by 16
    with which the picture keeps to `max_side`; in a heat map to a rectangle, up to four times as
    long as it is wide, if that fills the picture better. A colour bar of 18 pixels with the scale's
    bounds in figures stands beneath; a picture too narrow for it is widened with grey.

    The description states the shape, what rows and columns are, the scale's bounds, what the caps
    left out and how many weights are NaN or infinite. TensorBoard keeps the first description of a
    tag, so it names its step; the bounds of every step are in the picture.

    Args:
      max_filters: Most filters drawn, the first ones. In a depthwise kernel every tile is a filter.
      max_channels: Most input channels drawn, the first ones. Of a depthwise kernel as many are
        drawn, one at least, as `max_filters` allows.
      dense: Whether dense kernels, recurrent kernels and embeddings are drawn as well, as heat maps
        with inputs (or entries) downwards. Of more than two axes the leading and the trailing ones
        are joined where the matrix becomes nearest to a square, which in attention layers is
        features against heads.
      max_side: Longest side of a picture in pixels, 256 or more, colour bar included. Fewer filters
        and channels are drawn where they do not fit at one pixel to a weight. A tile or heat map
        that is larger by itself is shrunk to means of equal blocks, and full colour is then the
        largest mean; of more depth slices than fit the first are drawn.

    Returns:
      A callable from a `StepRecord` to an iterable of `gtlog.values.Image`.

    Raises:
      TypeError: a parameter has another type than its default.
      ValueError: `max_filters` or `max_channels` is smaller than 1, or `max_side` than 256.
    """
    _check_int("max_filters", max_filters, 1)
    _check_int("max_channels", max_channels, 1)
    _check_int("max_side", max_side, _LEAST_SIDE)
    if not isinstance(dense, bool):
        raise TypeError(f"dense must be a bool, got {dense!r} ({type(dense).__name__}).")
    caps = _Caps(max_filters, max_channels, max_side)

    def summarize(record):
        def image_of(variable):
            if kernel_kinds.is_convolution(variable):
                draw = _convolution_image
            elif dense and kernel_kinds.is_matrix(variable):
                draw = _matrix_image
            else:
                return
            array = variable.value_array
            if array.size and array.dtype.kind != "c":
                yield draw(variable, record.step, caps)

        return of_each(record.variables, image_of)

    summarize.__qualname__ = "kernel_images"
    return summarize


def _check_int(parameter, value, least):
    rule = f"{parameter} must be an int, {least} or more"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{rule}, got {value!r} ({type(value).__name__}).")
    if value < least:
        raise ValueError(f"{rule}, got {value!r}.")


@dataclasses.dataclass(frozen=True)
class _Caps:
    filters: int
    channels: int
    side: int


def _convolution_image(variable, step, caps):
    kernel = _tile_major(variable)
    channels, filters = caps.channels, caps.filters
    if kernel_kinds.is_depthwise(variable):
        channels = max(1, filters // kernel.shape[1])
    layout = tile_layout(kernel.shape, channels, filters, caps.side)
    pixels, scale_note = _drawn(kernel, layout, step)
    notes = [_convolution_note(variable), _order_note(layout), scale_note]
    notes.append(_left_out_note(kernel.shape, layout))
    return _image(variable, pixels, notes)


def _matrix_image(variable, step, caps):
    array = variable.value_array
    rows = _matrix_rows(array.shape)
    matrix = array.reshape(1, 1, 1, rows, array.size // rows)
    pixels, scale_note = _drawn(matrix, matrix_layout(*matrix.shape[3:], caps.side), step)
    inputs = "entries" if variable.role == roles.EMBEDDING else "inputs"
    shape_note = (
        f"`{variable.path}`: matrix, shape {list(array.shape)}, {array.dtype.name}. "
        f"The {rows} rows are {inputs}, the {array.size // rows} columns are outputs."
    )
    return _image(variable, pixels, [shape_note, scale_note])


def _image(variable, pixels, notes):
    description = "\n\n".join(note for note in notes if note)
    return Image(tags.images(variable.path), pixels, description)


def _tile_major(variable):
    """A view of a convolution kernel: `[channels, filters, depth, height, width]`."""
    array = variable.value_array
    kernel = array.reshape((1,) * (5 - array.ndim) + array.shape)
    if kernel_kinds.is_transposed(variable):
        kernel = kernel.swapaxes(3, 4)
    return kernel.transpose(3, 4, 0, 1, 2)


def _matrix_rows(shape):
    """Rows of the matrix nearest to a square that joining neighbouring axes can give."""
    cuts = [math.prod(shape[:axis]) for axis in range(1, len(shape))]
    size = math.prod(shape)
    return min(cuts, key=lambda rows: max(rows * rows, size) / min(rows * rows, size))


def _drawn(kernel, layout, step):
    """Pixels of a tile-major kernel, and the note on its colours."""
    shown = kernel[: layout.channels, : layout.filters, : layout.slices]
    values = pictures.block_means(shown, *layout.block)
    bound = pictures.colour_bound(values)
    colours = pictures.enlarge(pictures.signed_colours(values, bound), *layout.scale)
    tiles = pictures.side_by_side(colours)
    if layout.wrapped:
        tiles = pictures.wrap(tiles.reshape((-1,) + tiles.shape[2:]), layout.columns)
    pixels = pictures.with_colour_bar(pictures.grid(tiles), bound)
    nonfinite = statistics.describe(shown).nonfinite
    return pixels, _scale_note(bound, nonfinite, shown.size, layout.block, step)


def _scale_note(bound, nonfinite, count, block, step):
    blocks = "" if block == (1, 1) else f" Means of blocks of {block[0]} x {block[1]} are drawn."
    yellow = f" {nonfinite} of {count} weights NaN or infinite: yellow." if nonfinite else ""
    return (
        f"Blue is negative, white zero, red positive; full colour is ±{bound:.6g} at step {step}, "
        f"and at each step as the colour bar says.{yellow}{blocks}"
    )


def _convolution_note(variable):
    array = variable.value_array
    last = ["input channels", "filters"]
    if kernel_kinds.is_depthwise(variable):
        last = ["input channels", "filters of each channel"]
    if kernel_kinds.is_transposed(variable):
        last.reverse()
    axes = ["depth", "height", "width"][5 - array.ndim :] + last
    return (
        f"`{variable.path}`: convolution kernel, shape {list(array.shape)} ({', '.join(axes)}), "
        f"{array.dtype.name}."
    )


def _order_note(layout):
    depth = " Depth slices stand side by side." if layout.slices > 1 else ""
    if not layout.wrapped:
        return f"Rows are input channels, columns are filters.{depth}"
    kind = "filters" if layout.channels == 1 else "input channels"
    return f"Tiles are {kind}, from left to right, then down.{depth}"


def _left_out_note(shape, layout):
    names = "input channels", "filters", "depth slices"
    drawn = layout.channels, layout.filters, layout.slices
    left_out = [
        f"the last {size - shown} of {size} {name}"
        for name, size, shown in zip(names, shape, drawn)
        if shown < size
    ]
    return f"Left out: {', '.join(left_out)}." if left_out else ""
