"""As much of a run as fits: what the page gets where bytes are counted."""

from gtlog.looking.details import Details, spread
from gtlog.looking.page_data.encoding import Limits, encoded, encoded_details
from gtlog.looking.shown import shown_run

# What is left out first where not all fits: pictures and histograms are of single layers, and with
# fewer columns the picture of all layers gets coarser.
_STAGES = (
    Limits(),
    Limits(histograms=12, pictures=2, picture_bytes=150_000),
    Limits(histograms=8, pictures=0),
    Limits(steps=500, histograms=8, pictures=0),
    Limits(steps=500, histograms=0, pictures=0),
    Limits(steps=250, histograms=0, pictures=0),
    Limits(steps=120, histograms=0, pictures=0),
    Limits(steps=60, histograms=0, pictures=0),
    Limits(steps=30, histograms=0, pictures=0),
)


def page_bytes(runs, most_bytes=None):
    """The data of the page.

    Args:
      runs: A run or a list of runs, each as `gtlog.looking.shown.shown_run` takes it: a log
        directory, a `gtlog.Run`, a `VitalsTable` or a `ShownRun`.
      most_bytes: About as many bytes are made at most: details are left out, and steps are put into
        fewer bins, until they are enough. None sets no bound but that of 1,000 columns.

    Returns:
      `bytes`: gzip of a container that `gtlog.looking.page_data.container` describes.

    Raises:
      OSError, ValueError: a log directory cannot be read.
      TypeError: `runs` holds something else.
    """
    if not isinstance(runs, (list, tuple)) or hasattr(runs, "_fields"):
        runs = [runs]
    shown = [shown_run(one) for one in runs]
    data, last = encoded(shown, _STAGES[0]), _STAGES[0]
    for limits in _STAGES[1:]:
        if most_bytes is None or len(data) <= most_bytes:
            break
        if limits == _STAGES[-1] or _may_fit(shown, len(data), last, limits, most_bytes):
            data, last = encoded(shown, limits), limits
    return data


def _may_fit(shown, size, last, limits, most_bytes):
    """Whether it is worth encoding again: bins compress no better than the steps in them."""
    if any(one.details is not None for one in shown) and limits.histograms < last.histograms:
        return True
    before, after = (_columns(shown, most) for most in (last.steps, limits.steps))
    return after < before and size * after <= most_bytes * before


def _columns(shown, most):
    return sum(min(len(one.table), most) for one in shown)


def details_bytes(run, path):
    """Histograms and pictures of one variable, for a page that asks for them one by one.

    Args:
      run: A run, as in `page_bytes`.
      path: The path of the variable.

    Returns:
      `bytes`: gzip of a container whose header has `details` alone; empty ones of a variable that
      has none.

    Raises:
      OSError, ValueError, TypeError: as in `page_bytes`.
    """
    run = shown_run(run)
    limits, details = Limits(), Details({}, {})
    if run.details is not None:
        steps = run.details.steps()
        details = run.details.at(spread(steps, limits.histograms), [path], with_pictures=False)
        of_pictures = run.details.at(spread(steps, limits.pictures), [path], with_histograms=False)
        details = details._replace(pictures=of_pictures.pictures)
    return encoded_details(path, details)


def bytes_for(runs, least, most):
    """How many bytes of data a page of these runs may have: in proportion to their variables.

    Args:
      runs: `ShownRun`s.
      least: Bytes for models of up to 300 variables.
      most: Bytes at most.
    """
    variables = sum(len(one.table.variables) for one in runs)
    return int(min(most, max(least, least * variables / 300)))
