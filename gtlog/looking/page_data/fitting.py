"""As much of a run as fits: what the page gets where bytes are counted."""

from gtlog.looking.details import Details, spread
from gtlog.looking.page_data.encoding import Limits, encoded, encoded_details
from gtlog.looking.shown import shown_run

# What goes first where all does not fit: pictures and histograms are of single layers, and with
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
    for limits in _STAGES:
        data = encoded(shown, limits)
        if most_bytes is None or len(data) <= most_bytes:
            break
    return data


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
