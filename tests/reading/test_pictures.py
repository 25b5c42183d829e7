"""PNG to pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtlog.reading.pictures import png_pixels

from . import written

PIXELS = np.random.RandomState(0).randint(0, 256, (11, 7, 4)).astype(np.uint8)


class TestPixels:
    """What is in the picture."""

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    @pytest.mark.parametrize("filters", [(0,), (1,), (2,), (3,), (4,), (4, 3, 2, 1, 0)])
    def test_kinds_and_filters(self, channels, filters):
        """Grey, grey and alpha, RGB and RGBA come back, whatever filters the rows have."""
        pixels = PIXELS[..., :channels]
        read = png_pixels(written.png(pixels, filters=filters))
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, pixels)

    @pytest.mark.parametrize("transparent", [b"", bytes([7, 8])])
    def test_a_palette(self, transparent):
        """A palette gives its colours, with their transparency where it has one."""
        colours = np.array([[1, 2, 3], [4, 5, 6], [250, 251, 252]], np.uint8)
        numbers = np.array([[[0], [2]], [[1], [1]]], np.uint8)
        extra = [(b"PLTE", colours.tobytes())] + [(b"tRNS", transparent)] * bool(transparent)
        expected = colours[numbers[..., 0]]
        if transparent:
            alpha = np.array([7, 8, 255], np.uint8)[numbers]
            expected = np.concatenate([expected, alpha], axis=2)
        read = png_pixels(written.png(numbers, kind=3, extra=extra))
        np.testing.assert_array_equal(read, expected)


class TestWhatIsNotRead:
    """Errors that say what is wrong."""

    GREY = PIXELS[..., :1]

    @pytest.mark.parametrize(
        "arguments, message",
        [
            ({"interlaced": 1}, "The picture is interlaced, which is not read here."),
            ({"depth": 16}, "The picture has 16 bits a sample; only 8 are read here."),
            ({"kind": 5}, "The header of the picture is damaged."),
            ({"filters": (9,)}, "A row of the picture has the filter 9."),
            ({"kind": 3}, "The picture has no palette: it is damaged."),
            ({"kind": 2}, "The picture has fewer pixels than its header says."),
        ],
    )
    def test_other_kinds(self, arguments, message):
        """What is not read here is a ValueError with the reason."""
        with pytest.raises(ValueError) as caught:
            png_pixels(written.png(self.GREY, **arguments))
        assert str(caught.value) == message

    def test_no_png(self):
        """Bytes of another kind are no PNG."""
        with pytest.raises(ValueError, match="This is no PNG."):
            png_pixels(b"\xff\xd8\xff JPEG")

    def test_a_colour_outside_of_the_palette(self):
        """A colour that the palette lacks is an error."""
        data = written.png(np.full((1, 1, 1), 2, np.uint8), kind=3, extra=[(b"PLTE", bytes(6))])
        with pytest.raises(ValueError, match="a colour that is not in its palette"):
            png_pixels(data)

    @given(st.data())
    def test_damage(self, data):
        """A picture that is cut off or changed is a ValueError, or still the same picture."""
        whole = bytearray(written.png(PIXELS, filters=(0, 1, 2, 3, 4)))
        place = data.draw(st.integers(0, len(whole) - 1))
        if data.draw(st.booleans()):
            whole = whole[:place]
        else:
            whole[place] ^= data.draw(st.integers(1, 255))
        try:
            read = png_pixels(bytes(whole))
        except ValueError:
            return
        np.testing.assert_array_equal(read, PIXELS)
