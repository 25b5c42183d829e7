"""What the tab serves is what the event files say, with each loader."""

import gzip
import json
import zlib

import numpy as np
import pytest

import gtlog
from gtlog.looking import ShownRun, page_bytes, page_files
from gtlog.plugin.tables import Series, tables_of

from ..diagnosis.training import Training
from ..quick import logs
from ..quick.logs import table_of
from ..quick.reading import written
from .server import LOADERS, running


def page_of(logdir, name):
    """The data of the page, made from the event files."""
    run = gtlog.open_run(logdir)
    return gzip.decompress(page_bytes(ShownRun(name, run.table, tuple(run.findings))))


def header_of(data):
    """The header in the data of the page."""
    assert data[:4] == b"GTL1"
    return json.loads(data[8 : 8 + int.from_bytes(data[4:8], "little")])


@pytest.fixture(name="server", scope="module", params=LOADERS)
def _server(request, tmp_path_factory):
    """A server that has read a faulty and a healthy run, and its log directory."""
    folder = tmp_path_factory.mktemp(request.param)
    logdir = folder / "logs"
    training = Training(sizes=(10, *(32,) * 6, 4), frozen=(2,))
    logs.write(logdir / "faulty", training.run(60), *of_variable("net/dense_2/kernel"))
    logs.write(logdir / "a" / "healthy", Training().run(40))
    written.write(logdir / "other", *(written.event(k, written.scalar("loss", k)) for k in (1, 2)))
    with running(logdir, folder / "server", loader=request.param) as server:
        server.logdir = logdir
        server.wait_for(lambda: set(server.marks()) == {"faulty", "a/healthy"})
        yield server


def of_variable(path):
    """Records of histograms and pictures of a variable."""
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    rows = [[-1.0, 0.0, 5.0], [0.0, 1.0, 7.0]]
    for step in (60, 62):
        yield written.event(
            step,
            written.histogram(f"weights/{path}", rows),
            written.histogram(f"gradients/{path}", rows),
            written.picture(f"images/{path}", written.png(pixels), 4),
        )


def test_the_tab_is_there(server):
    """The tab is listed as active, with a module to load; the other tabs are there too."""
    tabs = server.tabs()
    assert tabs["gtlog"]["enabled"] and tabs["gtlog"]["tab_name"] == "gtlog"
    module = tabs["gtlog"]["loading_mechanism"]["module_path"]
    assert server.get(module.lstrip("/")).type == "text/javascript; charset=utf-8"
    assert tabs["scalars"]["enabled"]


def test_files_of_the_page(server):
    """Each file of the page is served as it is, with its type; nothing else is."""
    for name, (content_type, content) in page_files().items():
        answer = server.of_tab(name)
        assert (answer.status, answer.type, answer.body) == (200, content_type, content)
    for name in ("entry.py", "..%2Fcli.py", "nothing.js", "page/index.html"):
        assert server.of_tab(name).status == 404


def test_scripts_may_run(server):
    """TensorBoard's content policy lets the page's own scripts run, and it has none inline."""
    answer = server.of_tab("index.html")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert b"<script>" not in answer.body


@pytest.mark.parametrize("run", ["faulty", "a/healthy"])
def test_data_is_that_of_the_event_files(server, run):
    """What the page gets is what it gets of the event files themselves, byte for byte."""
    answer = server.of_tab("data", run=run)
    assert (answer.status, answer.type) == (200, "application/octet-stream")
    data = answer.body
    assert header_of(data)["runs"][0]["notes"] == []
    assert data == page_of(server.logdir / run, run)


def test_findings(server):
    """The finding is that of the diagnosis."""
    (run,) = header_of(server.of_tab("data", run="faulty").body)["runs"]
    assert "not_updated" in json.dumps(run["findings"])


def test_details_of_a_variable(server):
    """Histograms and pictures of a variable come when they are asked for; others have none."""
    answer = server.of_tab("details", run="faulty", variable="net/dense_2/kernel")
    details = header_of(answer.body)["details"]
    assert {one["kind"] for one in details["histograms"]} == {"weights", "gradients"}
    assert [one["steps"] for one in details["histograms"]] == [[60, 62]] * 2
    assert [one["step"] for one in details["pictures"]] == [62, 60]
    answer = server.of_tab("details", run="faulty", variable="net/dense_0/kernel")
    assert header_of(answer.body)["details"]["histograms"] == []


def test_unknown_runs(server):
    """A run that is not there, or has no tables, is said to be so."""
    for run in ("absent", "other", ""):
        for route in ("data", "details"):
            answer = server.of_tab(route, run=run)
            assert answer.status == 404 and answer.body.startswith(b"There is no run")


def test_hostile_questions(server):
    """Whatever is asked for, the answer is text, never markup."""
    answer = server.of_tab("data", run="<script>alert(1)</script>\x1b[2J\u202e")
    assert answer.status == 404 and answer.type.startswith("text/plain")


@pytest.mark.parametrize("loader", LOADERS)
def test_training_under_way(tmp_path, loader):
    """A tab that was empty turns active when a run begins, and its marks change with each step."""
    logdir = tmp_path / "logs"
    logdir.mkdir()
    table = Training().run(12)
    with running(logdir, tmp_path / "server", loader=loader) as server:
        assert server.marks() == {} and not server.tabs()["gtlog"]["enabled"]
        path = logs.write(logdir / "run", table.latest(0), logs.event_of(table, 0, True))
        first = server.wait_for(server.marks)
        assert server.tabs()["gtlog"]["enabled"]
        for place in range(1, 12):
            written.append(path, logs.event_of(table, place, False))
        server.wait_for(lambda: server.marks() != first)
        server.wait_for(
            lambda: server.of_tab("data", run="run").body == page_of(logdir / "run", "run")
        )


@pytest.mark.parametrize("loader", LOADERS)
def test_samples(tmp_path, loader):
    """A thousand of many steps are kept, which the page says; all of them where the user asks."""
    table = table_of({"l/kernel": np.linspace(1, 2, 1500)}, loss=np.linspace(2, 1, 1500))
    logs.write(tmp_path / "logs", table)
    with running(tmp_path / "logs", tmp_path / "server", loader=loader) as server:
        run = server.wait_for(lambda: _whole(server, 1499))
        assert run["logged"] == 1000 and "sample of 1,000" in run["notes"][0]
    options = ("--samples_per_plugin", "gtlog=0")
    with running(tmp_path / "logs", tmp_path / "all", *options, loader=loader) as server:
        run = server.wait_for(lambda: _whole(server, 1499))
        assert run["logged"] == 1500 and run["notes"] == []


def _whole(server, last):
    """The run at the root of the log directory, once TensorBoard has its last step."""
    if "." not in server.marks():
        return None
    (run,) = header_of(server.of_tab("data", run=".").body)["runs"]
    return run if run["last"] == last else None


@pytest.mark.parametrize("loader", LOADERS)
def test_findings_of_the_training(tmp_path, loader):
    """What the training itself has found and logged is shown, in place of a judgement."""
    finding = gtlog.Finding("overwritten", "alarm", "l", "l/kernel", 3, "Seen.", "Look.")
    series = {"l/kernel": np.ones(9), "m/kernel": np.ones(9)}
    logs.write(tmp_path / "logs" / "run", table_of(series), logs.finding(9, **finding.to_dict()))
    with running(tmp_path / "logs", tmp_path / "server", loader=loader) as server:
        server.wait_for(server.marks)
        (run,) = header_of(server.of_tab("data", run="run").body)["runs"]
        assert [one["fault"] for one in run["findings"]] == ["overwritten"]
        assert [one["alarms"] for one in server.of_tab("runs").json] == [1]


@pytest.mark.parametrize("damaged", [b"{", b"[1]", b"\xff", 1.0])
def test_damaged_findings(damaged):
    """Of findings that cannot be read the reason is said, and the tables are shown."""
    kind = object if isinstance(damaged, bytes) else np.float32
    series = {"gtlog/findings": Series(b"", {3: np.array([damaged], kind)})}
    tables = tables_of(series)
    assert tables.findings == [] and "'gtlog/findings' cannot be read" in tables.problems[0]


def test_path_prefix(tmp_path):
    """Behind a path of its own TensorBoard serves the tab there."""
    logs.write(tmp_path / "logs" / "run", table_of({"l/kernel": np.ones(5)}))
    options = ("--path_prefix", "/behind/a/proxy")
    with running(tmp_path / "logs", tmp_path / "server", *options) as server:
        assert server.url.endswith("/behind/a/proxy/")
        server.wait_for(server.marks)
        assert server.of_tab("index.html").status == 200
        assert server.of_tab("data", run="run").status == 200


@pytest.mark.parametrize("loader", LOADERS)
def test_other_sets_of_variables(tmp_path, loader):
    """Tables of several sets of variables are one picture, as from the event files."""
    first = written.event(0, written.vitals([[1], [2]], ["a/kernel", "b/kernel"]))
    tag = "gtlog/vitals/2"
    second = written.event(1, written.vitals([[3], [4]], ["b/kernel", "c/kernel"], tag=tag))
    written.write(tmp_path / "logs" / "run", first, second)
    with running(tmp_path / "logs", tmp_path / "server", loader=loader) as server:
        server.wait_for(lambda: server.marks().get("run", "").startswith("2 "))
        assert server.of_tab("data", run="run").body == page_of(tmp_path / "logs" / "run", "run")


def test_tables_of_a_later_version(tmp_path):
    """A table of a later version is said to be one; the rest is shown."""
    later = written.vitals([[1]], ["a/kernel"], tag="gtlog/vitals/2", version=2)
    first = written.vitals([[1]], ["b/kernel"])
    written.write(tmp_path / "logs" / "run", written.event(0, first), written.event(1, later))
    with running(tmp_path / "logs", tmp_path / "server") as server:
        server.wait_for(lambda: server.marks().get("run", "").startswith("2 "))
        (run,) = header_of(server.of_tab("data", run="run").body)["runs"]
        assert [one["path"] for one in run["variables"]] == ["b/kernel"]
        assert "version 2" in run["notes"][0]


def test_damaged_headers(tmp_path):
    """A header that is damaged costs its table alone."""
    header = zlib.compress(b"{")
    damaged = written.value("gtlog/vitals", np.ones((1, 1), np.float32), "gtlog", header)
    written.write(tmp_path / "logs" / "run", written.event(0, damaged))
    with running(tmp_path / "logs", tmp_path / "server") as server:
        server.wait_for(server.marks)
        (run,) = header_of(server.of_tab("data", run="run").body)["runs"]
        assert "cannot be read" in run["notes"][0]
