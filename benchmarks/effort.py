"""How much work a measurement may make of itself."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Effort:
    """Scales repetitions and sizes.

    Attributes:
      name: What the report calls it.
      caution: What the report says of its numbers; empty where they hold.
      share: Share of the repetitions of a full run.
      shrink: What sizes are divided by; 1 measures what the bars speak of.
      largest_model: Parameters of the largest model of the plot.
    """

    name: str
    caution: str
    share: float
    shrink: int
    largest_model: int

    def rounds(self, full):
        """The number of repetitions, where a full run makes `full` of them."""
        return max(1, round(self.share * full))

    def size(self, full):
        """The size to measure at, where a full run measures at `full`."""
        return max(1, full // self.shrink)


FULL = Effort("full", "", share=1.0, shrink=1, largest_model=100_000_000)
QUICK = Effort(
    "quick",
    "A quick run: all sizes are a quarter of what the titles say. Whether a bar is met, only a "
    "full run tells.",
    share=0.1,
    shrink=4,
    largest_model=1_000_000,
)
SMOKE = Effort("smoke", "It runs; no number means anything.", 0.0, 64, largest_model=10_000)
