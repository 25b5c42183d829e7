"""Histograms and kernel pictures of single variables, at some of the steps."""

from typing import Dict, NamedTuple, Tuple, Union

import numpy as np

from gtlog import tags

KINDS = (
    *(tags.WEIGHTS, tags.BIASES, tags.GRADIENTS),
    *(kind + "_signed_log" for kind in (tags.WEIGHTS, tags.BIASES, tags.GRADIENTS)),
)
"""Kinds of histograms that are shown of a variable."""


class Details(NamedTuple):
    """Histograms and pictures of a run, or of one of its variables.

    Attributes:
      histograms: `[k, 3]` rows of left edge, right edge and count, by path, kind and step.
      pictures: PNG files, or uint8 pixels `[height, width, channels]`, by path and step.
    """

    histograms: Dict[Tuple[str, str], Dict[int, np.ndarray]]
    pictures: Dict[str, Dict[int, Union[bytes, np.ndarray]]]


class DetailsOfRun:
    """Reads details of a run.

    Args:
      run: A `gtlog.Run`.
    """

    def __init__(self, run):
        self._run = run
        self._series = {}
        for tag in run.tags:
            parts = tags.kind_and_path(tag)
            if parts.kind in KINDS or parts.kind == tags.IMAGES:
                self._series[tag] = parts

    def steps(self):
        """The steps at which there are details, ascending ints."""
        found = {step for tag in self._series for step in self._run.steps_of(tag).tolist()}
        return sorted(found)

    def at(self, steps, paths=None, with_histograms=True, with_pictures=True):
        """The details of some steps.

        Args:
          steps: Numbers of steps; one without details is passed over.
          paths: Paths of variables; None takes all.
          with_histograms: Whether histograms are read.
          with_pictures: Whether pictures are.

        Returns:
          `Details`. What cannot be read is not in it.
        """
        histograms, pictures = {}, {}
        for tag, parts in self._series.items():
            if paths is None or parts.path in paths:
                (pictures if parts.kind == tags.IMAGES else histograms)[tag] = parts
        histograms = histograms if with_histograms else {}
        pictures = pictures if with_pictures else {}
        details = Details({}, {})
        for step in steps:
            for tag, rows in self._run.values_at(step, histograms).items():
                key = histograms[tag].path, histograms[tag].kind
                details.histograms.setdefault(key, {})[step] = rows
            # As files: the pixels of all layers would take gigabytes.
            for tag, file in self._run.picture_files_at(step, pictures).items():
                details.pictures.setdefault(pictures[tag].path, {})[step] = file
        return details


def spread(steps, most, wanted=()):
    """Some of many steps: the first, the last, and those between at equal distances.

    Args:
      steps: Ascending numbers of steps.
      most: How many.
      wanted: Numbers of steps; the nearest to each takes the place of one between.

    Returns:
      A list of ascending numbers.

    >>> spread([0, 10, 20, 30, 40], 3), spread([0, 10, 20, 30, 40], 3, wanted=[11])
    ([0, 20, 40], [0, 10, 40])
    """
    if len(steps) <= most:
        return list(steps)
    places = np.linspace(0, len(steps) - 1, most).round().astype(int).tolist()
    for one in wanted:
        place = int(np.abs(np.asarray(steps) - one).argmin())
        if place not in places and most > 2:
            places[1 + int(np.abs(np.array(places[1:-1]) - place).argmin())] = place
    return [steps[place] for place in sorted(set(places))]
