"""The data of the page: what is decoded from it is what the run holds."""

import numpy as np
import pytest

from gtlog.looking import ShownRun, page_bytes, report_html, shown_run
from gtlog.looking.details import Details
from gtlog.looking.page_data.codes import KINDS, codes_of, packed
from gtlog.looking.png import SIGNATURE
from gtlog.vitals.table import VitalsTable

from . import made

LOGARITHMS = [name for name, kind in KINDS.items() if kind == "log"]


def read_back(table, **options):
    """Header of the only run, and the blocks."""
    header, blocks = made.decoded(page_bytes(table, **options))
    (run,) = header["runs"]
    return run, blocks


def with_column(table, name, array):
    """The table with another column."""
    columns = {one: table.column(one) for one in table.columns}
    return VitalsTable(table.steps, table.variables, {**columns, name: array}, table.step_values)


class TestNumbers:
    """Numbers that come back."""

    def test_magnitudes_are_within_a_two_hundredth_of_a_decade(self):
        """A decoded magnitude is off by 0.005 decades at most."""
        table = made.table_of(layers=10, steps=200)
        run, blocks = read_back(table)
        for name in LOGARITHMS:
            with np.errstate(divide="ignore"):
                expected = np.log10(table.column(name).astype(np.float64))
            np.testing.assert_allclose(made.numbers(run, blocks, name), expected, atol=0.00501)

    def test_shares_and_cosines(self):
        """A share is off by a thousandth, a cosine by half a hundredth at most."""
        table = made.table_of(layers=5, steps=100)
        run, blocks = read_back(table)
        for name in ("value_zeros", "gradient_zeros", "dead_units"):
            np.testing.assert_allclose(
                made.numbers(run, blocks, name), table.column(name), atol=0.00101
            )
        np.testing.assert_allclose(
            made.numbers(run, blocks, "descent"), table.column("descent"), atol=0.00501
        )

    def test_what_lies_outside_of_a_scale(self):
        """Zero, infinity and what is not known come back as such, and so do the extremes."""
        table = made.table_of(layers=2, steps=5)
        given = np.full((4, 5), np.nan, np.float32)
        given[0] = [0, np.inf, np.nan, 1e-45, 3.4e38]
        given[1] = 0
        run, blocks = read_back(with_column(table, "gradient_rms", given))
        with np.errstate(divide="ignore"):
            expected = np.log10(given.astype(np.float64))
        found = made.numbers(run, blocks, "gradient_rms")
        np.testing.assert_allclose(found, expected, atol=0.00501)
        # What is predicted from it is not harmed by its codes.
        np.testing.assert_allclose(
            made.numbers(run, blocks, "gradient_max"),
            np.log10(table.column("gradient_max")),
            atol=0.00501,
        )

    def test_nearly_none_is_not_none(self):
        """A share of nearly 0 or 1 gets another code than exactly 0 or 1."""
        assert codes_of([0, 1e-9, 1 - 1e-9, 1], "share").tolist() == [0, 1, 999, 1000]

    def test_losses_are_exact(self):
        """Numbers of whole steps come back bit for bit."""
        table = made.table_of(steps=20)
        run, blocks = read_back(table)
        assert [one["name"] for one in run["series"]] == ["loss", "weight_norm"]
        for one in run["series"]:
            begin, length = one["block"]
            found = np.frombuffer(blocks[begin : begin + length], "<f8")
            np.testing.assert_array_equal(found, table.step_values[one["name"]])

    def test_any_codes_can_be_packed(self):
        """Packing loses nothing, whatever the codes and the prediction are."""
        random = np.random.RandomState(0)
        codes = random.randint(-32768, 32768, (3, 40)).astype(np.int16)
        guess = random.randint(-32768, 32768, (3, 40)).astype(np.int16)
        data = packed(codes, guess)
        run = {
            "variables": [0] * 3,
            "steps": [0] * 40,
            "columns": {"a": {"block": [0, len(data)], "predicted": []}},
        }
        left = (codes.astype(int) - guess + 32768) % 65536 - 32768
        np.testing.assert_array_equal(made.codes(run, data, "a"), left)


class TestRows:
    """What the page is told about rows and findings."""

    def test_variables_in_forward_order(self):
        """Paths, layers, roles and shapes are those of the table, in its order."""
        table = made.table_of(layers=2)
        run, _ = read_back(table)
        assert [one["path"] for one in run["variables"]] == [row.path for row in table.variables]
        assert run["variables"][1] == {
            "path": "model/block_0/conv/bias",
            "layer": "model/block_0/conv",
            "role": "bias",
            "shape": [8],
            "dtype": "float32",
            "trained": True,
        }

    def test_findings_name_their_rows(self):
        """A finding comes with the row and the step at which a click shows it."""
        run, _ = read_back(made.table_of(layers=8, steps=300, every=10, vanishes=(5, 150)))
        (finding, *_) = run["findings"]
        assert (finding["fault"], finding["layer"]) == ("vanishing_gradients", "model/block_5/conv")
        assert run["variables"][finding["row"]]["path"] == "model/block_5/conv/kernel"
        assert 1450 <= finding["step"] <= 1600

    def test_hostile_names_are_escaped(self):
        """Control characters and directions of writing are shown as escapes, long names cut."""
        name = "<script>alert(1)</script>\x1b[31m\u202e\ud800\"'&{}/" + "x" * 1_000_000
        table = made.table_of(layers=1, name=name)
        data = page_bytes(ShownRun("run\u202e\x00", table))
        header, _ = made.decoded(data)
        (run,) = header["runs"]
        assert run["name"] == "run\\u202e\\x00"
        path = run["variables"][0]["path"]
        assert path.startswith("<script>alert(1)</script>\\x1b[31m\\u202e\\ud800")
        assert len(data) < 20_000


class TestFewerColumns:
    """Runs of more steps than columns."""

    def test_a_spike_of_one_step_stays(self):
        """Of many steps in a bin the worst is kept, per variable."""
        table = made.table_of(layers=3, steps=5000, every=2)
        spiked = table.column("gradient_rms").copy()
        spiked[2, 3333] = 1e9
        run, blocks = read_back(with_column(table, "gradient_rms", spiked))
        assert run["logged"] == 5000 and len(run["steps"]) == 1000 and run["last"] == 9998
        found = made.numbers(run, blocks, "gradient_rms")
        assert np.nanmax(found[2]) == pytest.approx(9, abs=0.005)
        place = np.searchsorted(run["steps"], 6666, side="right") - 1
        assert found[2].argmax() == place

    def test_nonfinite_and_zero_are_worse_than_any_number(self):
        """In a bin infinity counts before zero, and zero before any number."""
        table = made.table_of(layers=3, steps=4000)
        array = table.column("gradient_rms").copy()
        array[0, 1000], array[1, 1001], array[1, 1002] = 0, 0, np.inf
        array[2] = np.nan
        run, blocks = read_back(with_column(table, "gradient_rms", array))
        found = made.numbers(run, blocks, "gradient_rms")
        assert np.isneginf(found[0]).sum() == 1
        assert np.isposinf(found[1]).any() and np.isnan(found[2]).all()

    def test_bins_are_of_equal_width_in_step_numbers(self):
        """A schedule with gaps keeps them."""
        table = made.table_of(layers=1, steps=3000)
        steps = np.append(np.arange(2999), 1_000_000)
        columns = {name: table.column(name) for name in table.columns}
        run, _ = read_back(VitalsTable(steps, table.variables, columns, {}))
        assert run["steps"][-1] == 1_000_000 and len(run["steps"]) == 4


class ManyDetails:
    """Histograms and pictures of 150 layers, of noise."""

    def steps(self):
        """Steps at which there are some."""
        return list(range(0, 1000, 10))

    def at(self, steps, paths=None, with_histograms=True, with_pictures=True):
        """Details as of a run."""
        random = np.random.RandomState(0)
        histograms, pictures = {}, {}
        for row in made.rows_of(150):
            if row.role == "kernel" and with_pictures:
                pictures[row.path] = {step: SIGNATURE + random.bytes(20_000) for step in steps}
            for kind in ("weights", "gradients") if with_histograms else ():
                histograms[row.path, kind] = {step: self._buckets(random) for step in steps}
        return Details(histograms, pictures)

    @staticmethod
    def _buckets(random):
        edges = np.linspace(-1, 1, 31) * random.rand()
        counts = random.poisson(300 * np.exp(-np.linspace(-3, 3, 30) ** 2))
        return np.stack([edges[:-1], edges[1:], counts], axis=1)


class TestSizes:
    """Bytes."""

    def test_three_hundred_variables(self):
        """A report of 300 variables x 1,000 steps has at most 3 MB."""
        page = report_html([made.table_of(layers=150, steps=1000)])
        assert 500_000 < len(page.encode()) <= 3_000_000

    def test_with_histograms_and_pictures(self):
        """The same with histograms of all variables and the pictures of all kernels."""
        shown = shown_run(made.table_of(layers=150, steps=1000))._replace(details=ManyDetails())
        page = report_html([shown])
        assert len(page.encode()) <= 3_000_000
        (run,) = made.decoded(made.embedded(page))[0]["runs"]
        assert len(run["steps"]) == 1000 and len(run["details"]["histograms"]) == 600

    def test_a_bound(self):
        """A bound is kept by fewer columns, and the page knows how many steps there were."""
        table = made.table_of(layers=50, steps=1000)
        data = page_bytes(table, most_bytes=100_000)
        (run,) = made.decoded(data)[0]["runs"]
        assert len(data) <= 100_000 and len(run["steps"]) < 1000 and run["logged"] == 1000

    def test_the_same_bytes_each_time(self):
        """The same run gives the same bytes."""
        table = made.table_of()
        assert page_bytes(table) == page_bytes(table)


class TestEdges:
    """Runs with next to nothing in them."""

    @pytest.mark.parametrize("layers, steps", [(0, 0), (0, 5), (3, 0), (1, 1), (1, 2)])
    def test_few_variables_and_steps(self, layers, steps):
        """No variable, no step, one of each: there is a page of it."""
        run, _ = read_back(made.table_of(layers=layers, steps=steps))
        assert len(run["variables"]) == 2 * layers and len(run["steps"]) == steps

    def test_nan_everywhere(self):
        """A run of which nothing is known is a run."""
        table = made.table_of(layers=2, steps=10)
        columns = {name: np.full((4, 10), np.nan) for name in table.columns}
        nan = VitalsTable(table.steps, table.variables, columns, {"loss": [np.nan] * 10})
        run, _ = read_back(nan)
        assert run["columns"] == {}

    def test_wrong_sources(self):
        """What is no run is a mistake that names what is."""
        with pytest.raises(TypeError, match="log directories, Runs, VitalsTables"):
            shown_run(3)
