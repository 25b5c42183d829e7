"""Pixels to PNG, with zlib alone. https://www.w3.org/TR/png"""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""What a PNG file begins with."""

_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # kind of colour by the number of channels
_SUB, _UP = 1, 2  # filters


def png(pixels):
    """A picture as a PNG file.

    A row that repeats the one above is stored as its difference from that, any other as the
    differences of its pixels: so enlarged pixels cost little.

    Args:
      pixels: uint8 `[height, width, channels]`: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.

    Returns:
      `bytes`.
    """
    height, width, channels = pixels.shape
    rows = np.ascontiguousarray(pixels).reshape(height, width * channels)
    filtered = np.empty((height, 1 + width * channels), np.uint8)
    filtered[:, 0] = _SUB
    filtered[:, 1:] = rows
    filtered[:, 1 + channels :] -= rows[:, :-channels]
    repeats = 1 + np.flatnonzero((rows[1:] == rows[:-1]).all(axis=1))
    filtered[repeats, 0] = _UP
    filtered[repeats, 1:] = 0
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name, content):
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
