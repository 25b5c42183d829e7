"""Records: whole, half written, damaged, and of a file that grows."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtlog.reading.records import RecordFile, crc32c, masked_crc32c

from . import written

RECORDS = st.lists(st.binary(max_size=40), min_size=1, max_size=5)
FEW_RECORDS = st.lists(st.binary(max_size=20), min_size=1, max_size=3)


def contents(file):
    """The data of the records that have come."""
    return [data for _, data in file.read_new()]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Path of a file that each example writes anew."""
    return str(tmp_path_factory.mktemp("records") / "file")


def save(path, data):
    """Writes a file."""
    with open(path, "wb") as file:
        file.write(data)


class TestChecksum:
    """CRC-32C."""

    @pytest.mark.parametrize("size", [0, 1, 32, 33, 255, 256, 257, 512, 70000, 65536 + 300])
    def test_against_bit_by_bit(self, size):
        """The checksum by table is that of the definition, across the borders of chunks."""
        data = os.urandom(size)
        assert masked_crc32c(data) == written.checksum(data)

    def test_the_published_value(self):
        """RFC 3720 has the value of 32 bytes of zeros."""
        assert crc32c(bytes(32)) == 0x8A9136AA


class TestGrowth:
    """A file is read from where reading stopped."""

    @settings(max_examples=20)
    @given(FEW_RECORDS)
    def test_truncation_at_every_byte(self, path, records):
        """A file cut off anywhere gives its whole records, and the rest once it is there."""
        whole = b"".join(map(written.record, records))
        ends = [0]
        for one in records:
            ends.append(ends[-1] + len(written.record(one)))
        for size in range(len(whole) + 1):
            save(path, whole[:size])
            file = RecordFile(path)
            there = sum(end <= size for end in ends) - 1
            assert contents(file) == records[:there] and file.damages == []
            assert file.offset == ends[there]
            written.append(path, whole[size:])
            assert contents(file) == records[there:] and file.damages == []

    def test_nothing_twice(self, path):
        """What was read does not come again."""
        save(path, written.record(b"one"))
        file = RecordFile(path)
        assert contents(file) == [b"one"] and contents(file) == []
        written.append(path, written.record(b"two"))
        assert contents(file) == [b"two"]

    def test_zeros_that_are_filled_in_later(self, path):
        """Bytes that arrive out of order are damage only as long as they are missing."""
        data = written.record(b"one") + written.record(b"two")
        save(path, data[:19] + bytes(19))
        file = RecordFile(path)
        assert contents(file) == [b"one"] and file.damages[0].offset == 19
        save(path, data)
        assert contents(file) == [b"two"] and file.damages == []


class TestDamage:
    """Damage is said, and costs as little as can be."""

    @given(RECORDS, st.data())
    def test_one_byte(self, path, records, data):
        """One changed byte costs one record at most, is said, and never changes another record."""
        parts = list(map(written.record, records))
        which = data.draw(st.integers(0, len(parts) - 1))
        place = data.draw(st.integers(0, len(parts[which]) - 1))
        flip = data.draw(st.integers(1, 255))
        damaged = bytearray(parts[which])
        damaged[place] ^= flip
        save(path, b"".join([*parts[:which], bytes(damaged), *parts[which + 1 :]]))
        file = RecordFile(path)
        assert contents(file) == records[:which] + records[which + 1 :]
        begin = sum(map(len, parts[:which]))
        assert [one.offset for one in file.damages] == [begin]
        assert str(file.damages[0]).startswith(f"{path!r} is damaged at byte {begin}: the ")

    @given(RECORDS, st.data())
    def test_anything(self, path, records, data):
        """Whatever happens to the bytes, what is read was written, in its order."""
        whole = bytearray(b"".join(map(written.record, records)))
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(whole)))
            end = min(start + data.draw(st.integers(0, 30)), len(whole))
            whole[start:end] = data.draw(st.binary(max_size=30))
        save(path, bytes(whole))
        rest = iter(records)
        assert all(one in rest for one in contents(RecordFile(path)))

    @given(st.binary(max_size=200))
    def test_no_records_at_all(self, path, content):
        """Of a file of another kind there is no record."""
        save(path, content)
        assert contents(RecordFile(path)) == []

    def test_a_record_that_was_begun_and_left(self, path):
        """Where another went on after half a record, its records are found."""
        save(path, written.record(b"long" * 20)[:30] + written.record(b"x") + written.record(b"y"))
        file = RecordFile(path)
        assert contents(file) == []  # for all that is known it is still being written
        written.append(path, b"".join(map(written.record, [b"z" * 20, b"z", b"zz"])))
        assert contents(file) == [b"x", b"y", b"z" * 20, b"z", b"zz"]
        assert len(file.damages) == 1

    def test_a_record_after_damage_that_grows(self, path):
        """After a damaged length, a record that is not whole yet is found once it is."""
        first, second = written.record(b"first"), written.record(b"second")
        save(path, b"\xff" + first[1:] + second[:15])
        file = RecordFile(path)
        assert contents(file) == []
        assert "No record follows" in str(file.damages[0])
        written.append(path, second[15:])
        assert contents(file) == [b"second"]
        assert [one.reason for one in file.damages] == [
            f"the length of the record does not fit its checksum. {len(first)} bytes are left out."
        ]


class TestRecordAt:
    """A record is found again by its place."""

    def test_by_its_place(self, path):
        """The data of a record, by the byte at which it begins."""
        save(path, written.record(b"one") + written.record(b"two"))
        places = dict(RecordFile(path).read_new())
        assert {place: RecordFile(path).record_at(place) for place in places} == places

    @pytest.mark.parametrize("place", [1, 19, 100])
    def test_where_none_is(self, path, place):
        """Elsewhere there is a ValueError that names file and byte."""
        save(path, written.record(b"one"))
        with pytest.raises(ValueError, match=f"has no record at byte {place} any more"):
            RecordFile(path).record_at(place)
