"""Whether something is a summary at all."""

from gtlog.summaries.attention_heads import attention_heads
from gtlog.summaries.histograms import histograms
from gtlog.summaries.kernels.images import kernel_images
from gtlog.summaries.optimizer import optimizer
from gtlog.summaries.outputs.summary import layer_outputs
from gtlog.summaries.recurrent_gates import recurrent_gates
from gtlog.summaries.scalars import scalars
from gtlog.summaries.vitals import vitals

_FACTORIES = (
    attention_heads,
    histograms,
    kernel_images,
    layer_outputs,
    optimizer,
    recurrent_gates,
    scalars,
    vitals,
)


def check_summary(parameter, summary):
    """Raises a TypeError that names the parameter unless `summary` is one."""
    if not callable(summary):
        raise TypeError(
            f"{parameter}: a summary must be a callable from a gtlog.StepRecord to an iterable of "
            f"values, such as gtlog.summaries.histograms(), got {summary!r} "
            f"({type(summary).__name__})."
        )
    if isinstance(summary, type) or summary in _FACTORIES:
        raise TypeError(
            f"{parameter}: {summary.__name__} makes a summary and is none itself. "
            f"Write {summary.__name__}() with parentheses."
        )
