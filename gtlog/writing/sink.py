"""What a sink is: the port through which the values of a step leave gtlog."""

from typing import Optional, Protocol, Sequence, Tuple

from gtlog.types import Value


class Sink(Protocol):
    """Takes steps and their values, and encodes them in its own way.

    Its `str` names the place it writes to, for messages.

    Attributes:
      is_reliable: Whether a step is safe once `write` has returned.
    """

    is_reliable: bool

    def write(self, step: int, values: Sequence[Value]) -> None:
        """Writes the values of one step, each tag once.

        Raises:
          Exception: the step could not be written; the next call tries again.
        """

    def earlier_steps(self) -> Optional[Tuple[int, int]]:
        """The first and the last step that were written before; None if there are none."""

    def flush(self) -> None:
        """Makes what was written visible to others."""

    def check(self) -> None:
        """Gives a notice if what was written is gone."""

    def close(self) -> None:
        """Flushes, and closes what the sink itself has opened."""
