"""The page from disk: what is drawn, and what clicks, keys and the address do."""

import numpy as np
import pytest

from gtlog.looking import ShownRun, report_html, shown_run
from gtlog.looking.changes import changes, levels
from gtlog.vitals.table import VitalsTable

from ..quick.looking import made
from ..quick.looking.logs import write_table
from ..quick.reading import written
from .waiting import wait_until

LAYERS, STEPS, EVERY, LAYER, PLACE = 10, 400, 5, 6, 200
ONSET = PLACE * EVERY


def faulty():
    """A table in which a layer loses its gradient in the middle."""
    return made.table_of(layers=LAYERS, steps=STEPS, every=EVERY, vanishes=(LAYER, PLACE))


@pytest.fixture(name="report", scope="module")
def _report():
    """A report of a faulty run, and of a healthy one."""
    healthy = made.table_of(layers=LAYERS, steps=STEPS, every=EVERY)
    return report_html([shown_run(faulty(), "faulty"), shown_run(healthy, "healthy")])


@pytest.fixture(name="page")
def _page(open_page, report):
    """The report in a browser."""
    return open_page(report)


def state(page):
    """What the hash of the address says."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def colour(page, row, step, panel=0):
    """The colour of the picture at a row and a step, as the name of its hue."""
    red, green, blue = page.evaluate(
        """([row, step, number]) => {
          const { map } = page, panel = map.panels[number];
          const x = positionOf(panel.run, step, map.span, panel.left, panel.width);
          const y = map.top + Math.floor(map.rows.indexOf(row) / map.perBand) * map.rowHeight;
          const context = new OffscreenCanvas(1, 1).getContext("2d");
          context.drawImage(map.canvas, x * devicePixelRatio,
            (y + map.rowHeight / 2) * devicePixelRatio, 1, 1, 0, 0, 1, 1);
          return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }""",
        [row, step, panel],
    )
    if max(red, green, blue) - min(red, green, blue) < 25:
        return "blank"
    if red > 200 and green > 150 and blue < 100:
        return "yellow"
    return "blue" if blue > red else "red"


def place(page, row, step):
    """Where a row and a step are, in the window."""
    return page.evaluate(
        """([row, step]) => {
          const { map } = page, panel = map.panels[0];
          const box = map.inner.getBoundingClientRect();
          const y = map.top + (map.rows.indexOf(row) + 0.5) * map.rowHeight;
          return [box.left + positionOf(panel.run, step, map.span, panel.left, panel.width),
            box.top + y];
        }""",
        [row, step],
    )


def recounted(table, count):
    """The table with the paths that its variables would have without a count in front."""
    rows = [
        row._replace(recounted=row.path.replace(f"block_{count}", "block_"))
        for row in table.variables
    ]
    columns = {name: table.column(name) for name in table.columns}
    return VitalsTable(table.steps, rows, columns, table.step_values)


def drawn_rows(random):
    """Up to six variables with few different names, so that many of them meet."""
    paths, counted = random.permutation(6), random.permutation(6)
    return [
        made.rows_of(1)[0]._replace(
            path=f"dense_{paths[place]}",
            recounted=None if random.rand() < 0.2 else f"dense_{counted[place]}",
            shape=(random.randint(1, 3),),
            order=place,
        )
        for place in range(random.randint(1, 7))
    ]


def as_page_has_it(row):
    """A row as the page's script has it."""
    return {**row._asdict(), "place": row.order}


class TestPicture:
    """The picture of all layers against all steps."""

    def test_the_planted_fault_is_where_the_finding_says(self, page):
        """The row of the finding is blue since its step, and all the others stay blank."""
        finding = page.evaluate("page.run.findings[0]")
        assert (finding["fault"], finding["row"]) == ("vanishing_gradients", 2 * LAYER)
        after, before = ONSET + 20 * EVERY, finding["step"] - 10 * EVERY
        assert abs(finding["step"] - ONSET) < 10 * EVERY
        assert colour(page, finding["row"], after) == "blue"
        assert colour(page, finding["row"], before) == "blank"
        others = [row for row in range(2 * LAYERS) if row not in (2 * LAYER, 2 * LAYER + 1)]
        colours = [colour(page, row, after) for row in others]
        assert colours.count("blank") >= len(others) - 2  # a spike of noise may be faint

    def test_the_browser_reads_what_was_written(self, page):
        """Numbers in the browser are those of the table within 0.005 decades."""
        table = faulty()
        for name in ("gradient_rms", "update_ratio", "value_max"):
            codes = page.evaluate(f"Array.from(page.run.column({name!r}))")
            expected = np.log10(table.column(name).astype(np.float64)).ravel()
            np.testing.assert_allclose(np.array(codes) / 100, expected, atol=0.00501)

    @pytest.mark.parametrize("mode, compared", [("change", changes), ("level", levels)])
    def test_the_browser_computes_the_same(self, page, mode, compared):
        """What the browser colours is what numpy computes for the picture of a notebook."""
        scores = page.evaluate(f"Array.from(scoresOf(page.run, 'gradient_rms', '{mode}'))")
        expected = compared(faulty()).ravel()
        np.testing.assert_allclose(scores, expected, atol=2)

    def test_a_spike_of_one_step_is_seen(self, open_page):
        """A bin shows its worst cell: of 1,000 steps in 300 pixels one spike is drawn."""
        table = made.table_of(layers=4, steps=1000)
        columns = {name: table.column(name).copy() for name in table.columns}
        columns["gradient_rms"][3, 777] *= 1e6
        spiked = VitalsTable(table.steps, table.variables, columns, {})
        page = open_page(report_html([spiked]), viewport={"width": 600, "height": 700})
        assert colour(page, 3, 777) == "red"

    def test_nan_is_yellow(self, open_page):
        """Rows with NaN or infinite elements are yellow, whatever their finite elements are."""
        table = made.table_of(layers=4, steps=50)
        columns = {name: table.column(name).copy() for name in table.columns}
        columns["gradient_nonfinite"][2, 40:] = 3
        broken = VitalsTable(table.steps, table.variables, columns, {})
        page = open_page(report_html([broken]))
        assert colour(page, 2, 45) == "yellow" and colour(page, 2, 20) == "blank"

    def test_two_runs_and_their_difference(self, page):
        """Two runs stand side by side, and a third picture shows where they differ."""
        page.select_option("#other", label="healthy")
        wait_until(page, "page.map.panels.length === 3")
        assert state(page)["other"] == "healthy"
        row, after = 2 * LAYER, ONSET + 20 * EVERY
        assert [colour(page, row, after, k) for k in range(3)] == ["blue", "blank", "red"]
        assert colour(page, 0, after, 2) == "blank"

    def test_runs_with_other_counts_of_layers(self, open_page):
        """The second model of a process lies beside the first of another, and says its path."""
        name = "model/block_1{}/conv"
        healthy = made.table_of(layers=LAYERS, steps=STEPS, every=EVERY, name=name)
        tables = [recounted(faulty(), ""), recounted(healthy, "1")]
        page = open_page(report_html([*map(shown_run, tables, ("faulty", "healthy"))]))
        page.select_option("#other", label="healthy")
        wait_until(page, "page.map.panels.length === 3")
        row, after = 2 * LAYER, ONSET + 20 * EVERY
        assert [colour(page, row, after, k) for k in range(3)] == ["blue", "blank", "red"]
        page.click(".finding .place")
        wait_until(page, "document.querySelectorAll('#layer .facts').length === 2")
        assert "in healthy: model/block_16/conv" in page.inner_text("#layer")

    def test_counterparts_are_those_of_python(self, page):
        """The page matches variables as `VitalsTable.counterparts` does, for any names."""
        random = np.random.RandomState(0)
        for _ in range(50):
            one, other = drawn_rows(random), drawn_rows(random)
            found = page.evaluate(
                "([one, other]) => counterparts({ variables: one }, { variables: other })",
                [[as_page_has_it(row) for row in rows] for rows in (one, other)],
            )
            expected = VitalsTable([0], one, {}).counterparts(VitalsTable([0], other, {}))
            assert [None if place < 0 else place for place in found] == expected

    def test_modes_and_statistics(self, page):
        """Level and absolute colour the same numbers by other measures, and say so."""
        page.get_by_text("absolute", exact=True).click()
        assert "as it is" in page.inner_text("#legend")
        page.get_by_text("level", exact=True).click()
        assert "other layers of its role" in page.inner_text("#legend")
        assert colour(page, 2 * LAYER, ONSET + 100) == "blue"
        page.select_option("#statistic", "dead_units")
        assert "points less" in page.inner_text("#legend")
        assert state(page) == {"mode": "level", "statistic": "dead_units"}

    def test_what_is_wrong_from_the_start_is_seen_beside_its_peers(self, open_page):
        """A layer without a healthy past is coloured by its level, unless change is chosen."""
        report = report_html([made.table_of(layers=LAYERS, steps=50, vanishes=(LAYER, 0))])
        page = open_page(report)
        assert "other layers of its role" in page.inner_text("#legend")
        assert colour(page, 2 * LAYER, 20) == "blue"
        page = open_page(report, "#mode=change")
        assert "the layer's own past" in page.inner_text("#legend")

    def test_it_says_how_many_steps_are_shown(self, open_page):
        """Of more steps than columns it says how many there were."""
        page = open_page(report_html([made.table_of(layers=3, steps=2500)]))
        said = page.inner_text("#extent")
        assert "2,500 logged steps in 1,000 columns, each with its worst" in said


class TestPointer:
    """Clicks, drags and what is under the pointer."""

    def test_a_finding_leads_to_its_row_and_step(self, page):
        """A click on a finding marks the row, opens the layer and puts the step into the URL."""
        page.click(".finding .place")
        found = state(page)
        assert found["variable"] == f"model/block_{LAYER}/conv/kernel"
        assert abs(int(found["step"]) - ONSET) < 10 * EVERY
        assert page.inner_text("#layer h2") == f"model/block_{LAYER}/conv"
        chosen = page.locator(".band.chosen").bounding_box()
        _, y = place(page, 2 * LAYER, ONSET)
        assert chosen["y"] <= y <= chosen["y"] + chosen["height"]

    def test_a_click_on_the_picture_opens_the_layer(self, page):
        """A click on a cell opens its layer at its step, with the curves of its vitals."""
        page.mouse.click(*place(page, 5, 700))
        assert state(page)["variable"] == "model/block_2/conv/bias"
        assert int(state(page)["step"]) == 700
        titles = page.locator("#layer .chart-title b").all_inner_texts()
        assert titles[:4] == ["gradient", "update", "value", "update ratio"]
        page.click("#layer .close")
        assert page.locator("#layer").is_hidden() and "variable" not in state(page)

    def test_variables_of_a_layer(self, page):
        """Kernel and bias of an open layer are one click apart."""
        page.mouse.click(*place(page, 4, 700))
        page.get_by_role("button", name="bias").click()
        assert state(page)["variable"] == "model/block_2/conv/bias"

    def test_the_cell_under_the_pointer_is_said(self, page):
        """Name, step, number and change of a cell are shown in words."""
        page.mouse.move(*place(page, 2 * LAYER, ONSET + 300))
        said = page.inner_text("#tip")
        assert f"model/block_{LAYER}/conv/kernel" in said and f"step {ONSET + 300:,}" in said
        assert "smaller than its own past" in said

    def test_a_drag_shows_fewer_steps(self, page):
        """A drag over the picture zooms to its steps; a button goes back."""
        left, right = place(page, 3, 500), place(page, 3, 1000)
        page.mouse.move(*left)
        page.mouse.down()
        page.mouse.move(*right, steps=4)
        page.mouse.up()
        found = state(page)
        assert abs(int(found["from"]) - 500) < 10 and abs(int(found["to"]) - 1000) < 10
        page.click("#whole")
        assert "from" not in state(page)

    def test_the_cross_hair_says_the_losses(self, page):
        """Over a step of the picture, the charts beneath say their values at it."""
        page.mouse.move(*place(page, 3, 1000))
        said = float(page.locator(".series-label .value").first.inner_text())
        expected = faulty().step_values["loss"][200]
        assert said == pytest.approx(expected, rel=0.01)

    def test_filters(self, page):
        """Rows can be those of a role, or with a part of a name."""
        page.select_option("#role", "bias")
        assert page.evaluate("page.rows.length") == LAYERS
        page.fill("#text", "BLOCK_3")
        assert page.evaluate("page.rows.map((row) => page.run.variables[row].path)") == [
            "model/block_3/conv/bias"
        ]
        assert "1 of 20 variables" in page.inner_text("#legend")


class TestKeys:
    """All of it without a pointer."""

    def test_arrows_and_enter(self, page):
        """Arrows move over rows and steps and say the cell; Enter opens it, Escape closes."""
        page.focus("#map")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
            page.keyboard.press(key)
        assert page.inner_text("#said").startswith("model/block_0/conv/bias, step ")
        page.keyboard.press("Enter")
        assert state(page)["variable"] == "model/block_0/conv/bias"
        page.keyboard.press("Escape")
        assert "variable" not in state(page)

    def test_letters(self, page):
        """Single keys change colour, order, rows, statistic, and go to the next finding."""
        for key, name, value in (
            ("a", "mode", "absolute"),
            ("l", "mode", "level"),
            ("w", "order", "worst"),
            ("r", "rows", "read"),
            ("s", "statistic", "update_rms"),
            ("n", "variable", f"model/block_{LAYER}/conv/kernel"),
        ):
            page.keyboard.press(key)
            assert state(page)[name] == value, key
        page.keyboard.press("/")
        page.keyboard.type("l2")
        assert state(page)["text"] == "l2" and state(page)["mode"] == "level"

    def test_worst_first(self, page):
        """The faulty layer stands on top when the worst come first."""
        page.keyboard.press("w")
        assert page.evaluate("page.rows.slice(0, 2)") == [2 * LAYER, 2 * LAYER + 1]


class TestAddress:
    """The state in the hash."""

    def test_a_page_opens_as_it_was_left(self, open_page, report):
        """The same address shows the same."""
        fragment = (
            "#run=healthy&other=faulty&statistic=update_rms&mode=level&order=worst&rows=read"
            "&variable=model/block_1/conv/kernel&layer=model/block_1/conv&step=500&text=block"
        )
        page = open_page(report, fragment)
        assert page.inner_text("#layer h2") == "model/block_1/conv"
        assert page.input_value("#statistic") == "update_rms"
        assert page.evaluate("page.run.name") == "healthy"
        assert page.evaluate("page.map.panels.length") == 3
        assert page.evaluate("view.rows + view.order + view.mode") == "readworstlevel"

    def test_nonsense_in_the_address(self, open_page, report):
        """An address that fits no run or row shows the page as it opens."""
        nonsense = "#run=none&statistic=x&mode=y&variable=z&layer=z&step=w&from=9&to=1&rows=q"
        page = open_page(report, nonsense)
        assert page.evaluate("page.run.name") == "faulty"
        assert page.locator("#layer").is_hidden() and page.locator("#map").is_visible()


class TestLooks:
    """Dark, light, narrow."""

    @pytest.mark.parametrize("scheme, lightness", [("dark", 0), ("light", 255)])
    def test_scheme_of_the_system(self, open_page, report, scheme, lightness):
        """The page is dark where the system is, and so is the middle of its scale."""
        page = open_page(report, color_scheme=scheme)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        first = int(background.split("(")[1].split(",")[0])
        assert abs(first - lightness) < 30
        middle = page.evaluate("page.colours.page & 255")
        assert middle == first

    def test_a_class_decides(self, page):
        """A class of the root element decides against the system, at once."""
        page.evaluate("document.documentElement.classList.add('dark')")
        wait_until(page, "(page.colours.page & 255) < 40")

    def test_a_narrow_window(self, open_page, report):
        """In a narrow window nothing is cut off to the side."""
        page = open_page(report, viewport={"width": 700, "height": 800})
        page.click(".finding .place")
        assert page.evaluate("document.documentElement.scrollWidth <= 700")


class TestDetails:
    """Histograms and kernels."""

    def test_histograms_and_the_nearest_kernel(self, open_page, tmp_path):
        """An open layer has its histograms, and the kernel's picture nearest to the step."""
        png = written.png(np.full((8, 8, 3), 90, np.uint8))
        table = made.table_of(layers=2, steps=40)
        write_table(tmp_path / "run", table, ("weights", "gradients"), png)
        page = open_page(report_html([tmp_path / "run"]))
        page.mouse.click(*place(page, 0, 21))
        titles = page.locator("#layer .chart-title b").all_inner_texts()
        assert titles[-2:] == ["weights", "gradients"]
        wait_until(page, "document.querySelector('.kernel').naturalWidth === 8")
        assert "at step 20" in page.inner_text("figcaption")
        # The picture made the page longer, which is no reason to draw it all again.
        page.evaluate("window.image = document.querySelector('.kernel')")
        page.wait_for_timeout(300)
        assert page.evaluate("window.image === document.querySelector('.kernel')")
        page.keyboard.press("n")  # no finding: nothing happens
        assert page.locator("#layer").is_visible()


HOSTILE = {
    "html": "<img src=x onerror='window.hurt=1'><script>window.hurt=1</script>",
    "closing": "</script></title></style><script>window.hurt=1</script>",
    "quotes": "\"'`${window.hurt=1}\\",
    "controls": "a\x00\x1b[31m\x07\r\nb",
    "direction": "kernel\u202egnp.exe\u2066",
    "long": "m" * 1_000_000,
    "slashes": "////",
    "surrogate": "\ud800",
    "braces": "a{b}c{{d}}",
    "prototype": "__proto__",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_names_stay_text(open_page, name):
    """Whatever names of runs, layers and losses hold, they are shown, and nothing acts."""
    table = made.table_of(layers=4, steps=300, vanishes=(2, 150))
    rows = [
        row._replace(path=f"{name}/{row.path}", layer=f"{name}/{row.layer}")
        for row in table.variables
    ]
    columns = {one: table.column(one) for one in table.columns}
    losses = {f"loss/{name}": table.step_values["loss"]}
    hostile = VitalsTable(table.steps, rows, columns, losses)
    page = open_page(report_html([shown_run(hostile, name), shown_run(hostile, name + "2")]))
    page.keyboard.press("n")
    page.mouse.move(*place(page, 2, 100))
    assert page.evaluate("window.hurt") is None
    assert page.locator("#layer h2 code").inner_text()[:4] == repr_of(name)[:4]
    assert page.evaluate("document.documentElement.scrollWidth <= 1280")
    assert "\u202e" not in page.content() and "\x1b" not in page.content()


def repr_of(name):
    """A name as it is shown."""
    from gtlog.notices.text import printable

    return printable(name)


class TestEdges:
    """Runs with next to nothing in them."""

    @pytest.mark.parametrize("layers, steps", [(0, 0), (0, 5), (3, 0), (1, 1), (1, 2), (2, 3)])
    def test_few_variables_and_steps(self, open_page, layers, steps):
        """The page opens, and its keys and pointer work."""
        page = open_page(report_html([made.table_of(layers=layers, steps=steps)]))
        for key in ("ArrowDown", "ArrowRight", "Enter", "w", "r", "s", "n", "Escape"):
            page.keyboard.press(key)
        assert page.locator("#page").is_visible()

    def test_nan_everywhere(self, open_page):
        """A run of which nothing is known has a page that opens."""
        table = made.table_of(layers=2, steps=10)
        columns = {name: np.full((4, 10), np.nan) for name in table.columns}
        unknown = VitalsTable(table.steps, table.variables, columns, {"loss": [np.nan] * 10})
        page = open_page(report_html([unknown]))
        assert "4 variables" in page.inner_text("#extent")

    def test_infinite_everywhere(self, open_page):
        """A run that has diverged altogether is yellow, and its losses are marked."""
        table = made.table_of(layers=2, steps=10)
        columns = {name: np.full((4, 10), np.inf) for name in ("gradient_rms", "value_rms")}
        lost = VitalsTable(table.steps, table.variables, columns, {"loss": [np.inf] * 10})
        assert colour(open_page(report_html([lost])), 1, 5) == "yellow"

    def test_a_run_without_vitals(self, open_page, tmp_path):
        """It says what is missing, draws the losses, and opens the histograms that there are."""
        rows = [[0, 1, 5], [1, 2, 3]]
        events = [
            written.event(
                step,
                written.scalar("loss", 1 / (1 + step)),
                written.histogram("weights/dense/kernel", rows),
            )
            for step in range(4)
        ]
        written.write(tmp_path / "old", *events)
        page = open_page(report_html([tmp_path / "old"]))
        assert "has no vitals" in page.inner_text("#notes")
        assert page.locator("#map").is_hidden()
        assert page.locator(".series-label b").all_inner_texts() == ["loss"]
        page.get_by_role("button", name="dense/kernel").click()
        assert page.locator("#layer .chart-title b").all_inner_texts() == ["weights"]

    def test_damaged_data(self, open_page, report):
        """Where the data is damaged, the page says so in a sentence."""
        begin = report.index('id="gtlog-data">') + 300
        damaged = report[:begin] + report[begin + 400 :]
        page = open_page(damaged, is_drawn=False)
        wait_until(page, "document.getElementById('state').textContent !== 'Reading …'")
        assert "cannot be shown" in page.inner_text("#state")


class TestCurves:
    """The curves below the picture."""

    def test_the_range_of_positive_numbers_has_no_other(self, page):
        """Where no number is below zero, the lower end of the axis is not either."""
        numbers = "[{ values: [0.03, 1e-4, 2e-4] }], (value) => value, 0"
        low, high = page.evaluate(f"robustRange({numbers})")
        assert low == 0 and high > 0.03
        numbers = "[{ values: [-1, 3] }], (value) => value, 0"
        assert page.evaluate(f"robustRange({numbers})")[0] < -1


class TestLarge:
    """Many variables."""

    def test_three_thousand_variables(self, open_page):
        """3,000 variables have a page in which rows are found, opened and scrolled."""
        table = made.table_of(layers=1500, steps=100, vanishes=(777, 50))
        page = open_page(report_html([ShownRun("large", table)]))
        assert page.evaluate("page.rows.length") == 3000
        page.keyboard.press("w")
        assert page.evaluate("page.rows[0]") in (1554, 1555)
        page.keyboard.press("r")
        page.evaluate("openRow(1554)")
        assert page.inner_text("#layer h2") == "model/block_777/conv"
