"""The runs that TensorBoard has read, as the page shows them."""

import time
from typing import NamedTuple

from tensorboard.data.provider import RunTagFilter

from gtlog import tags
from gtlog.diagnosis.faults import ALARM
from gtlog.diagnosis.judge import judge
from gtlog.looking.shown import ShownRun
from gtlog.plugin import MOST_SAMPLES, NAME
from gtlog.plugin.details import DetailsOfVariable
from gtlog.plugin.tables import Series, tables_of

# An answer of TensorBoard's data server has at most 256 MiB.
_MOST_BYTES = 200 << 20
# A run whose last step is older is taken for one that is over.
_SECONDS_OF_SILENCE = 300.0


class Source(NamedTuple):
    """Where the runs come from.

    Attributes:
      provider: TensorBoard's data provider.
      context: What it asks of each request.
      experiment: The experiment of the request.
      samples: How many steps TensorBoard keeps of a tag; 0 for all.
    """

    provider: object
    context: object
    experiment: str
    samples: int = MOST_SAMPLES

    def marks(self):
        """By name, of the runs with tables of gtlog's: a text that changes when they do."""
        listed = self._ask(self.provider.list_tensors, NAME)
        return {run: _mark(series) for run, series in sorted(listed.items())}

    def alarms(self, run):
        """How many alarms the training itself has logged. A judgement of the run may find more.

        Args:
          run: The name of the run.
        """
        data = self._read(self.provider.read_tensors, NAME, run, tags.FINDINGS, MOST_SAMPLES)
        series = Series(b"", {one.step: one.numpy for one in data})
        findings = tables_of({tags.FINDINGS: series}).findings
        return sum(one.severity == ALARM for one in findings)

    def shown(self, run):
        """A run as the page shows it, without the details of its variables.

        Args:
          run: Its name.

        Returns:
          A `ShownRun`.

        Raises:
          KeyError: there is no such run, or no table in it.
        """
        listed = self._ask(self.provider.list_tensors, NAME, run)[run]
        series = {}
        for tag, known in listed.items():
            data = self._tables(run, tag)
            series[tag] = Series(known.plugin_content, {one.step: one.numpy for one in data})
        tables = tables_of(series)
        findings = tables.findings
        if not findings and tables.table.variables:
            findings = judge(tables.table, is_whole=_is_over(listed))
        notes = [*tables.problems, *self._notes(tables.table)]
        return ShownRun(run, tables.table, tuple(findings), tuple(notes))

    def details(self, run, path):
        """A run with the histograms and pictures of one variable.

        Args:
          run: Its name.
          path: Path of the variable, as the page knows it.

        Returns:
          A `ShownRun` without a table.
        """
        return ShownRun(run, tables_of({}).table, details=DetailsOfVariable(self, run, path))

    def tags(self, kind, run):
        """The tags of another plugin, `"histograms"` or `"images"`, in a run."""
        is_images = kind == "images"
        ask = self.provider.list_blob_sequences if is_images else self.provider.list_tensors
        return self._ask(ask, kind, run).get(run, {})

    def tensors(self, plugin, run, tag):
        """The arrays of a tag by their steps."""
        data = self._read(self.provider.read_tensors, plugin, run, tag, MOST_SAMPLES)
        return {one.step: one.numpy for one in data}

    def blobs(self, run, tag):
        """By step a function that reads the pictures of a tag: it returns blobs."""
        data = self._read(self.provider.read_blob_sequences, "images", run, tag, MOST_SAMPLES)
        return {one.step: lambda one=one: list(map(self._blob, one.values)) for one in data}

    def _blob(self, reference):
        return self.provider.read_blob(self.context, blob_key=reference.blob_key)

    def _tables(self, run, tag):
        """The data of a tag of gtlog's, as many steps as one answer may hold."""
        read = self.provider.read_tensors
        one_step = self._read(read, NAME, run, tag, 1)
        size = max((one.numpy.nbytes for one in one_step), default=0)
        fitting = max(_MOST_BYTES // max(size, 1), 1)
        return self._read(read, NAME, run, tag, min(self.samples or fitting, fitting))

    def _read(self, read, plugin, run, tag, most):
        only = RunTagFilter(runs=[run], tags=[tag])
        found = read(
            self.context,
            experiment_id=self.experiment,
            plugin_name=plugin,
            downsample=most,
            run_tag_filter=only,
        )
        return found.get(run, {}).get(tag, ())

    def _ask(self, ask, plugin, run=None):
        only = None if run is None else RunTagFilter(runs=[run])
        return ask(
            self.context,
            experiment_id=self.experiment,
            plugin_name=plugin,
            run_tag_filter=only,
        )

    def _notes(self, table):
        if not len(table):
            return ["There is no table of variables in this run yet."]
        if not self.samples or len(table) < self.samples:
            return []
        return [
            f"TensorBoard keeps a random sample of {len(table):,} of the logged steps. "
            f"--samples_per_plugin {NAME}=0 has it keep all."
        ]


def _mark(series):
    """A text that changes when a step comes, or when the run is over.

    The number of the step does not suffice: a resumed run has the same number again.
    """
    step = max(one.max_step for one in series.values())
    return f"{len(series)} {step} {_last_time(series):.3f} {int(_is_over(series))}"


def _is_over(series):
    return time.time() - _last_time(series) > _SECONDS_OF_SILENCE


def _last_time(series):
    return max(one.max_wall_time for one in series.values())
