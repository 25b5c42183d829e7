"""Event files written by hand, byte by byte."""

import json
import os
import struct
import zlib

import numpy as np

_TYPES = {"float32": 1, "float64": 2}
_CLASSES = {"scalars": 1, "histograms": 2, "gtlog": 2, "images": 3}


def _remainder(byte):
    """What is left of a byte, shifted out bit by bit."""
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 * (byte & 1))
    return byte


_REMAINDERS = [_remainder(byte) for byte in range(256)]


def checksum(data):
    """The masked CRC-32C of record files."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _REMAINDERS[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    """The bytes of a record."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        [length, struct.pack("<I", checksum(length)), data, struct.pack("<I", checksum(data))]
    )


def varint(number):
    """A number in seven bits a byte."""
    number &= (1 << 64) - 1
    parts = []
    while number > 0x7F:
        parts.append(0x80 | (number & 0x7F))
        number >>= 7
    return bytes([*parts, number])


def field(number, value):
    """A field: an int as a varint, a float as 64 bits, bytes and `str` with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(array):
    """A TensorProto."""
    array = np.asarray(array)
    shape = b"".join(field(2, field(1, size)) for size in array.shape)
    if array.dtype.kind in "SO":
        strings = b"".join(field(8, one) for one in array.reshape(-1).tolist())
        return field(1, 7) + field(2, shape) + strings
    return field(1, _TYPES[array.dtype.name]) + field(2, shape) + field(4, array.tobytes())


def value(tag, array, plugin, content=b""):
    """A Summary.Value that holds a tensor."""
    data = field(1, field(1, plugin) + (field(2, content) if content else b""))
    data += field(4, _CLASSES[plugin]) if plugin in _CLASSES else b""
    return field(1, tag) + field(9, data) + field(8, tensor(array))


def scalar(tag, number):
    """A Summary.Value of a number."""
    return value(tag, np.float32(number), "scalars")


def histogram(tag, rows):
    """A Summary.Value of a histogram."""
    return value(tag, np.array(rows, np.float64), "histograms")


def picture(tag, png, size=1):
    """A Summary.Value of a picture."""
    parts = np.array([str(size).encode(), str(size).encode(), png], object)
    return value(tag, parts, "images")


def event(step, *values):
    """The record of an event."""
    summary = b"".join(field(1, one) for one in values)
    return record(field(1, 1.5) + field(2, step) + field(5, summary))


def packed(header):
    """A header as its event keeps it."""
    return zlib.compress(json.dumps(header).encode())


def variables(*paths):
    """The rows of a header."""
    return [[path, "kernel", [2, 3], "float32", True, place] for place, path in enumerate(paths)]


def vitals(numbers, paths=None, columns=("value_rms",), tag="gtlog/vitals", version=1):
    """A Summary.Value of a vitals table, with its header where paths are given."""
    header = b""
    if paths is not None:
        header = packed(
            {
                "version": version,
                "kind": "vitals",
                "columns": list(columns),
                "variables": variables(*paths),
            }
        )
    return value(tag, np.array(numbers, np.float32), "gtlog", header)


def step_values(numbers, names=None, tag="gtlog/steps"):
    """A Summary.Value of the numbers of a step, with its header where names are given."""
    header = b""
    if names is not None:
        header = packed({"version": 1, "kind": "steps", "names": list(names)})
    return value(tag, np.array(numbers, np.float64), "gtlog", header)


def write(folder, *events, name="events.out.tfevents.1000000000.host.1.0.gtlog"):
    """Writes an event file, after the event that names its version. Returns its path."""
    os.makedirs(str(folder), exist_ok=True)
    path = os.path.join(str(folder), name)
    with open(path, "wb") as file:
        file.write(record(field(1, 1.5) + field(3, "brain.Event:2")) + b"".join(events))
    return path


def append(path, data):
    """Appends bytes to a file."""
    with open(path, "ab") as file:
        file.write(data)


def png(pixels, kind=None, interlaced=0, depth=8, filters=(0,), extra=()):
    """A PNG of uint8 pixels `[height, width, channels]`, its rows filtered in turn.

    Args:
      pixels: The array.
      kind: Number of the kind of colour; None follows from the channels.
      interlaced: As in the header.
      depth: As in the header.
      filters: Numbers of filters.
      extra: Pairs of name and content of chunks before the pixels.
    """
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if kind is None else kind
    rows = pixels.reshape(height, width * channels)
    above, filtered = bytes(width * channels), b""
    for place, row in enumerate(rows):
        one = filters[place % len(filters)]
        filtered += bytes([one]) + _filtered(one, row.tobytes(), above, channels)
        above = row.tobytes()
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def _filtered(kind, row, above, channels):
    left = bytes(channels) + row
    corner = bytes(channels) + above
    guesses = {
        0: lambda a, b, c: 0,
        1: lambda a, b, c: a,
        2: lambda a, b, c: b,
        3: lambda a, b, c: (a + b) // 2,
        4: lambda a, b, c: min((a, b, c), key=lambda one: abs(a + b - c - one)),
    }
    guess = guesses.get(kind, guesses[0])
    return bytes((x - guess(a, b, c)) & 0xFF for x, a, b, c in zip(row, left, above, corner))
