"""A summary that runs on some of the logged steps only."""

from gtlog.summaries.checks import check_summary
from gtlog.types import Every, Summary
from gtlog.when.schedule import as_schedule


def less_often(summary: Summary, every: Every) -> Summary:
    """A summary that runs another one on some of the logged steps, and on the rest yields nothing.

    For what is costly or large, beside summaries that run on each logged step:
    `less_often(kernel_images(), every=1000)`.

    Args:
      summary: Callable from a `StepRecord` to an iterable of values.
      every: As for `gtlog.StepLogger`: positive int, a schedule such as `gtlog.log_spaced()`, or a
        callable from the step number to a bool. It is asked on logged steps alone, so an int should
        be a multiple of the logger's: 1000 where that logs each 100th step. `gtlog.overhead`
        measures this summary alone.

    Returns:
      A callable from a `StepRecord` to an iterable of values.

    Raises:
      TypeError: `summary` cannot be called, or a parameter is of the wrong kind.
      ValueError: `every` is an int below 1.

    >>> from gtlog import StepRecord
    >>> from gtlog.summaries import scalars
    >>> summary = less_often(scalars(), every=10)
    >>> [len(list(summary(StepRecord(step, losses=(0.5,))))) for step in (0, 5, 10)]
    [1, 0, 1]
    """
    check_summary("summary", summary)
    schedule = as_schedule(every)

    def summarize(record):
        if schedule(record.step):
            with schedule.logging():
                values = summary(record)
                yield from () if values is None else values

    summarize.__qualname__ = getattr(summary, "__qualname__", None) or repr(summary)
    summarize.probing = getattr(summary, "probing", None)  # type: ignore[attr-defined]
    summarize.optimizers = getattr(summary, "optimizers", None)  # type: ignore[attr-defined]
    return summarize
