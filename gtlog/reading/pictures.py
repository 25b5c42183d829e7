"""Pictures in PNG to pixels, with zlib and numpy.

https://www.w3.org/TR/png. Pictures of 8 bits a sample are read, without interlacing: what
`tf.io.encode_png` and the usual libraries write.
"""

import struct
import zlib
from typing import Dict

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the kind of colour
_PALETTE_KIND = 3
_MOST_BYTES = 1 << 30


def png_pixels(data: bytes) -> np.ndarray:
    """The pixels of a picture.

    Args:
      data: What a PNG file holds.

    Returns:
      uint8 array `[height, width, channels]`: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. Of a palette
      the colours: RGB, or RGBA where it has transparent ones.

    Raises:
      ValueError: this is no PNG, it is damaged, or of a kind that is not read here; the message
        says which.
    """
    chunks = _chunks(data)
    if len(chunks.get(b"IHDR", b"")) != 13:
        raise ValueError("The picture has no header: it is damaged.")
    width, height, depth, kind, _, _, interlacing = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if interlacing:
        raise ValueError("The picture is interlaced, which is not read here.")
    if depth != 8:
        raise ValueError(f"The picture has {depth} bits a sample; only 8 are read here.")
    if kind not in _CHANNELS or not width or not height:
        raise ValueError("The header of the picture is damaged.")
    rows = _inflated(chunks.get(b"IDAT", b""), height, width * _CHANNELS[kind])
    pixels = _unfiltered(rows, _CHANNELS[kind]).reshape(height, width, _CHANNELS[kind])
    return _coloured(pixels, chunks) if kind == _PALETTE_KIND else pixels


def _chunks(data):
    """The contents of the chunks by their names, those of one name joined."""
    if data[:8] != _SIGNATURE:
        raise ValueError("This is no PNG.")
    chunks: Dict[bytes, bytes] = {}
    place = 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        name, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        end = place + 12 + length
        if end > len(data):
            raise ValueError("The picture is cut off.")
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(name + content) != checksum:
            raise ValueError(f"The chunk {name!r} of the picture does not fit its checksum.")
        if name == b"IEND":
            return chunks
        chunks[name] = chunks.get(name, b"") + content
        place = end
    raise ValueError("The picture is cut off.")


def _inflated(compressed, height, row_bytes):
    """`[height, 1 + row_bytes]`: the filter of each row, and its bytes."""
    size = height * (row_bytes + 1)
    if size > _MOST_BYTES:
        raise ValueError(f"The picture has {size} bytes, more than are read here.")
    try:
        inflated = zlib.decompressobj().decompress(compressed, size)
    except zlib.error as error:
        raise ValueError(f"The pixels of the picture are damaged: {error}") from None
    if len(inflated) != size:
        raise ValueError("The picture has fewer pixels than its header says.")
    return np.frombuffer(inflated, np.uint8).reshape(height, row_bytes + 1)


def _unfiltered(rows, channels):
    """`[height, row_bytes]`: the pixels that the filters were applied to."""
    pixels = np.zeros((rows.shape[0] + 1, rows.shape[1] - 1), np.uint8)  # above the first: zeros
    for place, row in enumerate(rows):
        undo = _FILTERS.get(row[0])
        if undo is None:
            raise ValueError(f"A row of the picture has the filter {row[0]}.")
        undo(pixels[place + 1], row[1:], pixels[place], channels)
    return pixels[1:]


def _nothing(pixels, row, above, channels):
    pixels[:] = row


def _sub(pixels, row, above, channels):
    np.cumsum(row.reshape(-1, channels), axis=0, dtype=np.uint8, out=pixels.reshape(-1, channels))


def _up(pixels, row, above, channels):
    np.add(row, above, out=pixels)


def _average(pixels, row, above, channels):
    left = [0] * channels
    for place, (byte, up) in enumerate(zip(row.tolist(), above.tolist())):
        left.append((byte + ((left[place] + up) >> 1)) & 0xFF)
    pixels[:] = left[channels:]


def _paeth(pixels, row, above, channels):
    left, above = [0] * channels, [0] * channels + above.tolist()
    for place, byte in enumerate(row.tolist()):
        a, b, c = left[place], above[place + channels], above[place]
        to_a, to_b, to_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
        nearest = a if to_a <= to_b and to_a <= to_c else b if to_b <= to_c else c
        left.append((byte + nearest) & 0xFF)
    pixels[:] = left[channels:]


_FILTERS = {0: _nothing, 1: _sub, 2: _up, 3: _average, 4: _paeth}


def _coloured(pixels, chunks):
    palette = chunks.get(b"PLTE", b"")
    if not palette or len(palette) % 3:
        raise ValueError("The picture has no palette: it is damaged.")
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 3)
    if pixels.max() >= len(colours):
        raise ValueError("The picture has a colour that is not in its palette.")
    if b"tRNS" in chunks:
        alpha = np.full((len(colours), 1), 255, np.uint8)
        given = np.frombuffer(chunks[b"tRNS"], np.uint8)[: len(colours)]
        alpha[: len(given), 0] = given
        colours = np.concatenate([colours, alpha], axis=1)
    return colours[pixels[..., 0]]
