"""For tests of code that logs: reads event files back, and counts traces."""

import dataclasses
import json
import os
import zlib
from typing import Any, Dict, List

import numpy as np
import tensorflow as tf

from gtlog import _compat
from gtlog.writing.tensorboard.event_file import events_in


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
      header: Of a table, what its rows and columns are, where the event carries it: the first one
        of its tag in a file does. None elsewhere.
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
        steps = {tag: [one.step for one in self if one.tag == tag] for tag in self.tags[:_TAGS]}
        span = _span([one.step for one in self])
        lines = [f"<Events: {len(self)} values of {len(kinds)} tags{span}"]
        for tag, of_tag in steps.items():
            lines.append(f"  {tag} ({kinds[tag]}): {len(of_tag)}{_span(of_tag)}")
        if len(kinds) > len(steps):
            lines.append(f"  and {len(kinds) - len(steps)} more: see .tags")
        return "\n".join(lines) + ">"

    @property
    def tags(self) -> List[str]:
        """All tags, sorted."""
        return sorted({one.tag for one in self})

    def of(self, tag: str) -> Dict[int, Any]:
        """The values of one tag by their steps, in the order written.

        Raises:
          KeyError: nothing was written under the tag.
          ValueError: a step was written twice, of which TensorBoard would show one.
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
    """Reads all event files beneath a log directory, with TensorFlow alone.

    Args:
      logdir: Directory, `str` or `os.PathLike`. Flush or close the writer before.

    Returns:
      `Events`; empty where there is no event file or no value in one.

    Raises:
      ValueError: an event file is damaged. A record that is cut off at its end is passed over.

    >>> import tempfile
    >>> logdir = tempfile.mkdtemp()
    >>> with tf.summary.create_file_writer(logdir).as_default():
    ...     _ = tf.summary.write("answer", 42.0, step=7)
    >>> [(one.step, one.tag) for one in read_events(logdir)]
    [(7, 'answer')]
    """
    events = Events()
    for path in _event_files(os.fspath(logdir)):
        for event in events_in(path):
            events.extend(_logged_value(event.step, value) for value in event.summary.value)
    return events


def assert_traced_at_most(function, n) -> None:
    """Asserts that a `tf.function` was traced at most `n` times.

    Args:
      function: What `tf.function` returned, decorated by gtlog or not.
      n: Non-negative int.

    Raises:
      AssertionError: it was traced more often.
      TypeError: `function` is no `tf.function`.
    """
    if not _compat.is_tf_function(function):
        raise TypeError(
            f"function must be what tf.function returns, got {function!r} "
            f"({type(function).__name__})."
        )
    count = _compat.tracing_count(function)
    if count > n:
        name = getattr(function.python_function, "__name__", None) or repr(function)
        raise AssertionError(
            f"{name} was traced {count} times, at most {n} were "
            "allowed. The usual cause is an argument that is a Python number, such as the step: "
            "each new value makes a trace. Pass a tensor or a tf.Variable instead."
        )


def _span(steps):
    """From which step to which, as the end of a sentence."""
    if not steps:
        return ""
    first, last = min(steps), max(steps)
    return f", step {first}" if first == last else f", steps {first} to {last}"


def _event_files(logdir):
    paths = (
        os.path.join(folder, name)
        for folder, _, names in os.walk(logdir)
        for name in names
        if ".tfevents." in name
    )
    return sorted(paths, key=lambda path: (os.path.dirname(path), os.path.getmtime(path), path))


def _logged_value(step, value):
    plugin = value.metadata.plugin_data.plugin_name
    kind, decode = _KINDS.get(plugin, (plugin, np.asarray))
    return LoggedValue(
        step=step,
        tag=value.tag,
        kind=kind,
        value=decode(tf.make_ndarray(value.tensor)),
        description=value.metadata.summary_description,
        header=_unpacked(value.metadata.plugin_data.content) if plugin == "gtlog" else None,
    )


def _unpacked(content):
    return json.loads(zlib.decompress(content)) if content else None


def _pixels(image):
    return tf.io.decode_png(image[2]).numpy()


_TAGS = 12  # that a repr lists
_KINDS = {
    "scalars": ("scalar", float),
    "histograms": ("histogram", np.asarray),
    "images": ("image", _pixels),
}
