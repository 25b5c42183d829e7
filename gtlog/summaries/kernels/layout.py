"""How many tiles of a kernel fit into a picture, where they stand and how far they are enlarged."""

import dataclasses
import math
from typing import Tuple

from gtlog.summaries.kernels.pixels import BAR_HEIGHT, LINE, SLICE_LINE

# Pixels to a side of one weight, at most: a 3x3 filter is then 48 pixels wide.
_LARGEST_SCALE = 16

# How much longer than wide a weight of a heat map may become, so that 784x64 is no thin strip.
_LONGEST_WEIGHT = 4


@dataclasses.dataclass(frozen=True)
class TileLayout:
    """What of a kernel is drawn, and how large.

    Attributes:
      channels: Input channels drawn, the first ones.
      filters: Filters drawn, the first ones.
      slices: Depth slices drawn in a tile, the first ones.
      block: Height and width, in weights, of the blocks that are drawn as their mean.
      columns: Tiles in a row.
      wrapped: Whether the tiles run on from row to row; otherwise rows are channels and columns are
        filters.
      scale: Height and width, in pixels, of one drawn weight or block.
    """

    channels: int
    filters: int
    slices: int
    block: Tuple[int, int]
    columns: int
    wrapped: bool
    scale: Tuple[int, int]


def tile_layout(shape, channels, filters, side):
    """Lays a kernel out in a picture whose sides, colour bar included, are no longer than `side`.

    Args:
      shape: Input channels, filters, depth slices, height and width of the kernel, each 1 or more.
      channels: Most input channels drawn.
      filters: Most filters drawn.
      side: Longest side of the picture in pixels, 64 or more.
    """
    down, across = _room(side)
    slices = min(shape[2], (across - LINE + SLICE_LINE) // (1 + SLICE_LINE))
    # All of a tile that is no weight: its line, and the lines between its slices.
    lines = LINE + (slices - 1) * SLICE_LINE
    block = (
        math.ceil(shape[3] / (down - LINE)),
        math.ceil(shape[4] / ((across - lines) // slices)),
    )
    height, width = math.ceil(shape[3] / block[0]), slices * math.ceil(shape[4] / block[1])
    rows_fit, columns_fit = down // (height + LINE), across // (width + lines)

    wrapped = 1 in shape[:2]
    most = (rows_fit * columns_fit,) * 2 if wrapped else (rows_fit, columns_fit)
    channels, filters = min(channels, shape[0], most[0]), min(filters, shape[1], most[1])
    columns, rows = filters, channels
    if wrapped:
        least = math.ceil(channels * filters / rows_fit)
        columns = _near_square(channels * filters, height / width, least, columns_fit)
        rows = math.ceil(channels * filters / columns)
    fitting = (down // rows - LINE) // height, (across // columns - lines) // width
    scale = min(_LARGEST_SCALE, *fitting)
    return TileLayout(channels, filters, slices, block, columns, wrapped, (scale, scale))


def matrix_layout(rows, columns, side):
    """Lays a matrix out as one tile, in a picture whose sides are no longer than `side`.

    Args:
      rows: Rows of the matrix, 1 or more.
      columns: Columns of the matrix, 1 or more.
      side: Longest side of the picture in pixels, colour bar included, 64 or more.
    """
    down, across = (room - LINE for room in _room(side))
    block = math.ceil(rows / down), math.ceil(columns / across)
    fitting = down // math.ceil(rows / block[0]), across // math.ceil(columns / block[1])
    most = min(_LARGEST_SCALE, _LONGEST_WEIGHT * min(fitting))
    scale = min(fitting[0], most), min(fitting[1], most)
    return TileLayout(1, 1, 1, block, columns=1, wrapped=True, scale=scale)


def _room(side):
    """Height and width for tiles, each with the line before it; the last line is taken off."""
    return side - BAR_HEIGHT - LINE, side - LINE


def _near_square(count, proportion, least, most):
    """Columns of a nearly square grid of `count` tiles, `proportion` being their height over width.

    A somewhat wider grid is taken where it leaves no place empty: 8 by 4 for 32 tiles.
    """
    columns = min(max(math.ceil(math.sqrt(count * proportion)), least), most, count)
    for wider in range(columns, min(columns + columns // 2, most) + 1):
        if count % wider == 0:
            return wider
    return columns
