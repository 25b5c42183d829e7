"""One file of many arrays: what the page reads.

Gzip of: `GTL1`, the length of the header as uint32, the header as JSON, and blocks of bytes. In the
header a block is `[begin, length]`, in bytes after the header. All numbers are little endian.
"""

import json
import struct
import zlib

MAGIC = b"GTL1"
_GZIP = 16 + zlib.MAX_WBITS  # with the head and foot of gzip, and no time in them


class Blocks:
    """Collects blocks of bytes."""

    def __init__(self):
        self._parts = []
        self._length = 0

    def add(self, data):
        """Adds a block. Returns its `[begin, length]`."""
        place = [self._length, len(data)]
        self._parts.append(data)
        self._length += len(data)
        return place

    def joined(self):
        """All blocks, `bytes`."""
        return b"".join(self._parts)


def container(header, blocks):
    """The bytes of a file.

    Args:
      header: What JSON can hold; NaN it cannot.
      blocks: `Blocks`.

    Returns:
      `bytes`, compressed; the same for the same content.
    """
    # Without line breaks and non-ASCII characters: surrogates of damaged names are escaped too.
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii")
    text += b" " * (-len(text) % 8)  # blocks of float64 begin where they may
    content = MAGIC + struct.pack("<I", len(text)) + text + blocks.joined()
    compressor = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    return compressor.compress(content) + compressor.flush()
