"""The tab as a real browser shows it; Chromium has to be installed: apt-get install chromium."""

import os
import shutil
import subprocess
import time

import pytest

from ..browser.waiting import wait_until
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


@pytest.fixture(name="browser")
def _browser():
    """A browser that can be clicked in."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs Playwright: pip install playwright"
    )
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--no-proxy-server"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def test_clicks_and_keys(tmp_path, browser):
    """In TensorBoard itself a finding leads to its row, keys choose, and a click opens a layer."""
    training = Training(sizes=(10, *(32,) * 6, 4), frozen=(2,))
    logs.write(tmp_path / "logs" / "faulty", training.run(60))
    said = []
    with running(tmp_path / "logs", tmp_path / "server") as server:
        server.wait_for(server.marks)
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.on("console", lambda message: said.append((message.location["url"], message.text)))
        page.on("pageerror", lambda error: said.append(("gtlog", str(error))))
        page.goto(server.url + "#gtlog")
        frame = _tab_in(page)
        frame.focus("#map")
        page.keyboard.press("n")
        wait_until(frame, "view.variable === 'net/dense_2/kernel'")
        assert frame.inner_text("#layer h2") == "net/dense_2"
        page.keyboard.press("Escape")
        assert frame.evaluate("view.layer") == ""
        page.keyboard.press("a")
        assert frame.evaluate("modeOf(page.run)") == "absolute"
        top = frame.evaluate("page.map.top")
        frame.locator("#map").click(position={"x": 600, "y": top + 3})
        wait_until(frame, "view.layer === 'net/dense_0'")
    # What TensorBoard says of itself is its own.
    assert [one for one in said if "gtlog" in one[0]] == []


def _tab_in(page):
    """The frame of the tab, once it is drawn."""
    from playwright.sync_api import Error

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for frame in page.frames:
            if frame is not page.main_frame and "gtlog" in frame.url:
                try:
                    wait_until(frame, "performance.getEntriesByName('gtlog-drawn').length > 0")
                    return frame
                except Error:  # TensorBoard has loaded the frame anew
                    break
        page.wait_for_timeout(100)
    raise AssertionError(f"TensorBoard has not opened the tab: {[one.url for one in page.frames]}")


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
