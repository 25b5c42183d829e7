"""How far a command is, on a terminal, where it takes long."""

import os
import time

from gtlog.looking.shown import shown_run
from gtlog.notices.text import printable
from gtlog.reading.events import event_files
from gtlog.reading.run import open_run

_PATIENCE, _PAUSE = 0.5, 0.1  # seconds before the first line, and between lines
_WIDTH, _MOST_NAME = 30, 40


class Progress:
    """One line that is written over and over; none where the stream is no terminal.

    Args:
      stream: A text stream, such as `sys.stderr`.
      clock: Called without arguments, gives seconds.
    """

    def __init__(self, stream, clock=time.monotonic):
        self._stream = stream
        self._clock = clock
        self._next = clock() + _PATIENCE
        self._length = 0
        self._is_terminal = stream is not None and stream.isatty()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._write("")

    def read(self, name, folder):
        """Opens the run of a directory and makes its findings.

        Args:
          name: What the run is called.
          folder: Path of its directory.

        Returns:
          A `ShownRun`.

        Raises:
          OSError, ValueError: it cannot be read.
        """
        begins, total = _places(folder)

        def is_read(path, offset):
            done = begins.get(path, 0) + offset
            self.say(f"Reading {printable(name, most=_MOST_NAME)}", done / max(total, 1))

        run = open_run(folder, is_read)
        self.say(f"Judging {printable(name, most=_MOST_NAME)}")
        return shown_run(run, name)

    def say(self, words, share=None):
        """Writes what is done, and with a share from 0 to 1 a bar; not more often than one reads.

        Args:
          words: What is done, `str`.
          share: How much of it is done; None where that is not known.
        """
        now = self._clock()
        if not self._is_terminal or now < self._next:
            return
        self._next = now + _PAUSE
        full = 0 if share is None else int(_WIDTH * min(share, 1.0))
        bar = "" if share is None else f" [{'#' * full}{'.' * (_WIDTH - full)}] {share:4.0%}"
        self._write(words + bar)

    def _write(self, line):
        if not self._is_terminal or (not line and not self._length):
            return
        encoding = self._stream.encoding or "ascii"
        line = line.encode(encoding, "replace").decode(encoding)
        self._stream.write(f"\r{line.ljust(self._length)}" + ("" if line else "\r"))
        self._stream.flush()
        self._length = len(line)


def _places(folder):
    """Where each event file begins among all bytes, and their number."""
    begins, total = {}, 0
    for path in sorted(event_files(folder, recursive=False)):
        begins[path] = total
        try:
            total += os.path.getsize(path)
        except OSError:  # it vanished, which the reader will find too
            continue
    return begins, total
