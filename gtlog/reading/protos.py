"""The fields of events, read from the wire format of protocol buffers.

https://protobuf.dev/programming-guides/encoding and, for the numbers of the fields, event.proto,
summary.proto, tensor.proto, tensor_shape.proto and types.proto in
https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core. Fields that are not known
here are passed over.
"""

import functools
import struct
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

_VARINT, _FIXED64, _BYTES, _GROUP, _END_GROUP, _FIXED32 = range(6)
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
_MOST_BYTES_OF_VARINT = 10
# A step is an int64, which stands as a uint64.
_SIGN, _MODULUS = 1 << 63, 1 << 64


class Metadata(NamedTuple):
    """The kind of a value, as its metadata give it.

    Attributes:
      plugin: Name of the TensorBoard plugin that shows it; empty where it is not said.
      content: What the plugin keeps there, bytes.
      display_name: Another name of the chart.
      description: Markdown.
      data_class: 0 unknown, 1 scalar, 2 tensor, 3 sequence of blobs.
    """

    plugin: str = ""
    content: bytes = b""
    display_name: str = ""
    description: str = ""
    data_class: int = 0


class Value(NamedTuple):
    """One value of an event.

    Attributes:
      tag: Name of the series.
      metadata: `Metadata`.
      kind: Name of the field that holds the value: `"tensor"`, `"simple_value"`, `"histo"`,
        `"image"` or `"audio"`; None if it is unknown.
      content: A float for `"simple_value"`, else the field's bytes.
    """

    tag: str
    metadata: Metadata
    kind: Optional[str]
    content: Any


class Event(NamedTuple):
    """One event.

    Attributes:
      wall_time: Seconds since 1970.
      step: The number of the step.
      values: List of `Value`.
    """

    wall_time: float
    step: int
    values: List[Value]


def parse_event(data: bytes, known: Optional[Dict[bytes, Metadata]] = None) -> Event:
    """The event in the data of a record.

    Args:
      data: As it stands in the record.
      known: Metadata by their bytes, which the call adds to: they repeat from event to event.

    Raises:
      ValueError: this is no event.
    """
    known = {} if known is None else known
    wall_time, step = 0.0, 0
    values: List[Value] = []
    for number, wire_type, field in fields(data):
        if number == 1 and wire_type == _FIXED64:
            (wall_time,) = _DOUBLE.unpack(field)
        elif number == 2 and wire_type == _VARINT:
            step = _signed(field)
        elif number == 5 and wire_type == _BYTES:  # a Summary
            values.extend(
                _value(one, known) for at, kind, one in fields(field) if (at, kind) == (1, _BYTES)
            )
    return Event(wall_time, step, values)


_CONTENTS = {3: "histo_old", 4: "image", 5: "histo", 6: "audio", 8: "tensor"}


def _value(data, known):
    tag, metadata, kind, content = "", Metadata(), None, None
    for number, wire_type, field in fields(data):
        if wire_type == _BYTES:
            if number == 1:
                tag = _text(field)
            elif number == 9:
                metadata = known.get(field)
                if metadata is None:
                    metadata = known[field] = _metadata(field)
            elif number in _CONTENTS:
                kind, content = _CONTENTS[number], field
        elif number == 2 and wire_type == _FIXED32:
            kind, content = "simple_value", _FLOAT.unpack(field)[0]
    return Value(tag, metadata, kind, content)


def _metadata(data):
    plugin, content, display_name, description, data_class = Metadata()
    for number, wire_type, field in fields(data):
        if number == 4 and wire_type == _VARINT:
            data_class = field
        elif wire_type != _BYTES:
            continue
        elif number == 1:
            for at, kind, one in fields(field):
                if (at, kind) == (1, _BYTES):
                    plugin = _text(one)
                elif (at, kind) == (2, _BYTES):
                    content = one
        elif number == 2:
            display_name = _text(field)
        elif number == 3:
            description = _text(field)
    return Metadata(plugin, content, display_name, description, data_class)


def _text(data):
    return data.decode("utf-8", "backslashreplace")


def _signed(number):
    return number - _MODULUS if number & _SIGN else number


def fields(data: bytes):
    """Yields the fields of a message: number, wire type, and an int or the bytes.

    Raises:
      ValueError: this is no message.
    """
    place, end = 0, len(data)
    while place < end:
        key = data[place]
        place += 1
        if key & 0x80:
            key, place = _varint(data, place - 1)
        number, wire_type = key >> 3, key & 7
        if not number:
            raise ValueError("A field has the number 0.")
        if wire_type == _BYTES:
            if place < end and data[place] < 0x80:
                stop = place + 1 + data[place]
                place += 1
            else:
                length, place = _varint(data, place)
                stop = place + length
            if stop > end:
                raise ValueError("A field is longer than its message.")
            yield number, wire_type, data[place:stop]
            place = stop
        elif wire_type == _VARINT:
            if place < end and data[place] < 0x80:
                yield number, wire_type, data[place]
                place += 1
            else:
                field, place = _varint(data, place)
                yield number, wire_type, field
        elif wire_type in _SIZES:
            stop = place + _SIZES[wire_type]
            if stop > end:
                raise ValueError("A field is longer than its message.")
            yield number, wire_type, data[place:stop]
            place = stop
        else:
            raise ValueError(f"A field has the wire type {wire_type}.")


_SIZES = {_FIXED64: 8, _FIXED32: 4}


def _varint(data, place):
    """A number of seven bits a byte, and the place after it."""
    number = shift = 0
    for byte in data[place : place + _MOST_BYTES_OF_VARINT]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number & (_MODULUS - 1), place + shift // 7
    raise ValueError("A number has no end.")


class _Type(NamedTuple):
    """How the elements of one type of tensor stand in a message.

    Attributes:
      name: As TensorFlow calls it.
      stored: numpy's type of `tensor_content`.
      field: Number of the field of single elements.
      element: numpy's type of the elements there; None if they are varints.
      widen: From the stored elements to what numpy has a type for; None if it has one.
    """

    name: str
    stored: str
    field: int
    element: Optional[str] = None
    widen: Any = None


def _of_bfloat16(stored):
    return (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _of_float8_e5m2(stored):
    return (stored.astype(np.uint16) << np.uint16(8)).view(np.float16).astype(np.float32)


def _of_int4(stored):
    return ((stored.astype(np.int16) & 15) ^ 8).astype(np.int8) - np.int8(8)


_STRING = 7
_TYPES = {
    1: _Type("float32", "<f4", 5, "<f4"),
    2: _Type("float64", "<f8", 6, "<f8"),
    3: _Type("int32", "<i4", 7),
    4: _Type("uint8", "u1", 7),
    5: _Type("int16", "<i2", 7),
    6: _Type("int8", "i1", 7),
    _STRING: _Type("string", "O", 8),
    8: _Type("complex64", "<c8", 9, "<c8"),
    9: _Type("int64", "<i8", 10),
    10: _Type("bool", "?", 11),
    11: _Type("qint8", "i1", 7),
    12: _Type("quint8", "u1", 7),
    13: _Type("qint32", "<i4", 7),
    14: _Type("bfloat16", "<u2", 13, None, _of_bfloat16),
    15: _Type("qint16", "<i2", 7),
    16: _Type("quint16", "<u2", 7),
    17: _Type("uint16", "<u2", 7),
    18: _Type("complex128", "<c16", 12, "<c16"),
    19: _Type("float16", "<u2", 13, None, lambda stored: stored.view(np.float16)),
    22: _Type("uint32", "<u4", 16),
    23: _Type("uint64", "<u8", 17),
    24: _Type("float8_e5m2", "u1", 18, "u1", _of_float8_e5m2),
    29: _Type("int4", "i1", 7, None, _of_int4),
    30: _Type("uint4", "u1", 7),
}
_FIRST_FIELD_OF_ELEMENTS = 5
# A message of a few bytes may claim any number of elements: the last one repeats.
_MOST_REPEATED = 1 << 26


def parse_tensor(data: bytes) -> np.ndarray:
    """The array in a TensorProto.

    Returns:
      An array of the tensor's type: of strings one of `bytes` objects; bfloat16 and float8, which
      numpy lacks, are widened to float32, 4-bit integers to 8 bits.

    Raises:
      ValueError: this is no tensor, or one of a type that is not known here.
    """
    code, shape, content, elements = 0, (), b"", []
    for number, wire_type, field in fields(data):
        if number == 1 and wire_type == _VARINT:
            code = field
        elif number == 2 and wire_type == _BYTES:
            shape = _shape(field)
        elif number == 4 and wire_type == _BYTES:
            content = field
        elif number >= _FIRST_FIELD_OF_ELEMENTS:
            elements.append((number, wire_type, field))
    if code not in _TYPES:
        raise ValueError(f"A tensor has the type {code}, which is not known here.")
    kind = _TYPES[code]
    size = _size_of(shape)
    if size > _MOST_REPEATED and not content:
        raise ValueError(f"A tensor has the shape {list(shape)} and hardly any elements.")
    if code == _STRING:
        return _strings(elements, kind, shape, size)
    if content:
        stored = _array_of(content, kind.stored)
        if stored.size != size:
            raise ValueError(f"A tensor of shape {list(shape)} has {stored.size} elements.")
    else:
        stored = _repeated(_elements(elements, kind), size)
    array = stored if kind.widen is None else kind.widen(stored)
    return array.reshape(shape)


@functools.lru_cache(maxsize=1024)  # a few shapes come again and again
def _shape(data):
    sizes = []
    for number, wire_type, field in fields(data):
        if (number, wire_type) == (2, _BYTES):
            size = [one for at, kind, one in fields(field) if (at, kind) == (1, _VARINT)]
            sizes.append(_signed(size[-1]) if size else 0)
        elif (number, wire_type) == (3, _VARINT) and field:
            raise ValueError("A tensor has no known shape.")
    if any(size < 0 for size in sizes):
        raise ValueError(f"A tensor has the shape {sizes}.")
    return tuple(sizes)


def _size_of(shape):
    size = 1
    for length in shape:
        size *= length
    return size


def _array_of(content, stored):
    dtype = np.dtype(stored)
    if len(content) % dtype.itemsize:
        raise ValueError(f"{len(content)} bytes are no array of {dtype}.")
    return np.frombuffer(content, dtype).astype(dtype.type)  # in the byte order of this machine


def _elements(elements, kind):
    """The single elements, packed or not."""
    parts, numbers = [], []
    for number, wire_type, field in elements:
        if number != kind.field:
            continue
        if kind.element is None and wire_type == _VARINT:
            numbers.append(field)
        elif kind.element is None and wire_type == _BYTES:
            numbers.extend(_varints(field))
        elif kind.element is not None and wire_type != _VARINT:
            parts.append(field)
    if kind.element is None:
        return np.array(numbers, np.uint64).astype(np.dtype(kind.stored).type)
    return _array_of(b"".join(parts), kind.element)


def _varints(data):
    place = 0
    while place < len(data):
        number, place = _varint(data, place)
        yield number


def _repeated(stored, size):
    """The elements; where they are fewer than there should be, the last one repeats."""
    if stored.size > size:
        raise ValueError(f"A tensor of {size} elements has {stored.size}.")
    if not stored.size:
        return np.zeros(size, stored.dtype)
    return np.append(stored, np.repeat(stored[-1:], size - stored.size))


def _strings(elements, kind, shape, size):
    strings = [
        field
        for number, wire_type, field in elements
        if number == kind.field and wire_type == _BYTES
    ]
    if len(strings) > size:
        raise ValueError(f"A tensor of {size} elements has {len(strings)}.")
    array = np.empty(size, object)
    array[:] = strings + (strings[-1:] or [b""]) * (size - len(strings))
    return array.reshape(shape)


def parse_histogram(data: bytes) -> np.ndarray:
    """The buckets of a HistogramProto, of tf.compat.v1 and other tools.

    Returns:
      `[k, 3]` float64 rows of left edge, right edge and count, as TensorBoard makes them: the first
      bucket begins at the smallest element, the last one ends at the largest.

    Raises:
      ValueError: this is no histogram.
    """
    extremes, ends, counts = {1: 0.0, 2: 0.0}, b"", b""
    for number, wire_type, field in fields(data):
        if number in extremes and wire_type == _FIXED64:
            extremes[number] = _DOUBLE.unpack(field)[0]
        elif number == 6 and wire_type in (_BYTES, _FIXED64):
            ends += field
        elif number == 7 and wire_type in (_BYTES, _FIXED64):
            counts += field
    right, counts = _array_of(ends, "<f8"), _array_of(counts, "<f8")
    if right.size != counts.size:
        raise ValueError(f"A histogram has {right.size} edges and {counts.size} counts.")
    if not right.size:
        return np.zeros((0, 3))
    filled = np.flatnonzero(counts > 0)
    if not filled.size:
        return np.zeros((0, 3))
    first, last = filled[0], filled[-1] + 1
    left = np.append(extremes[1], right[:-1])
    rows = np.stack([left, right, counts], axis=1)[first:last]
    rows[0, 0] = max(rows[0, 0], extremes[1])
    rows[-1, 1] = min(rows[-1, 1], extremes[2])
    return rows


def parse_image(data: bytes) -> bytes:
    """The encoded picture of a Summary.Image, of tf.compat.v1 and other tools.

    Raises:
      ValueError: this is no image.
    """
    encoded = [field for number, wire, field in fields(data) if (number, wire) == (4, _BYTES)]
    return encoded[-1] if encoded else b""
