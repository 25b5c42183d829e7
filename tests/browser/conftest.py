"""A real browser, headless: Chromium of the system, driven by Playwright's Python package."""

import os
import shutil

import pytest

from .waiting import wait_until

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(name="chromium", scope="session")
def _chromium():
    """The browser; without one the tests are skipped, and say what they need."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs Playwright: pip install playwright"
    )
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("needs Chromium on PATH: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # Without its sandbox, since tests run in containers, and as root.
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(name="open_page")
def _open_page(chromium, tmp_path, request):
    """A function that opens a page and returns it once it is drawn.

    At the end of the test it has said nothing on the console, and asked nothing of a network.
    """
    contexts, said, asked = [], [], []

    def open_page(source, fragment="", is_drawn=True, **options):
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda sent: asked.append(sent.url))
        address = source
        if not source.startswith("http"):
            path = tmp_path / f"page-{len(contexts)}.html"
            path.write_text(source, encoding="utf-8")
            address = path.as_uri()
        page.goto(address + fragment)
        if is_drawn:
            wait_until(page, "performance.getEntriesByName('gtlog-drawn').length > 0")
        return page

    yield open_page
    for context in contexts:
        keep_screenshot(context.pages[-1], request.node.name)
        context.close()
    assert said == []
    allowed = ("file:", "data:", "blob:", "about:", "http://127.0.0.1:")
    assert [one for one in asked if not one.startswith(allowed)] == []


def keep_screenshot(page, name):
    """Keeps a screenshot where GTLOG_SCREENSHOTS names a folder: to be looked at."""
    folder = os.environ.get("GTLOG_SCREENSHOTS")
    if folder:
        os.makedirs(folder, exist_ok=True)
        page.screenshot(path=os.path.join(folder, f"{name.replace('/', '_')}.png"))
