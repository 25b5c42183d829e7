"""What the tab serves is what the event files say, with each loader."""

import gzip
import json
import urllib.parse
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


RUNS = {"faulty", "a/healthy", "found", "sets", "later", "damaged", "cut", "long"}
LONG = 1500  # steps


@pytest.fixture(name="server", scope="module", params=LOADERS)
def _server(request, tmp_path_factory):
    """A server that has read runs of all kinds, behind a path prefix with one of the loaders.

    The tab is found twice, as in a clone and as a package: two of a name would stop TensorBoard.
    """
    folder = tmp_path_factory.mktemp(request.param)
    logdir = folder / "logs"
    write_runs(logdir)
    options = ("--path_prefix", "/behind/a/proxy") if request.param == LOADERS[0] else ()
    found = {"loader": request.param, "entry_points": 2}
    with running(logdir, folder / "server", *options, **found) as server:
        server.logdir = logdir
        server.wait_for(lambda: set(server.marks()) == RUNS and is_read(server, "sets", 1))
        server.wait_for(lambda: is_read(server, "long", LONG - 1))
        yield server


def write_runs(logdir):
    """Writes runs of all kinds into a directory."""
    training = Training(sizes=(10, *(32,) * 6, 4), frozen=(2,))
    logs.write(logdir / "faulty", training.run(60), *of_variable("net/dense_2/kernel"))
    logs.write(logdir / "a" / "healthy", Training().run(40))
    written.write(logdir / "other", *(written.event(k, written.scalar("loss", k)) for k in (1, 2)))
    finding = gtlog.Finding("overwritten", "alarm", "l", "l/kernel", 3, "Seen.", "Look.")
    table = table_of({"l/kernel": np.ones(9), "m/kernel": np.ones(9)})
    logs.write(logdir / "found", table, logs.finding(9, **finding.to_dict()))
    first = written.vitals([[1], [2]], ["a/kernel", "b/kernel"])
    others = written.vitals([[3], [4]], ["b/kernel", "c/kernel"], tag="gtlog/vitals/2")
    written.write(logdir / "sets", written.event(0, first), written.event(1, others))
    later = written.vitals([[1]], ["a/kernel"], tag="gtlog/vitals/2", version=2)
    written.write(logdir / "later", written.event(0, first), written.event(1, later))
    header = zlib.compress(b"{")
    damaged = written.value("gtlog/vitals", np.ones((1, 1), np.float32), "gtlog", header)
    written.write(logdir / "damaged", written.event(0, damaged))
    written.append(logs.write(logdir / "cut", table), b"\xff" * 500)
    logs.write(logdir / "long", long_table())


def is_read(server, run, last):
    """Whether the server has the last step of a run."""
    return server.marks()[run].split()[1] == str(last)


def run_of(server, name):
    """What the page gets of a run, as its header says it."""
    (run,) = header_of(server.of_tab("data", run=name).body)["runs"]
    return run


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
    module = urllib.parse.urljoin(server.url, module)[len(server.url) :]
    assert server.get(module).type == "text/javascript; charset=utf-8"
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


@pytest.mark.parametrize("run", ["faulty", "a/healthy", "found", "sets", "cut"])
def test_data_is_that_of_the_event_files(server, run):
    """What the page gets is what it gets of the event files themselves, byte for byte.

    So it is with several sets of variables, and with an event file that is damaged at its end.
    """
    answer = server.of_tab("data", run=run)
    assert (answer.status, answer.type) == (200, "application/octet-stream")
    data = answer.body
    assert header_of(data)["runs"][0]["notes"] == []
    assert data == page_of(server.logdir / run, run)


def test_findings(server):
    """The finding is that of the diagnosis."""
    assert "not_updated" in json.dumps(run_of(server, "faulty")["findings"])


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
    assert "other" not in server.marks()
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


def test_samples(server):
    """A thousand of many steps are kept, which the page says."""
    run = run_of(server, "long")
    assert run["last"] == LONG - 1
    assert run["logged"] == 1000 and "sample of 1,000" in run["notes"][0]


def test_all_samples(tmp_path):
    """All steps are kept, and shown, where the user asks for it."""
    logs.write(tmp_path / "logs", long_table())
    options = ("--samples_per_plugin", "gtlog=0")
    with running(tmp_path / "logs", tmp_path / "server", *options) as server:
        run = server.wait_for(lambda: _whole(server, LONG - 1))
        assert run["logged"] == LONG and run["notes"] == []


def long_table():
    """A table of more steps than TensorBoard keeps."""
    return table_of({"l/kernel": np.linspace(1, 2, LONG)}, loss=np.linspace(2, 1, LONG))


def _whole(server, last):
    """The run at the root of the log directory, once TensorBoard has its last step."""
    if "." not in server.marks():
        return None
    run = run_of(server, ".")
    return run if run["last"] == last else None


def test_findings_of_the_training(server):
    """What the training itself has found and logged is shown, in place of a judgement."""
    assert [one["fault"] for one in run_of(server, "found")["findings"]] == ["overwritten"]
    alarms = {one["name"]: one["alarms"] for one in server.of_tab("runs").json}
    assert alarms["found"] == 1 and alarms["a/healthy"] == 0


def test_path_prefix(server):
    """Behind a path of its own TensorBoard serves the tab there."""
    assert server.url.endswith("/behind/a/proxy/") == (server.loader == LOADERS[0])


def test_tables_of_a_later_version(server):
    """A table of a later version is said to be one; the rest is shown."""
    run = run_of(server, "later")
    assert [one["path"] for one in run["variables"]] == ["a/kernel", "b/kernel"]
    assert "version 2" in run["notes"][0]


def test_damaged_headers(server):
    """A header that is damaged costs its table alone, and the reason is said."""
    run = run_of(server, "damaged")
    assert run["variables"] == [] and "cannot be read" in run["notes"][0]


@pytest.mark.parametrize("damaged", [b"{", b"[1]", b"\xff", 1.0])
def test_damaged_findings(damaged):
    """Of findings that cannot be read the reason is said, and the tables are shown."""
    kind = object if isinstance(damaged, bytes) else np.float32
    series = {"gtlog/findings": Series(b"", {3: np.array([damaged], kind)})}
    tables = tables_of(series)
    assert tables.findings == [] and "'gtlog/findings' cannot be read" in tables.problems[0]
