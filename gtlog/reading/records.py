"""The records of an event file, also of one that is being written or is damaged.

A record is the length of its data (8 bytes), the checksum of the length, the data, and their
checksum, https://www.tensorflow.org/tutorials/load_data/tfrecord. The checksum of the length is
always compared, because a wrong length loses all that follows. That of the data is compared too: it
takes about as long as parsing the data does, and without it a flipped bit would be a wrong number.
"""

import functools
import os
import struct
from typing import Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

_HEADER, _FOOTER = struct.Struct("<QI"), struct.Struct("<I")
_AROUND = _HEADER.size + _FOOTER.size
_POLYNOMIAL = 0x82F63B78
# Bytes whose checksum one lookup in a table gives; the table has 256 KiB.
_CHUNK = 256
_FEW = 32
# Bytes that are looked up together, a multiple of the chunk.
_LOOKED_UP = 256 * _CHUNK
# Bytes of a damaged file that are searched for the next record at a time.
_SEARCHED = 1 << 20


class Damage(NamedTuple):
    """A part of a file that could not be read.

    Attributes:
      path: The file.
      offset: Where the part begins, in bytes.
      reason: What is wrong with it, the rest of a sentence that begins with its place.
    """

    path: str
    offset: int
    reason: str

    def __str__(self):
        return f"{self.path!r} is damaged at byte {self.offset}: {self.reason}"


class RecordFile:
    """Reads a file of records from where it stopped before.

    Args:
      path: Path of a file, `str`.

    Attributes:
      path: As given.
      offset: Where the next record begins, in bytes. What is there may be half written yet.
    """

    def __init__(self, path: str):
        self.path = path
        self.offset = 0
        self._found: List[Damage] = []
        self._pending: Optional[Damage] = None
        self._searched = 0  # no record begins between `offset` and here

    @property
    def damages(self) -> List[Damage]:
        """What could not be read so far, `Damage`s in the order of the file."""
        return self._found + ([self._pending] if self._pending else [])

    def read_new(self) -> Iterator[Tuple[int, bytes]]:
        """Yields the records that have come since: offset and data.

        A record that is half written is left for the next time. A damaged one is left out,
        and what follows is searched for the next record whose checksums fit.

        Raises:
          OSError: the file cannot be read.
        """
        with open(self.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            while size - self.offset >= _AROUND:
                offset = self.offset
                length = _length_at(file, offset)
                if length is None:
                    if not self._leave_damaged_length(file, size):
                        return
                    continue
                if length > size - offset - _AROUND:
                    return
                data = file.read(length)
                footer = file.read(_FOOTER.size)
                if len(footer) < _FOOTER.size:  # the file has become shorter
                    return
                if footer == _FOOTER.pack(masked_crc32c(data)):
                    self._move_to(offset + _AROUND + length)
                    yield offset, data
                else:
                    self._leave_damaged_data(file, length, size)

    def record_at(self, offset: int) -> bytes:
        """The data of the record that begins at a byte.

        Raises:
          OSError: the file cannot be read.
          ValueError: no whole record is there.
        """
        with open(self.path, "rb") as file:
            data = _record_at(file, offset, os.fstat(file.fileno()).st_size)
        if data is None:
            raise ValueError(f"{self.path!r} has no record at byte {offset} any more.")
        return data

    def _move_to(self, offset):
        self.offset = self._searched = offset
        self._pending = None

    def _leave_damaged_length(self, file, size):
        """Whether a record was found after a damaged length; `offset` is there then."""
        reason = "the length of the record does not fit its checksum."
        found, self._searched = _next_record(
            file, max(self._searched, self.offset + 1), size - _AROUND, size
        )
        if found is None:
            # Not given up: on some file systems the bytes of a growing file arrive out of order.
            self._pending = Damage(self.path, self.offset, f"{reason} No record follows.")
            return False
        self._leave(f"{reason} {found - self.offset} bytes are left out.", found)
        return True

    def _leave_damaged_data(self, file, length, size):
        """Goes to the end of a damaged record, or to a whole record inside of it.

        Where a process was killed in the middle of a record, another may have gone on in the file.
        """
        end = self.offset + _AROUND + length
        found, _ = _next_record(file, self.offset + 1, end - _AROUND, size)
        reason = f"the {length} bytes of the record do not fit their checksum. It is left out."
        self._leave(reason, end if found is None else found)

    def _leave(self, reason, offset):
        self._found.append(Damage(self.path, self.offset, reason))
        self._move_to(offset)


def _length_at(file, offset):
    """The length of the record at a byte, or None if it does not fit its checksum."""
    file.seek(offset)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    return length if checksum == masked_crc32c(header[:8]) else None


def _record_at(file, offset, size):
    """The data of the record at a byte, or None if no whole record stands there."""
    length = _length_at(file, offset)
    if length is None or length > size - offset - _AROUND:
        return None
    data, footer = file.read(length), file.read(_FOOTER.size)
    return data if footer == _FOOTER.pack(masked_crc32c(data)) else None


def _next_record(file, start, last, size):
    """Searches for a whole record that begins between two bytes, the last one included.

    Returns:
      Where it begins, None without one; and up to where no record begins that is or may become
      whole.
    """
    begun = None
    while start <= last:
        file.seek(start)
        block = file.read(min(_SEARCHED, last - start + 1) + _HEADER.size - 1)
        for place in _headers_in(block):
            if _record_at(file, start + place, size) is not None:
                return start + place, start + place
            length = _length_at(file, start + place)
            if begun is None and length is not None and length > size - start - place - _AROUND:
                begun = start + place
        start += max(len(block) - _HEADER.size + 1, 1)
    return None, start if begun is None else begun


def _headers_in(block):
    """Places where eight bytes stand before their checksum, and so a record may begin."""
    count = len(block) - _HEADER.size + 1
    if count < 1:
        return []
    stored = np.frombuffer(block, np.uint8)
    crc = np.full(count, crc32c(bytes(8)), np.uint32)
    checksum = np.zeros(count, np.uint32)
    table = _chunk_table()
    for place in range(8):
        crc ^= table[_CHUNK - 8 + place][stored[place : place + count]]
    for place in range(4):
        checksum |= stored[8 + place : 8 + place + count].astype(np.uint32) << np.uint32(8 * place)
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return np.flatnonzero(rotated + np.uint32(0xA282EAD8) == checksum).tolist()


def masked_crc32c(data: bytes) -> int:
    """The checksum of record files: CRC-32C, rotated and moved by a constant.

    >>> hex(masked_crc32c(b"123456789"))
    '0xc78ab0e5'
    """
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of some bytes.

    The checksum is linear: that of a chunk is the XOR of what each of its bytes gives at its place,
    which a table has. So numpy looks all bytes up together, and Python joins the chunks.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    if len(data) <= _FEW:
        return _crc32c_of_few(data)
    array = np.frombuffer(bytearray(data), np.uint8)
    array[:4] ^= 0xFF  # the register begins with all bits set
    first = len(data) % _CHUNK
    crc = int(_crcs_of_chunks(array[:first].reshape(1, first))[0])
    shifts = _shifts()
    for start in range(first, len(data), _LOOKED_UP):
        part = array[start : start + _LOOKED_UP].reshape(-1, _CHUNK)
        for chunk in _crcs_of_chunks(part).tolist():
            crc = (
                shifts[0][crc & 0xFF]
                ^ shifts[1][(crc >> 8) & 0xFF]
                ^ shifts[2][(crc >> 16) & 0xFF]
                ^ shifts[3][crc >> 24]
                ^ chunk
            )
    return crc ^ 0xFFFFFFFF


def _crc32c_of_few(data):
    table = _byte_table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crcs_of_chunks(chunks):
    """The register after each of some chunks of one length, where it is zero before."""
    length = chunks.shape[1]
    places = np.arange((_CHUNK - length) * 256, _CHUNK * 256, 256, dtype=np.intp)
    looked_up = _chunk_table().reshape(-1).take(chunks + places)
    return np.bitwise_xor.reduce(looked_up, axis=1)


@functools.lru_cache(maxsize=None)
def _byte_table():
    """The register after one byte, by the byte."""
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL * (crc & 1))
        table.append(crc)
    return tuple(table)


@functools.lru_cache(maxsize=None)
def _chunk_table():
    """`[_CHUNK, 256]`: what a byte at a place gives to the register at the end of a chunk."""
    of_byte = np.array(_byte_table(), np.uint32)
    table = np.empty((_CHUNK, 256), np.uint32)
    table[-1] = of_byte
    for place in range(_CHUNK - 2, -1, -1):
        after = table[place + 1]
        table[place] = of_byte[after & np.uint32(0xFF)] ^ (after >> np.uint32(8))
    return table


@functools.lru_cache(maxsize=None)
def _shifts():
    """What each byte of the register gives to the register one chunk later."""
    return tuple(tuple(row.tolist()) for row in _chunk_table()[:4])
