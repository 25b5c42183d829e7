"""Values that a summary yields, and that the writer can put into an event."""

import dataclasses
from typing import Any, Mapping, Tuple

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Scalar:
    """One number at one step.

    Attributes:
      tag: Name of the chart in TensorBoard, such as `loss`.
      value: The number. NaN and infinities are allowed; TensorBoard marks them.
      description: Markdown shown beside the chart. TensorBoard keeps the first one of each tag.

    Raises:
      TypeError: `tag` is no string, or `value` is no real number.
      ValueError: `tag` is empty.

    >>> Scalar("learning_rate", 0.001).value
    0.001
    """

    tag: str
    value: float
    description: str = ""

    def __post_init__(self):
        _check_tag(self)
        if np.ndim(self.value) != 0 or np.asarray(self.value).dtype.kind not in "fiub":
            raise TypeError(
                f"Scalar(tag={self.tag!r}): value must be one real number, "
                f"got {_seen(self.value)}."
            )
        object.__setattr__(self, "value", float(self.value))


@dataclasses.dataclass(frozen=True, eq=False)
class Histogram:
    """The distribution of many numbers at one step.

    Attributes:
      tag: Name of the chart in TensorBoard.
      buckets: `[k, 3]` float64 rows of left edge, right edge and count, in rising order. All but
        the last bucket are open on the right. `gtlog.summaries.histogram_of` makes one from an
        array.
      description: Markdown shown beside the chart. TensorBoard keeps the first one of each tag.

    Raises:
      TypeError: `tag` is no string.
      ValueError: `tag` is empty, or `buckets` has another shape than `[k, 3]`.
    """

    tag: str
    buckets: np.ndarray
    description: str = ""

    def __post_init__(self):
        _check_tag(self)
        buckets = np.asarray(self.buckets, dtype=np.float64)
        if buckets.ndim != 2 or buckets.shape[1] != 3:
            raise ValueError(
                f"Histogram(tag={self.tag!r}): buckets must have shape [k, 3] "
                f"(left edge, right edge, count), got {list(buckets.shape)}. "
                "gtlog.summaries.histogram_of(tag, array) makes them from an array."
            )
        object.__setattr__(self, "buckets", buckets)


@dataclasses.dataclass(frozen=True, eq=False)
class Image:
    """One picture at one step.

    Attributes:
      tag: Name of the picture in TensorBoard.
      pixels: uint8 array `[height, width, channels]` with 1 (grey), 3 (RGB) or 4 (RGBA) channels,
        0 is dark and 255 is bright.
      description: Markdown shown beside the picture. TensorBoard keeps the first one of each tag.

    Raises:
      TypeError: `tag` is no string, or `pixels` is not uint8.
      ValueError: `tag` is empty, or `pixels` has another shape or no pixel.
    """

    tag: str
    pixels: np.ndarray
    description: str = ""

    def __post_init__(self):
        _check_tag(self)
        pixels = np.asarray(self.pixels)
        if pixels.dtype != np.uint8:
            raise TypeError(
                f"Image(tag={self.tag!r}): pixels must be uint8 from 0 to 255, "
                f"got {pixels.dtype}. Scale and clip them before."
            )
        if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or pixels.size == 0:
            raise ValueError(
                f"Image(tag={self.tag!r}): pixels must have shape [height, width, channels] "
                f"with 1, 3 or 4 channels and at least one pixel, got {list(pixels.shape)}."
            )
        object.__setattr__(self, "pixels", pixels)


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Numbers in rows and columns at one step, for readers of gtlog's own.

    TensorBoard has no chart of it. The header says what the numbers are; the event file holds it
    once for each tag.

    Attributes:
      tag: Name of the series. All tables of one tag have the same header.
      array: Numeric array.
      header: Dict that `json` can write: what rows and columns are.
      description: Markdown on the series.

    Raises:
      TypeError: `tag` is no string, `array` has no numbers, or `header` is no dict.
      ValueError: `tag` is empty.
    """

    tag: str
    array: np.ndarray
    header: Mapping[str, Any]
    description: str = ""

    def __post_init__(self):
        _check_tag(self)
        array = np.asarray(self.array)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"Table(tag={self.tag!r}): array must hold numbers, got {array.dtype}.")
        if not isinstance(self.header, dict):
            raise TypeError(
                f"Table(tag={self.tag!r}): header must be a dict, got {_seen(self.header)}."
            )
        object.__setattr__(self, "array", array)


@dataclasses.dataclass(frozen=True, eq=False)
class Strings:
    """Texts at one step, for readers of gtlog's own.

    TensorBoard has no chart of them.

    Attributes:
      tag: Name of the series.
      texts: Tuple of `str`.
      description: Markdown on the series.

    Raises:
      TypeError: `tag` is no string, or `texts` has an item that is no string.
      ValueError: `tag` is empty.
    """

    tag: str
    texts: Tuple[str, ...]
    description: str = ""

    def __post_init__(self):
        _check_tag(self)
        texts = tuple(self.texts)
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(
                    f"Strings(tag={self.tag!r}): texts must be strings, got {_seen(text)}."
                )
        object.__setattr__(self, "texts", texts)


@dataclasses.dataclass(frozen=True, eq=False)
class ChartLayout:
    """Which scalars TensorBoard's tab "custom scalars" draws in one chart.

    Attributes:
      tag: `custom_scalars__config__`, the tag that TensorBoard looks for.
      layout: A serialized protocol buffer `tensorboard.Layout`, `bytes`.
      description: Markdown on it.

    Raises:
      TypeError: `tag` is no string, or `layout` no bytes.
      ValueError: `tag` is empty.
    """

    tag: str
    layout: bytes
    description: str = ""

    def __post_init__(self):
        _check_tag(self)
        if not isinstance(self.layout, bytes):
            raise TypeError(
                f"ChartLayout(tag={self.tag!r}): layout must be bytes, got {_seen(self.layout)}."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Unreadable:
    """Yielded by a summary in place of the values of a part that it could not read.

    gtlog reports it once. The summary goes on with the other parts.

    Attributes:
      part: Name of the part, such as "the variable 'dense/kernel'".
      error: The exception.
    """

    part: str
    error: Exception


@dataclasses.dataclass(frozen=True, eq=False)
class Notice:
    """Yielded by a summary if something cannot be logged although nothing failed.

    gtlog gives the message once.

    Attributes:
      message: Sentences for the user.
    """

    message: str


def joined(*descriptions):
    """One Markdown text made of several; empty ones are left out."""
    return " ".join(one for one in descriptions if one)


VALUE_TYPES = (Scalar, Histogram, Image, Table, Strings, ChartLayout)


def _check_tag(value):
    kind = type(value).__name__
    if not isinstance(value.tag, str):
        raise TypeError(f"{kind}: tag must be a string, got {_seen(value.tag)}.")
    if not value.tag:
        raise ValueError(f"{kind}: tag must not be empty.")
    for text in (value.tag, value.description):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"{kind}: an event file holds UTF-8, which cannot express {text[:200]!r}."
            ) from None


def _seen(value):
    return f"{value!r} ({type(value).__name__})"
