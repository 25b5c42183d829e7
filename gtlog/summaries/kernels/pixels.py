"""Arrays of weights as pixels: a signed colour scale, block means, tiles and a colour bar.

Every function is pure numpy. Values are float64 arrays `[..., height, width]`, pixels are uint8
arrays `[..., height, width, 3]`, RGB; leading axes are tiles.

The colour scale is white at zero and blends linearly, in each of the three channels, to red at
`+bound` and to blue at `-bound`:

    t = min(|value| / bound, 1)
    channel = round(255 + t * (end - 255)),  rounding halves to even

where `end` is `POSITIVE` or `NEGATIVE`. A value that is NaN or infinite has the colour `NONFINITE`,
which no weight can have: in every weight's colour blue is at least as strong as green, in
`NONFINITE` there is none. Lines are grey, and the only weight without a hue is zero, in white.
"""

import math

import numpy as np

# The ends of the diverging scale "RdBu" of ColorBrewer (8 classes, https://colorbrewer2.org):
# of nearly the same darkness, and told apart by the colour-blind.
POSITIVE = (178, 24, 43)
NEGATIVE = (33, 102, 172)
NONFINITE = (255, 210, 0)

LINE_COLOUR = (176, 176, 176)
_TEXT_COLOUR = (32, 32, 32)

# Width in pixels of the lines around tiles, and between the depth slices inside one tile.
LINE = 2
SLICE_LINE = 1

_MARGIN = 4
_TEXT_SCALE = 2
_GLYPH_HEIGHT, _GLYPH_WIDTH = 5, 3
_SHORTEST_BAR = 16
# "-2.23e-308" is the longest number that `_number` makes of a float64.
_LONGEST_NUMBER = 10

BAR_HEIGHT = _GLYPH_HEIGHT * _TEXT_SCALE + 2 * _MARGIN
BAR_LEAST_WIDTH = (
    2 * _LONGEST_NUMBER * (_GLYPH_WIDTH + 1) * _TEXT_SCALE + _SHORTEST_BAR + 4 * _MARGIN
)

_GLYPHS = {
    "0": ("###", "#.#", "#.#", "#.#", "###"),
    "1": (".#.", "##.", ".#.", ".#.", "###"),
    "2": ("###", "..#", "###", "#..", "###"),
    "3": ("###", "..#", "###", "..#", "###"),
    "4": ("#.#", "#.#", "###", "..#", "..#"),
    "5": ("###", "#..", "###", "..#", "###"),
    "6": ("###", "#..", "###", "#.#", "###"),
    "7": ("###", "..#", ".#.", ".#.", ".#."),
    "8": ("###", "#.#", "###", "#.#", "###"),
    "9": ("###", "#.#", "###", "..#", "###"),
    ".": ("...", "...", "...", "...", ".#."),
    "-": ("...", "...", "###", "...", "..."),
    "+": ("...", ".#.", "###", ".#.", "..."),
    "e": ("...", "##.", "#.#", "##.", ".##"),
}


def colour_bound(values):
    """The bound of the colour scale: the largest magnitude of a finite value, 0.0 without one."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def signed_colours(values, bound):
    """Colours values by the scale of this module.

    Args:
      values: Float64 array of any shape.
      bound: Value of full colour, 0.0 or more, in the units of the values. With 0.0 every finite
        value is white.

    Returns:
      uint8 array of the shape of `values` and one more axis of 3, RGB.

    >>> signed_colours(np.array([0.0, 2.0, -2.0]), 2.0).tolist()
    [[255, 255, 255], [178, 24, 43], [33, 102, 172]]
    """
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0)
    strength = np.minimum(np.abs(known), bound) / (bound or 1.0)
    colours = np.empty(values.shape + (3,), np.uint8)
    for channel, ends in enumerate(zip(POSITIVE, NEGATIVE)):
        end = np.where(known > 0.0, *ends)
        colours[..., channel] = np.rint(255.0 + strength * (end - 255.0))
    colours[~finite] = NONFINITE
    return colours


def block_means(values, height, width):
    """Shrinks the last two axes to the means of blocks.

    Args:
      values: Array `[..., rows, columns]` of any real dtype; it is widened to float64 band by band,
        so that a large array is never copied whole.
      height: Rows of a block. The last blocks are smaller where the axis does not divide.
      width: Columns of a block, likewise.

    Returns:
      Float64 array `[..., ceil(rows / height), ceil(columns / width)]`. A block that holds a NaN or
      an infinity is NaN or infinite.

    >>> block_means(np.array([[1.0, 3.0, 5.0], [1.0, 3.0, 5.0]]), 2, 2)
    array([[2., 5.]])
    """
    if height == width == 1:
        return values.astype(np.float64)
    rows, columns = values.shape[-2:]
    starts = np.arange(0, columns, width)
    widths = np.diff(np.append(starts, columns))
    means = np.empty(values.shape[:-2] + (math.ceil(rows / height), starts.size))
    for index in range(means.shape[-2]):
        band = values[..., index * height : (index + 1) * height, :].astype(np.float64)
        # A block with +inf and -inf is NaN, which is as wanted.
        with np.errstate(invalid="ignore"):
            means[..., index, :] = np.add.reduceat(band.mean(axis=-2), starts, axis=-1) / widths
    return means


def enlarge(pixels, down, across):
    """Makes each pixel a rectangle of `down` by `across` pixels."""
    return pixels.repeat(down, axis=-3).repeat(across, axis=-2)


def side_by_side(slices):
    """Joins the slices of each tile from left to right, `SLICE_LINE` pixels of line between them.

    Args:
      slices: Pixels `[..., slices, height, width, 3]`.

    Returns:
      Pixels `[..., height, slices * (width + SLICE_LINE) - SLICE_LINE, 3]`.
    """
    count, height, width = slices.shape[-4:-1]
    joined = _blank(slices.shape[:-4] + (height, count, width + SLICE_LINE))
    joined[..., :width, :] = np.moveaxis(slices, -4, -3)
    joined = joined.reshape(slices.shape[:-4] + (height, count * (width + SLICE_LINE), 3))
    return joined[..., : joined.shape[-2] - SLICE_LINE, :]


def wrap(tiles, columns):
    """Breaks a row of tiles into lines of `columns` tiles, the last one filled with line colour.

    Args:
      tiles: Pixels `[count, height, width, 3]`.
      columns: Tiles in a line, 1 or more.

    Returns:
      Pixels `[ceil(count / columns), columns, height, width, 3]`.
    """
    rows = math.ceil(len(tiles) / columns)
    wrapped = _blank((rows * columns,) + tiles.shape[1:-1])
    wrapped[: len(tiles)] = tiles
    return wrapped.reshape((rows, columns) + tiles.shape[1:])


def grid(tiles):
    """Lays tiles out in rows and columns with lines of `LINE` pixels around each.

    Args:
      tiles: Pixels `[rows, columns, height, width, 3]`.

    Returns:
      Pixels `[LINE + rows * (height + LINE), LINE + columns * (width + LINE), 3]`.
    """
    rows, columns, height, width = tiles.shape[:-1]
    lined = _blank((rows, LINE + height, columns, LINE + width))
    lined[:, LINE:, :, LINE:] = np.moveaxis(tiles, 1, 2)
    picture = _blank((rows * (LINE + height) + LINE, columns * (LINE + width) + LINE))
    picture[:-LINE, :-LINE] = lined.reshape(rows * (LINE + height), columns * (LINE + width), 3)
    return picture


def with_colour_bar(picture, bound):
    """Puts the colour scale and its two bounds beneath a picture.

    The bar runs from `-bound` on the left to `+bound` on the right, each written beside it to three
    digits, so that the bounds of every step can be read in the picture itself.

    Args:
      picture: Pixels `[height, width, 3]`.
      bound: Value of full colour, 0.0 or more.

    Returns:
      Pixels `[height + BAR_HEIGHT, max(width, BAR_LEAST_WIDTH), 3]`; a narrow picture stands on the
      left.
    """
    height, width = picture.shape[:2]
    whole = _blank((height + BAR_HEIGHT, max(width, BAR_LEAST_WIDTH)))
    whole[:height, :width] = picture
    whole[height:] = _colour_bar(bound, whole.shape[1])
    return whole


def _colour_bar(bound, width):
    low, high = _text(_number(-bound)), _text(_number(bound))
    bar = _blank((BAR_HEIGHT, width))
    inside = bar[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    inside[:, : low.shape[1]] = low
    inside[:, -high.shape[1] :] = high
    scale = inside[:, low.shape[1] + _MARGIN : -high.shape[1] - _MARGIN]
    scale[...] = signed_colours(np.linspace(-1.0, 1.0, scale.shape[1]), 1.0)
    return bar


def _number(value):
    return f"{value:+.3g}" if value else "0"


def _text(text):
    rows = [".".join(_GLYPHS[mark][row] for mark in text) for row in range(_GLYPH_HEIGHT)]
    ink = np.array([[dot == "#" for dot in row] for row in rows])
    colours = np.where(ink[..., np.newaxis], np.array(_TEXT_COLOUR), np.array(LINE_COLOUR))
    return enlarge(colours.astype(np.uint8), _TEXT_SCALE, _TEXT_SCALE)


def _blank(shape):
    return np.full(tuple(shape) + (3,), LINE_COLOUR, np.uint8)
