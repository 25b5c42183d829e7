"""The histograms and pictures that TensorBoard has of one variable."""

from gtlog import tags
from gtlog.looking.details import KINDS, Details
from gtlog.notices.text import printable
from gtlog.reading.pictures import png_pixels

_MOST_NAME = 400  # characters of a path that the page gets


class DetailsOfVariable:
    """Reads the details of a variable, as `gtlog.looking.details.DetailsOfRun` does of files.

    Args:
      source: A `gtlog.plugin.runs.Source`.
      run: Name of the run.
      path: Path of the variable as the page knows it.
    """

    def __init__(self, source, run, path):
        self._path = path
        self._histograms = {
            tags.kind_and_path(tag).kind: source.tensors("histograms", run, tag)
            for tag in source.tags("histograms", run)
            if self._is_meant(tag, KINDS)
        }
        self._pictures = {}
        for tag in source.tags("images", run):
            if self._is_meant(tag, (tags.IMAGES,)):
                self._pictures.update(source.blobs(run, tag))

    def _is_meant(self, tag, kinds):
        parts = tags.kind_and_path(tag)
        if parts.kind not in kinds:
            return False
        return printable(parts.path)[:_MOST_NAME] == self._path[:_MOST_NAME]

    def steps(self):
        """The steps at which there are details, ascending ints."""
        found = {step for one in self._histograms.values() for step in one}
        return sorted(found | set(self._pictures))

    def at(self, steps, paths=None, with_histograms=True, with_pictures=True):
        """The details of some steps, as `DetailsOfRun.at` gives them; `paths` is not looked at."""
        histograms, pictures = {}, {}
        if with_histograms:
            for kind, series in self._histograms.items():
                found = {step: series[step] for step in steps if step in series}
                if found:
                    histograms[self._path, kind] = found
        if with_pictures:
            found = {step: self._pictures[step]() for step in steps if step in self._pictures}
            if found:
                pictures[self._path] = {step: png_pixels(one[2]) for step, one in found.items()}
        return Details(histograms, pictures)
