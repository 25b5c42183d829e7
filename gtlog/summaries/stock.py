"""The summaries that a logger has by itself."""

from typing import List

from gtlog.summaries.attention_heads import attention_heads
from gtlog.summaries.histograms import histograms
from gtlog.summaries.kernels.images import kernel_images
from gtlog.summaries.recurrent_gates import recurrent_gates
from gtlog.summaries.scalars import scalars
from gtlog.summaries.vitals import vitals
from gtlog.types import Summary


def stock() -> List[Summary]:
    """The summaries that a logger has where `summaries` is None, to add others to them.

    `summaries=[*gtlog.summaries.stock(), gtlog.summaries.layer_outputs(model, probe)]`.

    Returns:
      A list of `vitals()`, `histograms()`, `kernel_images()`, `recurrent_gates()`,
      `attention_heads()` and `scalars()`, made anew for each logger.
    """
    # The vitals find on the way what the others need: extremes, norms.
    return [vitals(), *charts(), scalars()]


def charts():
    """Those of the stock summaries that write a distribution or a picture of each variable."""
    return [histograms(), kernel_images(), recurrent_gates(), attention_heads()]
