"""Values of event files: once, and as they come."""

import os
import shutil
import struct

import numpy as np
import pytest

from gtlog.reading.events import EventReader, Events, LoggedValue, read_events

from . import written
from .written import event, field, histogram, picture, png, scalar, varint, vitals

PNG = png(np.array([[[200]]], np.uint8))
LATER = "events.out.tfevents.1000000001.host.1.1.gtlog"


def seen(events):
    """Steps, tags and values of scalars."""
    return [(one.step, one.tag, one.value) for one in events]


class TestValues:
    """What users see of a value."""

    def read(self, tmp_path, value):
        """The one value of a file."""
        written.write(tmp_path, event(7, value))
        (one,) = read_events(tmp_path)
        return one

    def test_every_kind(self, tmp_path):
        """Scalars, histograms, pictures and tables come with their kinds and types."""
        one = self.read(tmp_path, scalar("s", 0.5))
        assert (one.step, one.tag, one.kind, one.value) == (7, "s", "scalar", 0.5)
        assert type(one.value) is float
        one = self.read(tmp_path, histogram("h", [[0, 1, 2]]))
        assert one.kind == "histogram" and one.value.tolist() == [[0, 1, 2]]
        one = self.read(tmp_path, picture("p", PNG))
        assert one.kind == "image" and one.value.tolist() == [[[200]]]
        one = self.read(tmp_path, vitals([[1.0]], ["a/b"]))
        assert one.kind == "gtlog" and one.header["columns"] == ["value_rms"]

    def test_summaries_of_tensorflow_1(self, tmp_path):
        """Numbers, histograms and pictures that older tools write are read as well."""
        number = field(1, "s") + varint(2 << 3 | 5) + struct.pack("<f", 0.25)
        one = self.read(tmp_path, number)
        assert (one.kind, one.value) == ("scalar", 0.25)
        edges = b"".join(struct.pack("<d", edge) for edge in (-1, 0, 1, 2, 3))
        counts = b"".join(struct.pack("<d", count) for count in (0, 2, 0, 5, 0))
        histo = field(1, -0.5) + field(2, 1.5) + field(6, edges) + field(7, counts)
        one = self.read(tmp_path, field(1, "h") + field(5, histo))
        assert one.kind == "histogram"
        assert one.value.tolist() == [[-0.5, 0, 2], [0, 1, 0], [1, 1.5, 5]]
        one = self.read(tmp_path, field(1, "i") + field(4, field(1, 1) + field(4, PNG)))
        assert one.kind == "image" and one.value.tolist() == [[[200]]]

    @pytest.mark.parametrize(
        "value, reason",
        [
            (field(1, "t") + field(6, b"sound"), "It holds audio."),
            (field(1, "t"), "It holds nothing that is known."),
            (picture("t", b"JPEG"), "This is no PNG."),
            (written.value("t", np.float32([1, 2]), "scalars"), "A scalar has shape .2. and type"),
            (written.value("t", np.float32([1, 2]), "images"), "An image is no sequence"),
            (written.value("t", np.float32(1), "gtlog", b"x"), "The header is damaged"),
        ],
    )
    def test_what_cannot_be_read(self, value, reason, tmp_path):
        """`read_events` raises, and says which value; a follower says so and reads the rest."""
        written.write(tmp_path, event(7, value, scalar("s", 1)))
        with pytest.raises(ValueError, match=f"'t' of step 7 cannot be read: {reason}"):
            read_events(tmp_path)
        reader = EventReader(tmp_path)
        assert seen(reader.poll()) == [(7, "s", 1.0)]
        assert len(reader.problems) == 1 and "'t' of step 7" in reader.problems[0]

    def test_a_record_that_is_no_event(self, tmp_path):
        """A record of another kind is said, and the rest read."""
        path = written.write(tmp_path, written.record(b"\x0a\x05abc"), event(0, scalar("s", 1)))
        reader = EventReader(tmp_path)
        assert seen(reader.poll()) == [(0, "s", 1.0)]
        assert reader.problems == [
            f"{path!r} has no event at byte 40: A field is longer than its message."
        ]

    def test_remote_directories(self):
        """Of a remote path the error says what is read."""
        for read in (read_events, EventReader):
            with pytest.raises(ValueError, match="Only directories on this machine are read, got"):
                read("gs://bucket/logs")


class TestFollowing:
    """`EventReader.poll` gives what has come since."""

    def test_nothing_twice(self, tmp_path):
        """Each value comes once, as soon as its record is whole."""
        reader = EventReader(tmp_path / "logs")
        assert reader.poll() == []
        path = written.write(tmp_path / "logs", event(0, scalar("s", 1)))
        assert seen(reader.poll()) == [(0, "s", 1.0)] and reader.poll() == []
        more = event(1, scalar("s", 2)) + event(2, scalar("s", 3))
        written.append(path, more[:-7])
        assert seen(reader.poll()) == [(1, "s", 2.0)]
        written.append(path, more[-7:])
        assert seen(reader.poll()) == [(2, "s", 3.0)]
        assert reader.problems == []

    def test_new_files(self, tmp_path):
        """Files and directories that come later are read as well."""
        reader = EventReader(tmp_path)
        path = written.write(tmp_path, event(0, scalar("s", 1)))
        reader.poll()
        written.write(tmp_path, event(5, scalar("s", 2)), name=LATER)
        written.write(tmp_path / "validation", event(6, scalar("v", 3)))
        written.append(path, event(7, scalar("s", 4)))
        assert sorted(seen(reader.poll())) == [(5, "s", 2.0), (6, "v", 3.0), (7, "s", 4.0)]

    def test_what_vanishes(self, tmp_path):
        """Files and directories that vanish are no error, nor are those that come back."""
        reader = EventReader(tmp_path / "logs")
        path = written.write(tmp_path / "logs", event(0, scalar("s", 1)))
        reader.poll()
        os.remove(path)
        assert reader.poll() == []
        shutil.rmtree(str(tmp_path / "logs"))
        assert reader.poll() == []
        written.write(tmp_path / "logs", event(0, scalar("s", 1)), event(1, scalar("s", 2)))
        assert seen(reader.poll()) == [(1, "s", 2.0)]
        assert reader.problems == []

    def test_a_file_that_becomes_shorter(self, tmp_path):
        """It is another file by the same name: it is read from its beginning, and that is said."""
        reader = EventReader(tmp_path)
        path = written.write(tmp_path, event(0, scalar("s", 1)), event(1, scalar("s", 2)))
        reader.poll()
        written.write(tmp_path, event(0, scalar("s", 9)))
        assert seen(reader.poll()) == [(0, "s", 9.0)]
        assert reader.problems == [
            f"{path!r} has become shorter; it is read from its beginning again."
        ]

    def test_damage(self, tmp_path):
        """A damaged record is said once; the values around it are read."""
        path = written.write(tmp_path, event(0, scalar("s", 1)))
        broken = bytearray(event(1, scalar("s", 2)))
        broken[20] ^= 1
        written.append(path, bytes(broken) + event(2, scalar("s", 3)))
        reader = EventReader(tmp_path)
        assert seen(reader.poll()) == [(0, "s", 1.0), (2, "s", 3.0)]
        reader.poll()
        assert len(reader.problems) == 1 and "is damaged at byte" in reader.problems[0]

    def test_a_file_that_cannot_be_opened(self, tmp_path, monkeypatch):
        """It is said as long as it lasts."""
        path = written.write(tmp_path, event(0, scalar("s", 1)))
        reader = EventReader(tmp_path)

        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as patch:
            patch.setattr("builtins.open", refuse)
            assert reader.poll() == []
            assert reader.problems == [f"{path!r} cannot be read: Permission denied."]
            with pytest.raises(ValueError, match="Permission denied"):
                read_events(tmp_path)
        assert seen(reader.poll()) == [(0, "s", 1.0)] and reader.problems == []


class TestEvents:
    """The list of values."""

    def test_repr(self):
        """In a notebook a few lines say how many values, which tags and steps there are."""
        events = Events(LoggedValue(k // 20, f"t{k % 20:02}", "scalar", 0.0) for k in range(60))
        lines = repr(events).splitlines()
        assert lines[0] == "<Events: 60 values of 20 tags, steps 0 to 2"
        assert lines[1] == "  t00 (scalar): 3, steps 0 to 2"
        assert lines[-1] == "  and 8 more: see .tags>" and len(lines) == 14
        assert repr(Events()) == "<Events: 0 values of 0 tags>"
