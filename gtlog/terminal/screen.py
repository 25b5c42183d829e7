"""What a terminal can show: its width, its colours, its characters."""

import itertools
import os
import shutil
import unicodedata
from typing import NamedTuple, Optional

from gtlog.notices.text import printable

PIPE_WIDTH = 100
"""Columns of a text that goes to a file or to another program."""

_NARROWEST = 20
_STYLES = {"alarm": "1;31", "note": "33", "quiet": "2", "heading": "1"}
_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = "_.-~=+*#"
# Keeps the numbers after a right-to-left name from being drawn before it.
_LEFT_TO_RIGHT_MARK = "\u200e"
_RIGHT_TO_LEFT = ("R", "AL")
# Characters of no width that a name may have for each column that it takes.
_MOST_IN_COLUMN = 4


class Screen(NamedTuple):
    """What a terminal, or what stands in its place, can show.

    Attributes:
      width: How many columns a line may have.
      height: How many lines there are; None for a file or a pipe.
      has_colours: Whether escape sequences colour the text, and move the cursor.
      encoding: The encoding of what is written.
    """

    width: int = PIPE_WIDTH
    height: Optional[int] = None
    has_colours: bool = False
    encoding: str = "utf-8"

    @classmethod
    def of(cls, stream, environment=None):
        """The screen that a text stream leads to, as it is now.

        Args:
          stream: Such as `sys.stdout`.
          environment: Mapping; None takes `os.environ`.
        """
        environment = os.environ if environment is None else environment
        encoding = getattr(stream, "encoding", None) or "ascii"
        if not _is_terminal(stream):
            return cls(encoding=encoding)
        size = shutil.get_terminal_size()
        return cls(max(size.columns, _NARROWEST), size.lines, _colours(environment), encoding)

    @property
    def blocks(self):
        """Eight characters from low to high."""
        return _BLOCKS if self._has(_BLOCKS) else _ASCII_BLOCKS

    @property
    def ellipsis(self):
        """What stands where something is left out."""
        return "…" if self._has("…") else "..."

    def _has(self, text):
        try:
            text.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def clean(self, text):
        """A text with its control characters escaped, in characters that the encoding has."""
        text = printable(text)
        if self._has(text):
            return text
        return text.encode("ascii", "backslashreplace").decode("ascii")

    def cut(self, text, width):
        """A clean text of at most `width` columns: a longer one loses its middle."""
        most = _MOST_IN_COLUMN * width + len(self.ellipsis)
        # Before it is looked at: a name may have a megabyte.
        clean = self.clean(text if len(text) <= 2 * most else text[:most] + text[-most:])
        if len(clean) <= most and columns_of(clean) <= width:
            return self._marked(clean)
        left = width - len(self.ellipsis)
        if left < 2:
            return _head(clean, width)
        end = _head(clean[::-1], left - left // 3)[::-1]
        return self._marked(_head(clean, left // 3) + self.ellipsis + end)

    def _marked(self, text):
        """The text; after one that runs from right to left comes a mark that ends that."""
        if text.isascii() or not self._has(_LEFT_TO_RIGHT_MARK):
            return text
        is_reversed = any(unicodedata.bidirectional(one) in _RIGHT_TO_LEFT for one in text)
        return text + _LEFT_TO_RIGHT_MARK if is_reversed else text

    def padded(self, text, width):
        """The text in exactly `width` columns: cut, or followed by spaces."""
        text = self.cut(text, width)
        return text + " " * (width - columns_of(text))

    def wrapped(self, text, indent=""):
        """The lines of a clean text, those after the first one indented."""
        lines, line = [], ""
        for word in self.clean(text).split(" "):
            longer = f"{line} {word}" if line.strip() else line + word
            if columns_of(longer) > self.width and line.strip():
                lines.append(line)
                longer = indent + word
            line = longer
            while columns_of(line) > self.width:
                head = _head(line, self.width)
                lines.append(head)
                line = indent + line[len(head) :]
        return [*lines, line]

    def styled(self, text, style):
        """A text in the style `"alarm"`, `"note"`, `"quiet"` or `"heading"`; None for none."""
        if style is None or not self.has_colours:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def columns_of(text):
    """How many columns of a terminal a text takes.

    >>> columns_of("kernel"), columns_of("層"), columns_of("e\u0301")
    (6, 2, 1)
    """
    if text.isascii():
        return len(text)
    return sum(map(_columns_of_character, text))


def _columns_of_character(character):
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _head(text, width):
    """The beginning of a text that takes at most some columns."""
    text = text[: _MOST_IN_COLUMN * width]
    ends = itertools.accumulate(map(_columns_of_character, text))
    return text[: sum(end <= width for end in ends)]


def _is_terminal(stream):
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # it is closed, or none
        return False


def _colours(environment):
    """Whether colours are wanted and understood, https://no-color.org."""
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return os.name != "nt" or "WT_SESSION" in environment or "TERM" in environment
