"""Values check themselves when they are made, not when they are written."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from gtlog.summaries import Histogram, Image, Scalar

PIXELS = np.zeros((2, 3, 1), np.uint8)
ROWS = np.zeros((4, 3))
MAKERS = {
    "Scalar": lambda tag: Scalar(tag, 1.0),
    "Histogram": lambda tag: Histogram(tag, ROWS),
    "Image": lambda tag: Image(tag, PIXELS),
}


def message_of(kind, function, *arguments):
    """The message of the exception that a call raises."""
    with pytest.raises(kind) as caught:
        function(*arguments)
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize("name", MAKERS)
class TestTag:
    """Every value has a tag."""

    @pytest.mark.parametrize(
        "tag, seen", [(None, "None (NoneType)"), (3, "3 (int)"), (b"loss", "b'loss' (bytes)")]
    )
    def test_must_be_a_string(self, name, tag, seen):
        """Another type is a TypeError that shows it."""
        message = message_of(TypeError, MAKERS[name], tag)
        assert message == f"{name}: tag must be a string, got {seen}."

    def test_must_not_be_empty(self, name):
        """An empty tag is a ValueError."""
        assert message_of(ValueError, MAKERS[name], "") == f"{name}: tag must not be empty."

    def test_is_kept(self, name):
        """Any other string is kept; the description is empty unless it is given."""
        value = MAKERS[name]("räder/größe 1")
        assert (value.tag, value.description) == ("räder/größe 1", "")

    def test_values_are_frozen(self, name):
        """A value cannot be changed after it was checked."""
        value = MAKERS[name]("tag")
        with pytest.raises(dataclasses.FrozenInstanceError):
            value.tag = ""


class TestScalar:
    """`Scalar.value` is one real number."""

    @pytest.mark.parametrize(
        "value",
        [
            3,
            3.0,
            np.float16(3),
            np.float32(3),
            np.int8(3),
            np.uint64(3),
            np.array(3.0),
            tf.constant(3.0),
            tf.constant(3),
        ],
        ids=repr,
    )
    def test_becomes_a_float(self, value):
        """Numbers of Python, numpy and TensorFlow are taken, and become a float."""
        scalar = Scalar("tag", value)
        assert type(scalar.value) is float and scalar.value == 3.0

    def test_bools(self):
        """A bool is 0 or 1."""
        assert [Scalar("tag", value).value for value in (False, np.True_)] == [0.0, 1.0]

    def test_nan_and_infinities(self):
        """NaN and infinities are numbers here: TensorBoard marks them."""
        assert np.isnan(Scalar("tag", np.nan).value)
        assert Scalar("tag", -np.inf).value == -np.inf

    @pytest.mark.parametrize(
        "value, seen",
        [
            (None, "None (NoneType)"),
            ("3", "'3' (str)"),
            ([3.0], "[3.0] (list)"),
            (3j, "3j (complex)"),
            (np.array([3.0]), "array([3.]) (ndarray)"),
            (np.array(["x"]), "array(['x'], dtype='<U1') (ndarray)"),
        ],
    )
    def test_what_is_no_real_number(self, value, seen):
        """Anything else is a TypeError with the tag and the value."""
        assert message_of(TypeError, Scalar, "lr", value) == (
            f"Scalar(tag='lr'): value must be one real number, got {seen}."
        )


class TestHistogram:
    """`Histogram.buckets` are rows of three numbers."""

    @pytest.mark.parametrize("rows", [0, 1, 30])
    def test_any_number_of_rows(self, rows):
        """There may be any number of buckets, none too."""
        assert Histogram("tag", np.zeros((rows, 3))).buckets.shape == (rows, 3)

    @pytest.mark.parametrize(
        "buckets",
        [[[0, 1, 2]], np.array([[0, 1, 2]], np.float32), tf.constant([[0, 1, 2]])],
        ids=["list", "float32", "tensor"],
    )
    def test_become_float64(self, buckets):
        """Lists, tensors and other types become a float64 array."""
        histogram = Histogram("tag", buckets)
        assert histogram.buckets.dtype == np.float64
        assert histogram.buckets.tolist() == [[0.0, 1.0, 2.0]]

    @pytest.mark.parametrize("shape", [(), (3,), (3, 4), (2, 3, 1), (0,)])
    def test_other_shapes(self, shape):
        """Another shape is a ValueError with the shape and what makes the right one."""
        assert message_of(ValueError, Histogram, "w", np.zeros(shape)) == (
            "Histogram(tag='w'): buckets must have shape [k, 3] (left edge, right edge, count), "
            f"got {list(shape)}. "
            "gtlog.summaries.histogram_of(tag, array) makes them from an array."
        )


class TestImage:
    """`Image.pixels` are uint8 of a shape that can be drawn."""

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_grey_colour_and_transparency(self, channels):
        """One, three and four channels are taken, of an array or a tensor."""
        pixels = np.zeros((2, 3, channels), np.uint8)
        assert Image("tag", pixels).pixels is pixels
        assert Image("tag", tf.constant(pixels)).pixels.shape == pixels.shape

    @pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
    def test_other_types(self, dtype):
        """Another type is a TypeError that says what to do."""
        assert message_of(TypeError, Image, "k", PIXELS.astype(dtype)) == (
            f"Image(tag='k'): pixels must be uint8 from 0 to 255, got {dtype}. "
            "Scale and clip them before."
        )

    @pytest.mark.parametrize("shape", [(), (2, 3), (2, 3, 2), (2, 3, 5), (1, 2, 3, 1), (0, 3, 1)])
    def test_other_shapes(self, shape):
        """Another shape, and a picture without a pixel, is a ValueError with the shape."""
        assert message_of(ValueError, Image, "k", np.zeros(shape, np.uint8)) == (
            "Image(tag='k'): pixels must have shape [height, width, channels] with 1, 3 or 4 "
            f"channels and at least one pixel, got {list(shape)}."
        )
