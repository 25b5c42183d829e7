"""The page behind a server, as TensorBoard serves it, and in a notebook."""

import http.server
import json
import threading
import urllib.parse

import numpy as np
import pytest

from gtlog.looking import details_bytes, page_bytes, page_files, shown_run
from gtlog.reading.run import open_run

from ..quick.looking import made
from ..quick.looking.logs import write_table
from ..quick.reading import written
from .waiting import wait_until

POLICY = "default-src 'self'; script-src 'self'; img-src 'self' data: blob:; style-src 'self'"


class Served(http.server.BaseHTTPRequestHandler):
    """Serves the page from a closed dict of files, and its data, under a strict policy."""

    def do_GET(self):  # the name is that of the base class
        """Answers."""
        address = urllib.parse.urlsplit(self.path)
        name = address.path.rpartition("/")[2]
        query = dict(urllib.parse.parse_qsl(address.query))
        if name in page_files():
            return self._answer(*page_files()[name])
        found = self.server.runs.get(query.get("run"))
        if name == "runs":
            runs = [{"name": one, "mark": str(mark)} for one, (_, mark) in self.server.runs.items()]
            return self._answer("application/json", json.dumps(runs).encode())
        if name == "data":
            return self._answer("application/octet-stream", page_bytes(found[0]))
        if name == "details":
            self.server.asked.append(query["variable"])
            return self._answer(
                "application/octet-stream", details_bytes(self.server.source, query["variable"])
            )
        return self.send_error(404)

    def _answer(self, kind, data):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture(name="server")
def _server(tmp_path):
    """A server of one run, whose histograms are asked for one by one."""
    png = written.png(np.full((8, 8, 3), 90, np.uint8))
    table = made.table_of(layers=3, steps=30)
    write_table(tmp_path / "run", table, ("weights",), png)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Served)
    server.source = open_run(tmp_path / "run")
    server.runs = {"a/b & c": (shown_run(server.source)._replace(details=None), 1)}
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def address(server):
    """Where the page is, beneath a prefix as TensorBoard's `--path_prefix`."""
    return f"http://127.0.0.1:{server.server_address[1]}/prefix/plugin/gtlog/index.html"


class TestServed:
    """A server that gives files, and data by routes beside them."""

    def test_the_page_and_a_layer(self, open_page, server):
        """The page is drawn under a strict policy, and asks for the details of an open layer."""
        page = open_page(address(server))
        assert page.evaluate("page.run.variables.length") == 6
        page.evaluate("openRow(0)")
        wait_until(page, "document.querySelector('.kernel')?.naturalWidth === 8")
        assert server.asked == ["model/block_0/conv/kernel"]
        page.evaluate("openRow(1)")
        page.evaluate("openRow(0)")
        page.wait_for_selector("#layer figure")
        assert server.asked.count("model/block_0/conv/kernel") == 1

    def test_a_run_that_goes_on(self, open_page, server):
        """When the mark of a run changes, the page shows its new steps, and new runs."""
        page = open_page(address(server))
        longer = shown_run(made.table_of(layers=3, steps=50))
        server.runs = {"a/b & c": (longer, 2), "second": (longer, 1)}
        page.evaluate("refresh()")
        wait_until(page, "page.run.steps.length === 50")
        assert page.locator("#run option").all_inner_texts() == ["a/b & c", "second"]
        page.select_option("#run", "second")
        wait_until(page, "page.key === 'second'")

    def test_no_run_yet(self, open_page, server):
        """Without a run the page says how to get one, and shows the first that comes."""
        runs, server.runs = server.runs, {}
        page = open_page(address(server), is_drawn=False)
        wait_until(page, "document.getElementById('state').textContent.includes('logged_step')")
        server.runs = runs
        page.evaluate("refresh()")
        wait_until(page, "page.run !== null")
        assert page.locator("#page").is_visible() and page.locator("#state").is_hidden()

    def test_a_server_that_is_gone(self, open_page, server):
        """Where the server does not answer any more, what was drawn stays, and it is said."""
        page = open_page(address(server))
        page.route("**/runs", lambda route: route.fulfill(status=200, body="no JSON"))
        page.evaluate("refresh().catch(fail)")
        wait_until(page, "!document.getElementById('state').hidden")
        assert page.locator("#map").is_visible()


class TestNotebook:
    """`Run._repr_html_` as the output of a cell."""

    @pytest.fixture(name="cell")
    def _cell(self, tmp_path):
        table = made.table_of(layers=8, steps=300, vanishes=(5, 150))
        write_table(tmp_path / "run", table)
        return f"<!DOCTYPE html><body>{open_run(tmp_path / 'run')._repr_html_()}</body>"

    def test_the_page_in_its_frame(self, open_page, cell):
        """The page runs in a sandbox, in which a click does what it does elsewhere."""
        page = open_page(cell, is_drawn=False)
        (frame,) = page.frames[1:]
        wait_until(frame, "performance.getEntriesByName('gtlog-drawn').length > 0")
        frame.click(".finding .place")
        assert frame.inner_text("#layer h2") == "model/block_5/conv"

    def test_without_scripts(self, open_page, cell):
        """Where scripts do not run, findings and picture are there."""
        page = open_page(cell, is_drawn=False, java_script_enabled=False)
        assert "vanishing gradients since step" in page.locator("ul").first.inner_text()
        box = page.locator("svg image").bounding_box()
        assert box["width"] > 500 and box["height"] > 100
