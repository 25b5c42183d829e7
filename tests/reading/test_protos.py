"""Fields of events, well formed and not."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtlog.reading.protos import fields, parse_event, parse_histogram, parse_image, parse_tensor

from . import written
from .written import field, varint

VALUE = written.value("tag", np.float32([1, 2]), "mesh", b"kept")
EVENT = field(1, 2.5) + field(2, 7) + field(5, field(1, VALUE))


class TestEvent:
    """Steps, times, tags and metadata."""

    def test_all_fields(self):
        """Time, step, and of each value tag, metadata and content are read."""
        metadata = field(1, field(1, "p") + field(2, b"c")) + field(2, "D") + field(3, "*d*")
        value = field(1, "t") + field(9, metadata + field(4, 2)) + field(8, b"")
        event = parse_event(field(1, 2.5) + field(2, 7) + field(5, field(1, value) * 2))
        assert (event.wall_time, event.step, len(event.values)) == (2.5, 7, 2)
        assert tuple(event.values[0].metadata) == ("p", b"c", "D", "*d*", 2)
        assert event.values[0][::2] == ("t", "tensor")

    @pytest.mark.parametrize("step", [0, 1, 2**40, 2**63 - 1, -1])
    def test_steps(self, step):
        """A step is an int64."""
        assert parse_event(field(2, step)).step == step

    def test_unknown_fields(self):
        """Fields of any type that are not known are passed over."""
        more = field(90, 1) + field(91, 1.0) + field(92, b"x") + varint(93 << 3 | 5) + bytes(4)
        known = parse_event(EVENT)
        assert parse_event(more + EVENT + more) == known
        value = more + VALUE + more
        assert parse_event(field(2, 7) + field(5, more + field(1, value))).values == known.values

    def test_a_field_of_another_type(self):
        """A known number with an unexpected type counts as unknown."""
        assert parse_event(field(1, 5) + field(2, b"x") + field(5, 3)) == (0.0, 0, [])

    def test_a_tag_that_is_no_text(self):
        """Bytes that are no UTF-8 are written as escapes."""
        (value,) = parse_event(field(5, field(1, field(1, b"a\xff")))).values
        assert value.tag == "a\\xff"

    @given(st.data())
    def test_truncation_and_damage(self, data):
        """Damaged bytes are a ValueError, or an event; nothing else is raised."""
        damaged = bytearray(EVENT)
        for _ in range(data.draw(st.integers(1, 3))):
            damaged[data.draw(st.integers(0, len(EVENT) - 1))] = data.draw(st.integers(0, 255))
        damaged = bytes(damaged[: data.draw(st.integers(0, len(EVENT)))])
        try:
            event = parse_event(damaged)
            for value in event.values:
                if value.kind == "tensor":
                    parse_tensor(value.content)
        except ValueError:
            pass

    @given(st.binary(max_size=60))
    def test_any_bytes(self, data):
        """Any bytes are an event, a tensor and so on, or a ValueError."""
        for parse in (parse_event, parse_tensor, parse_histogram, parse_image):
            try:
                parse(data)
            except ValueError:
                pass

    @pytest.mark.parametrize(
        "data, message",
        [
            (b"\x80" * 11, "A number has no end."),
            (b"\x00\x01", "A field has the number 0."),
            (b"\x0a\x05abc", "A field is longer than its message."),
            (b"\x09abc", "A field is longer than its message."),
            (b"\x0f", "A field has the wire type 7."),
        ],
    )
    def test_what_is_no_message(self, data, message):
        """The error says what is wrong."""
        with pytest.raises(ValueError) as caught:
            list(fields(data))
        assert str(caught.value) == message


def shaped(code, shape, rest):
    """A TensorProto of a type by its number."""
    return field(1, code) + field(2, b"".join(field(2, field(1, size)) for size in shape)) + rest


class TestTensor:
    """Arrays in messages; `test_against_tensorflow` has all types."""

    def test_packed_and_not(self):
        """Elements may stand in one field or in one each, or both."""
        one, two = struct.pack("<f", 1), struct.pack("<f", 2)
        packed = field(5, one + two)
        single = b"".join(varint(5 << 3 | 5) + part for part in (one, two))
        for data in (packed, single):
            assert parse_tensor(shaped(1, [2], data)).tolist() == [1, 2]
        assert parse_tensor(shaped(1, [4], packed + single)).tolist() == [1, 2, 1, 2]
        assert parse_tensor(shaped(9, [3], field(10, varint(5) + varint(-6)) + field(10, 7)))[
            1:
        ].tolist() == [-6, 7]

    def test_the_last_element_repeats(self):
        """Where fewer elements stand than the shape says, the last one repeats; none is zero."""
        assert parse_tensor(shaped(3, [2, 2], field(7, 1) + field(7, -5))).tolist() == [
            [1, -5],
            [-5, -5],
        ]
        assert parse_tensor(shaped(3, [2], b"")).tolist() == [0, 0]
        assert parse_tensor(shaped(7, [2], field(8, b"a"))).tolist() == [b"a", b"a"]

    def test_small_floats(self):
        """bfloat16 and float8 are widened, 4-bit integers keep their sign."""
        assert parse_tensor(shaped(14, [1], field(13, 0x3FC0))).tolist() == [1.5]
        assert parse_tensor(shaped(24, [1], field(4, b"\x3e"))).tolist() == [1.5]
        assert parse_tensor(shaped(29, [2], field(7, 7) + field(7, 15))).tolist() == [7, -1]

    @pytest.mark.parametrize(
        "data, message",
        [
            (shaped(21, [1], b""), "the type 21, which is not known here"),
            (shaped(1, [2], field(4, bytes(4))), "A tensor of shape .2. has 1 elements"),
            (shaped(1, [1], field(4, bytes(3))), "3 bytes are no array of float32"),
            (shaped(1, [1], field(5, bytes(8))), "A tensor of 1 elements has 2"),
            (shaped(7, [1], field(8, b"a") * 2), "A tensor of 1 elements has 2"),
            (shaped(1, [-1], b""), "A tensor has the shape .-1."),
            (shaped(1, [2**40, 2**40], b""), "and hardly any elements"),
            (field(1, 1) + field(2, field(3, 1)), "A tensor has no known shape"),
        ],
    )
    def test_what_is_no_tensor(self, data, message):
        """The error says what is wrong."""
        with pytest.raises(ValueError, match=message):
            parse_tensor(data)
