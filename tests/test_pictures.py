"""Colours, block means, tiles and the colour bar, each against plain loops or a formula by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gtlog.summaries.kernels import pixels as pictures
from gtlog.summaries.kernels.layout import matrix_layout, tile_layout

WHITE, RED, BLUE, YELLOW = (255, 255, 255), (178, 24, 43), (33, 102, 172), (255, 210, 0)
GREY = (176, 176, 176)

finite_floats = st.floats(-1e300, 1e300)


def colour_by_hand(value, bound):
    if not math.isfinite(value):
        return YELLOW
    strength = min(abs(value) / bound, 1.0) if bound else 0.0
    end = RED if value > 0 else BLUE
    return tuple(round(255 + strength * (channel - 255)) for channel in end)


@given(
    arrays.arrays(np.float64, arrays.array_shapes(max_dims=3, max_side=4), elements=st.floats()),
    st.floats(0, 1e300),
)
def test_each_value_has_the_colour_of_the_formula(values, bound):
    """Every element is coloured by the documented formula, whatever its value and the bound."""
    colours = pictures.signed_colours(values, bound)
    assert colours.dtype == np.uint8 and colours.shape == values.shape + (3,)
    for index in np.ndindex(values.shape):
        assert tuple(colours[index]) == colour_by_hand(float(values[index]), bound)


def test_zero_is_white_and_the_bounds_are_full_colour():
    """Zero is exactly white, the positive bound is full red and the negative one full blue."""
    colours = pictures.signed_colours(np.array([0.0, -0.0, 3.5, -3.5]), 3.5)
    assert colours.tolist() == [list(c) for c in (WHITE, WHITE, RED, BLUE)]


@given(st.floats(-1.0, 1.0))
def test_no_weight_can_be_mistaken_for_a_nan_or_a_line(value):
    """No finite value has the colour of NaN or of lines, and none of them is dark or near them."""
    colour = pictures.signed_colours(np.array([value]), 1.0)[0].astype(int)
    for other in (YELLOW, GREY):
        assert np.abs(colour - other).max() >= 30


@given(st.floats(1e-3, 1.0), st.floats(1e-3, 1.0))
def test_a_larger_magnitude_is_never_paler(one, other):
    """The colour darkens with the magnitude, alike in both directions."""
    small, large = sorted((one, other))
    for sign in (1.0, -1.0):
        pale, strong = pictures.signed_colours(np.array([sign * small, sign * large]), 1.0)
        assert (strong <= pale).all()


@given(arrays.arrays(np.float64, st.integers(0, 8), elements=st.floats()))
def test_the_bound_is_the_largest_finite_magnitude(values):
    """The scale's bound comes from finite values alone and is zero where there is none."""
    expected = max((abs(float(v)) for v in values if math.isfinite(v)), default=0.0)
    assert pictures.colour_bound(values) == expected


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7)),
        elements=st.floats(-100, 100, width=32) | st.sampled_from([np.nan, np.inf, -np.inf]),
    ),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_block_means_are_the_means_of_the_blocks(values, height, width):
    """Each output is the mean of its block, and non-finite where the block has such an element."""
    means = pictures.block_means(values, height, width)
    leading, rows, columns = values.shape
    assert means.dtype == np.float64
    assert means.shape == (leading, -(-rows // height), -(-columns // width))
    for tile, row, column in np.ndindex(means.shape):
        block = [
            float(values[tile, y, x])
            for y in range(row * height, min((row + 1) * height, rows))
            for x in range(column * width, min((column + 1) * width, columns))
        ]
        if all(map(math.isfinite, block)):
            expected = math.fsum(block) / len(block)
            assert means[tile, row, column] == pytest.approx(expected, abs=1e-9)
        else:
            assert not math.isfinite(means[tile, row, column])


def test_the_grid_has_lines_around_each_tile():
    """Tiles stand in rows and columns with two pixels of line around each of them."""
    tiles = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3)).astype(np.uint8)
    expected = np.empty((2 + 2 * 6, 2 + 3 * 7, 3), np.uint8)
    expected[:] = GREY
    for row, column, y, x in itertools.product(range(2), range(3), range(4), range(5)):
        expected[2 + row * 6 + y, 2 + column * 7 + x] = tiles[row, column, y, x]
    np.testing.assert_array_equal(pictures.grid(tiles), expected)


def test_slices_stand_side_by_side():
    """The slices of a tile are joined from left to right with one pixel of line between them."""
    slices = np.random.default_rng(1).integers(0, 256, (2, 3, 4, 5, 3)).astype(np.uint8)
    expected = np.empty((2, 4, 3 * 6 - 1, 3), np.uint8)
    expected[:] = GREY
    for tile, z, y, x in np.ndindex(2, 3, 4, 5):
        expected[tile, y, z * 6 + x] = slices[tile, z, y, x]
    np.testing.assert_array_equal(pictures.side_by_side(slices), expected)


def test_wrapped_tiles_run_on_from_row_to_row():
    """Wrapped tiles fill row after row, and places left empty have the colour of lines."""
    tiles = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3)
    wrapped = pictures.wrap(tiles, 3)
    assert wrapped.shape == (2, 3, 2, 2, 3)
    for index in range(5):
        np.testing.assert_array_equal(wrapped[index // 3, index % 3], tiles[index])
    assert (wrapped[1, 2] == GREY).all()


def test_enlarging_repeats_each_pixel():
    """Every pixel becomes a rectangle of its own colour."""
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    large = pictures.enlarge(pixels, 4, 5)
    assert large.shape == (8, 15, 3)
    for y, x in np.ndindex(8, 15):
        assert (large[y, x] == pixels[y // 4, x // 5]).all()


@given(finite_floats, st.integers(1, 300), st.integers(1, 5))
def test_the_colour_bar_leaves_the_picture_as_it_is(bound, width, height):
    """The bar stands beneath the picture, whose width does not depend on the scale's bounds."""
    picture = np.full((height, width, 3), 7, np.uint8)
    whole = pictures.with_colour_bar(picture, abs(bound))
    assert whole.shape == (height + 18, max(width, pictures.BAR_LEAST_WIDTH), 3)
    np.testing.assert_array_equal(whole[:height, :width], picture)
    assert (whole[:height, width:] == GREY).all()


@pytest.mark.parametrize("bound", [0.0, 1e-5, 0.128, 1.0, 2.5e300])
def test_the_colour_bar_runs_from_blue_to_red(bound):
    """The bar begins with full blue, ends with full red and rises through white between them."""
    bar = pictures.with_colour_bar(np.zeros((1, 400, 3), np.uint8), bound)[1:]
    middle = [tuple(pixel) for pixel in bar[9] if tuple(pixel) not in (GREY, (32, 32, 32))]
    assert middle[0] == BLUE and middle[-1] == RED
    redness = [int(red) - int(blue) for red, _, blue in middle]
    assert redness == sorted(redness) and min(map(abs, redness)) <= 3


def read_number(bar, left):
    """Reads figures of 3 by 5 dots, 2 pixels to a dot, from the left of `bar` at column `left`."""
    figures = {
        "### #.# #.# #.# ###": "0",
        ".#. ##. .#. .#. ###": "1",
        "### ..# ### #.. ###": "2",
        "... ... ... ... .#.": ".",
        "... ... ### ... ...": "-",
        "... .#. ### .#. ...": "+",
        "### #.. ### ..# ###": "5",
    }
    text = ""
    while True:
        dots = (bar[4:14:2, left : left + 6 : 2] == 32).all(axis=-1)
        code = " ".join("".join(".#"[int(dot)] for dot in row) for row in dots)
        if code not in figures:
            return text
        text, left = text + figures[code], left + 8


def test_the_bounds_are_written_beside_the_bar():
    """The bounds stand in figures, to three digits, at the two ends of the bar."""
    bar = pictures.with_colour_bar(np.zeros((1, 400, 3), np.uint8), 0.25012)[1:]
    assert read_number(bar, 4) == "-0.25"
    assert read_number(bar, 400 - 4 - (5 * 8 - 2)) == "+0.25"


sides = st.integers(256, 2048)
counts = st.integers(1, 12) | st.integers(1, 600)


@given(st.tuples(counts, counts, counts, counts, counts), counts, counts, sides)
def test_a_kernel_never_leaves_its_picture(shape, channels, filters, side):
    """However large a kernel is, at least one tile is drawn and the picture keeps to its side."""
    layout = tile_layout(shape, channels, filters, side)
    assert 1 <= layout.channels <= min(channels, shape[0])
    assert 1 <= layout.filters <= min(filters, shape[1])
    assert 1 <= layout.slices <= shape[2] and 1 <= layout.scale[0] == layout.scale[1] <= 16
    rows = math.ceil(layout.channels * layout.filters / layout.columns)
    height = math.ceil(shape[3] / layout.block[0]) * layout.scale[0]
    width = math.ceil(shape[4] / layout.block[1]) * layout.scale[1]
    assert 2 + rows * (height + 2) + 18 <= side
    assert 2 + layout.columns * (layout.slices * (width + 1) - 1 + 2) <= side


@given(st.integers(1, 10**6), st.integers(1, 10**6), sides)
def test_a_matrix_never_leaves_its_picture(rows, columns, side):
    """A matrix of any size is drawn whole within the side, no weight over four times as long."""
    layout = matrix_layout(rows, columns, side)
    down, across = layout.scale
    assert 1 <= down <= 16 and 1 <= across <= 16 and max(down, across) <= 4 * min(down, across)
    assert 4 + math.ceil(rows / layout.block[0]) * down + 18 <= side
    assert 4 + math.ceil(columns / layout.block[1]) * across <= side


@pytest.mark.parametrize("count, columns", [(1, 1), (8, 4), (16, 4), (31, 6), (32, 8), (64, 8)])
def test_a_single_channel_is_wrapped_nearly_square(count, columns):
    """Square tiles of one channel stand in a grid at most twice as wide as it is high."""
    layout = tile_layout((1, count, 1, 3, 3), 16, 64, 1024)
    assert (layout.wrapped, layout.filters, layout.columns) == (True, count, columns)
