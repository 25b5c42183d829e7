"""Shows a run again each time that something new was logged."""

import time

from gtlog.terminal.screen import Screen
from gtlog.terminal.view import lines_of_finding

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_FROM_THE_TOP = "\x1b[H\x1b[J"
# Reading and drawing take at most this share of the time.
_MOST_EFFORT = 0.2


def follow(look, stream, seconds):
    """Shows what is new until the user interrupts it, and then once more as a whole.

    In a terminal the picture is drawn anew in its place. Elsewhere it comes once; then each step
    that is new gives a line, and each finding that is new its text.

    Args:
      look: A `Look`.
      stream: Text stream.
      seconds: How long to wait between two looks, float.

    Returns:
      The exit status of what was seen last.
    """
    screen = Screen.of(stream)
    drawn = _Drawn(stream) if screen.has_colours else _Listed(stream)
    try:
        with drawn:
            _watch(look, drawn, seconds)
    except KeyboardInterrupt:
        pass
    if screen.has_colours:
        print(*look.lines(Screen.of(stream)), sep="\n", file=stream, flush=True)
    return look.status


def _watch(look, drawn, seconds):
    is_first = True
    while True:
        started = time.monotonic()
        if look.refresh() or is_first:
            drawn.show(look)
        is_first = False
        effort = time.monotonic() - started
        time.sleep(max(seconds, effort / _MOST_EFFORT - effort))


class _Drawn:
    """A terminal whose second screen is drawn anew."""

    def __init__(self, stream):
        self._stream = stream

    def __enter__(self):
        self._write(_ENTER)

    def __exit__(self, *_):
        self._write(_LEAVE)

    def show(self, look):
        """Draws what fits into the window."""
        screen = Screen.of(self._stream)
        lines = look.lines(screen)
        most = screen.height - 2
        if len(lines) > most:
            lines = lines[: most - 1] + [f"{screen.ellipsis} {len(lines) - most + 1} more lines"]
        footer = screen.styled("Following; Ctrl-C ends it.", "quiet")
        self._write(_FROM_THE_TOP + "\n".join([*lines, footer]))

    def _write(self, text):
        self._stream.write(text)
        self._stream.flush()


class _Listed:
    """A file, a pipe or a terminal without a cursor: what is new comes at the end."""

    def __init__(self, stream):
        self._stream = stream
        self._is_begun = False
        self._said = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.flush()

    def show(self, look):
        """Writes the whole picture the first time, then what is new."""
        screen = Screen.of(self._stream)
        lines = look.lines(screen)
        if self._is_begun:
            lines = [screen.cut(look.line(), screen.width)]
            for finding in look.findings:
                if _key_of(finding) not in self._said:
                    lines += lines_of_finding(finding, screen)
        self._is_begun = look.has_something
        self._said.update(map(_key_of, look.findings))
        print(*lines, sep="\n", file=self._stream, flush=True)


def _key_of(finding):
    return finding.fault, finding.layer, finding.severity
