"""The tab as a real browser shows it; Chromium has to be installed: apt-get install chromium."""

import os
import shutil
import subprocess

import pytest

from ..diagnosis.training import Training
from ..quick import logs
from .server import running

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
# As TensorBoard opens a plugin: an empty frame that imports its module.
FRAME = "data/plugin_entry.html?name=gtlog"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def shown(url, folder):
    """The document that a browser has made of an address, and what stands in its console."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server"]
    command += [f"--user-data-dir={folder}", "--enable-logging=stderr", "--window-size=1300,900"]
    # Time in the page goes on while it waits for the network, and then runs ahead.
    command += ["--virtual-time-budget=20000", "--dump-dom", url]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    messages = process.stderr.decode(errors="replace").splitlines()
    return process.stdout.decode(), [one for one in messages if "CONSOLE" in one]


def test_finding_is_shown(tmp_path):
    """The frame shows the finding, the picture and the curves, behind a path prefix too."""
    training = Training(sizes=(10, *(32,) * 6, 4), frozen=(2,))
    logs.write(tmp_path / "logs" / "faulty", training.run(60))
    options = ("--path_prefix", "/behind/a/proxy")
    with running(tmp_path / "logs", tmp_path / "server", *options) as server:
        server.wait_for(server.marks)
        page, console = shown(server.url + FRAME, tmp_path / "browser")
    assert console == []
    assert "not updated since step 0" in page and "net/dense_2" in page
    assert "60 logged steps" in page and page.count("<canvas") > 1


def test_empty_state(tmp_path):
    """Where there is no run the frame says what to do."""
    (tmp_path / "logs").mkdir()
    with running(tmp_path / "logs", tmp_path / "server") as server:
        page, console = shown(server.url + FRAME, tmp_path / "browser")
    assert console == []
    assert "There is no run with gtlog's vitals here yet" in page


@pytest.mark.skipif(os.name != "posix", reason="other systems forbid such names")
def test_hostile_names_stay_text(tmp_path):
    """Names of runs and layers that look like markup are shown as they are."""
    name = "<img src=x onerror=alert(1)>"
    table = Training(frozen=(1,)).run(60)
    rows = [row._replace(path=f"{name}{row.path}", layer=name) for row in table.variables]
    columns = {column: table.column(column) for column in table.columns}
    logs.write(tmp_path / "logs" / name, type(table)(table.steps, rows, columns))
    with running(tmp_path / "logs", tmp_path / "server") as server:
        server.wait_for(server.marks)
        page, console = shown(server.url + FRAME, tmp_path / "browser")
    assert console == []
    assert "&lt;img src=x" in page and "<img" not in page
