"""The values of the event files beneath a log directory, once or as they come."""

import dataclasses
import json
import os
import zlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from gtlog import tags
from gtlog.reading import protos
from gtlog.reading.pictures import png_pixels
from gtlog.reading.records import RecordFile

_TAGS = 12  # that a repr lists
_MOST_HEADER_BYTES = 1 << 26


@dataclasses.dataclass(frozen=True, eq=False)
class LoggedValue:
    """One value of an event file.

    Attributes:
      step: Number of the step, int.
      tag: Name of the chart.
      kind: `"scalar"`, `"histogram"`, `"image"`, or the name of another TensorBoard plugin.
      value: A scalar's float; a histogram's `[k, 3]` float64 rows of left edge, right edge, count;
        an image's uint8 pixels `[height, width, channels]`; else the tensor as a numpy array.
      description: Markdown that the event carries.
      header: What the rows and columns of a table are. Only the first event of a tag in a file
        carries it; None in all others.
    """

    step: int
    tag: str
    kind: str
    value: Any
    description: str = ""
    header: Any = None


class Events(List[LoggedValue]):
    """The values of a log directory in the order in which they were written."""

    def __repr__(self) -> str:
        kinds = {one.tag: one.kind for one in self}
        steps: Dict[str, List[int]] = {}
        for one in self:
            steps.setdefault(one.tag, []).append(one.step)
        span = _span([one.step for one in self])
        lines = [f"<Events: {len(self)} values of {len(kinds)} tags{span}"]
        for tag in self.tags[:_TAGS]:
            lines.append(f"  {tag} ({kinds[tag]}): {len(steps[tag])}{_span(steps[tag])}")
        if len(kinds) > _TAGS:
            lines.append(f"  and {len(kinds) - _TAGS} more: see .tags")
        return "\n".join(lines) + ">"

    @property
    def tags(self) -> List[str]:
        """All tags, sorted."""
        return sorted({one.tag for one in self})

    def of(self, tag: str) -> Dict[int, Any]:
        """The values of one tag by their steps, in the order written.

        Raises:
          KeyError: nothing was written under the tag.
          ValueError: a step was written twice. TensorBoard would show one of the two.
        """
        values: Dict[int, Any] = {}
        for one in self:
            if one.tag != tag:
                continue
            if one.step in values:
                raise ValueError(f"The tag {tag!r} was written twice at step {one.step}.")
            values[one.step] = one.value
        if not values:
            raise KeyError(f"Nothing was written under {tag!r}. There is: {', '.join(self.tags)}")
        return values


def read_events(logdir) -> Events:
    """Reads all event files beneath a log directory, with numpy alone.

    Args:
      logdir: Directory, `str` or `os.PathLike`, on this machine. Flush or close the writer before.

    Returns:
      `Events`; empty where there is no event file or no value in one.

    Raises:
      ValueError: an event file is damaged, or a value in it cannot be read; `EventReader` passes
        over both. A record that is cut off at its end is passed over here too. Or `logdir` is not
        on this machine.
      OSError: an event file cannot be opened.
    """
    reader = EventReader(logdir)
    events = reader.poll()
    if reader.problems:
        raise ValueError(reader.problems[0])
    return events


class PlacedEvent(NamedTuple):
    """An event, and where it stands.

    Attributes:
      path: The event file.
      offset: Where the record of the event begins, in bytes.
      event: `gtlog.reading.protos.Event`.
    """

    path: str
    offset: int
    event: protos.Event


class EventReader:
    """Follows the event files of a log directory while they are written.

    Args:
      logdir: Directory, `str` or `os.PathLike`, on this machine. It may come later, or vanish.

    Raises:
      ValueError: `logdir` is not on this machine.

    >>> EventReader("logs-to-come").poll()
    <Events: 0 values of 0 tags>
    """

    def __init__(self, logdir):
        self._events = EventFiles(logdir)
        self._problems: List[str] = []

    @property
    def problems(self) -> List[str]:
        """What could not be read so far, a sentence each."""
        return self._events.problems + self._problems

    def poll(self) -> Events:
        """The values that have come since the last call.

        A record that is half written comes with a later call. A file that has become
        shorter is read from its beginning again.
        """
        values = Events()
        for path, _, event in self._events.new():
            for value in event.values:
                try:
                    values.append(decoded(event.step, value))
                except ValueError as error:
                    self._problems.append(
                        f"{path!r}: {value.tag!r} of step {event.step} cannot be read: {error}"
                    )
        return values


class EventFiles:
    """The events of the files beneath a directory, each once.

    Args:
      logdir: Directory, `str` or `os.PathLike`, on this machine.
      recursive: Whether files in directories beneath count.
      by_name: Whether the files of a directory are read in the order of their names, as TensorBoard
        does, and not in that of their age.

    Attributes:
      logdir: The directory, `str`.

    Raises:
      ValueError: `logdir` is not on this machine.
    """

    def __init__(self, logdir, recursive: bool = True, by_name: bool = False):
        self.logdir = local_path(logdir)
        self._recursive = recursive
        self._by_name = by_name
        self._files: Dict[str, RecordFile] = {}
        self._unreadable: Dict[str, str] = {}
        self._problems: List[str] = []
        self._metadata: Dict[bytes, protos.Metadata] = {}

    @property
    def problems(self) -> List[str]:
        """What could not be read so far, a sentence each."""
        damages = [str(damage) for one in self._files.values() for damage in one.damages]
        return damages + list(self._unreadable.values()) + self._problems

    def new(self) -> Iterator[PlacedEvent]:
        """Yields the events that have come since the last call."""
        for path, size in self._paths_and_sizes():
            file = self._files.setdefault(path, RecordFile(path))
            if size < file.offset:
                self._problems.append(
                    f"{path!r} has become shorter; it is read from its beginning again."
                )
                file = self._files[path] = RecordFile(path)
            yield from self._new_of(file)

    def _new_of(self, file):
        self._unreadable.pop(file.path, None)
        try:
            for offset, data in file.read_new():
                event = self._parsed(file.path, offset, data)
                if event is not None:
                    yield PlacedEvent(file.path, offset, event)
        except FileNotFoundError:  # it vanished since the look at the directory
            return
        except OSError as error:
            self._unreadable[file.path] = f"{file.path!r} cannot be read: {error.strerror}."

    def _parsed(self, path, offset, data):
        try:
            return protos.parse_event(data, self._metadata)
        except ValueError as error:
            self._problems.append(f"{path!r} has no event at byte {offset}: {error}")
            return None

    def event_at(self, path: str, offset: int) -> protos.Event:
        """The event of the record that begins at a byte of a file.

        Raises:
          OSError: the file cannot be read.
          ValueError: the event is not there any more.
        """
        return protos.parse_event(RecordFile(path).record_at(offset), self._metadata)

    def _paths_and_sizes(self):
        found: List[Tuple[Any, str, int]] = []
        for path in event_files(self.logdir, self._recursive):
            try:
                status = os.stat(path)
            except OSError:  # it vanished
                continue
            age = 0 if self._by_name else status.st_mtime
            found.append(((os.path.dirname(path), age, path), path, status.st_size))
        return [(path, size) for _, path, size in sorted(found)]


def event_files(logdir: str, recursive: bool = True) -> Iterator[str]:
    """Yields the paths of the event files of a directory, and of those beneath."""
    for folder, folders, names in os.walk(logdir):
        if not recursive:
            folders.clear()
        yield from (os.path.join(folder, name) for name in names if ".tfevents." in name)


def local_path(logdir) -> str:
    """The path of a log directory as `str`.

    Raises:
      ValueError: it is on a remote file system.
    """
    path = os.fsdecode(logdir)
    if "://" in path:
        raise ValueError(
            f"Only directories on this machine are read, got {path!r}. Copy its event files to "
            "this machine first."
        )
    return path


def decoded(step: int, value: protos.Value) -> LoggedValue:
    """A value of an event as users see it.

    Raises:
      ValueError: it cannot be read.
    """
    metadata = value.metadata
    kind = kind_of(value)
    header = header_of(metadata.content) if metadata.plugin == tags.PLUGIN else None
    return LoggedValue(
        step, value.tag, kind, _content(kind, value), metadata.description, header
    )


def encoded_picture(value: protos.Value) -> bytes:
    """The file, a PNG as a rule, that a value of the kind `"image"` holds.

    Raises:
      ValueError: it cannot be read.
    """
    if value.kind == "image":
        return protos.parse_image(value.content)
    if value.kind != "tensor":
        raise ValueError(f"It holds {value.kind or 'nothing that is known'}.")
    return _first_picture(protos.parse_tensor(value.content))


def kind_of(value: protos.Value) -> str:
    """`"scalar"`, `"histogram"`, `"image"`, or the name of another plugin."""
    if value.kind in _KINDS_OF_FIELDS:
        return _KINDS_OF_FIELDS[value.kind]
    return _KINDS_OF_PLUGINS.get(value.metadata.plugin, value.metadata.plugin)


def header_of(content: bytes) -> Optional[Any]:
    """The header of a table, in what its event keeps for the plugin; None without one.

    Raises:
      ValueError: it is damaged.
    """
    if not content:
        return None
    try:
        return json.loads(zlib.decompressobj().decompress(content, _MOST_HEADER_BYTES))
    except (zlib.error, ValueError, RecursionError) as error:
        raise ValueError(f"The header is damaged: {error}") from None


def _content(kind, value):
    if value.kind == "simple_value":
        return value.content
    if value.kind == "histo":
        return protos.parse_histogram(value.content)
    if value.kind == "image":
        return png_pixels(protos.parse_image(value.content))
    if value.kind != "tensor":
        raise ValueError(f"It holds {value.kind or 'nothing that is known'}.")
    array = protos.parse_tensor(value.content)
    decode = _DECODED.get(kind)
    return array if decode is None else decode(array)


def _number(array):
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(f"A scalar has shape {list(array.shape)} and type {array.dtype}.")
    return float(array.reshape(-1)[0])


def _pixels(array):
    return png_pixels(_first_picture(array))


def _first_picture(array):
    if array.dtype != object or array.size < 3:
        raise ValueError("An image is no sequence of width, height and a picture.")
    return array.reshape(-1)[2]


def _span(steps):
    """From which step to which, as the end of a sentence."""
    if not steps:
        return ""
    first, last = min(steps), max(steps)
    return f", step {first}" if first == last else f", steps {first} to {last}"


_KINDS_OF_FIELDS = {"simple_value": "scalar", "histo": "histogram", "image": "image"}
_KINDS_OF_PLUGINS = {"scalars": "scalar", "histograms": "histogram", "images": "image"}
_DECODED = {"scalar": _number, "image": _pixels}
