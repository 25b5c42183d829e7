"""The page in a browser: bytes, first paint, and what a look at it takes.

    python -m benchmarks.page

needs Chromium on PATH and the package playwright; no TensorFlow.
"""

import pathlib
import shutil
import statistics
import tempfile
import time

import numpy as np

from gtlog.looking import report_html, shown_run
from gtlog.vitals.table import VariableRow, VitalsTable

SIZES = ((300, 1000), (3000, 1000))
REPEATS = 7

_MEASURED = """async () => {
  const since = (name) => performance.getEntriesByName(name)[0].startTime;
  const times = (act, number) => Array.from({length: number}, () => {
    const begin = performance.now();
    act();
    return performance.now() - begin;
  });
  const box = document.getElementById("map").getBoundingClientRect();
  const move = (i) => document.getElementById("map").dispatchEvent(new PointerEvent("pointermove",
    {clientX: box.left + 240 + 4 * (i % 200), clientY: box.top + 20 + i, bubbles: true}));
  let turn = 0;
  const measured = {
    paint: since("first-contentful-paint"), drawn: since("gtlog-drawn"),
    hover: times(() => move(turn++), 200), again: times(() => drawPictures(), 9),
    mode: times(() => choose("mode", MODES[turn++ % 3]), 9),
    open: times(() => openRow(turn++ % page.run.variables.length), 9),
  };
  const frames = [];
  for (let i = 0, last = performance.now(); i < 90; i++) {
    move(i);
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return {...measured, frames};
}"""


_WORDS = {
    "paint": "first paint, from the opening of the file",
    "drawn": "all drawn, from the opening of the file",
    "hover": "a move of the pointer",
    "again": "everything drawn anew",
    "mode": "another colour mode",
    "open": "a click that opens a layer",
    "frames": "from frame to frame while the pointer moves",
}


def table_of(variables, steps):
    """A table as of a real run: noise, and a common drift."""
    random = np.random.RandomState(0)
    rows = [
        VariableRow(f"m/l{k // 2}/{part}", f"m/l{k // 2}", part, (9,), "float32", True, k)
        for k, part in zip(range(variables), ("kernel", "bias") * variables)
    ]
    shape = variables, steps
    gradient = random.uniform(-4, -2, (variables, 1)) + np.cumsum(random.randn(steps) * 0.02)
    gradient = gradient + random.randn(*shape) * 0.12
    value = -1.5 + np.cumsum(np.abs(random.randn(*shape)) * 5e-4, axis=1)
    update = gradient - 2 + random.randn(*shape) * 0.05
    columns = {
        "value_rms": 10**value,
        "value_max": 3 * 10**value * (1 + 0.01 * random.randn(*shape)),
        "gradient_rms": 10**gradient,
        "gradient_max": 10 ** (gradient + 0.6 + 0.06 * random.randn(*shape)),
        "update_rms": 10**update,
        "update_ratio": 10 ** (update - value),
        "gradient_zeros": np.clip(random.randn(*shape) * 0.01, 0, 1),
        "descent": np.clip(0.8 + random.randn(*shape) * 0.05, -1, 1),
    }
    return VitalsTable(np.arange(steps), rows, columns, {"loss": random.rand(steps)})


def main():
    """Prints a line for each size: medians over several openings."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for variables, steps in SIZES:
            run = shown_run(table_of(variables, steps))
            begin = time.perf_counter()
            page = report_html([run])
            print(
                f"{variables:,} variables x {steps:,} steps: report {len(page) / 1e6:.2f} MB, "
                f"made in {time.perf_counter() - begin:.1f} s"
            )
            file = pathlib.Path(folder) / f"{variables}.html"
            file.write_text(page, encoding="utf-8")
            measured = [_measured(browser, file.as_uri()) for _ in range(REPEATS)]
            for name in measured[0]:
                print(f"  {_WORDS.get(name, name)}: {_median(measured, name):.1f} ms")
        browser.close()


def _measured(browser, address):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address)
    # The policy of the page forbids Playwright's own waiting.
    while not page.evaluate("performance.getEntriesByName('gtlog-drawn').length"):
        page.wait_for_timeout(20)
    metrics = client.send("Performance.getMetrics")["metrics"]
    cpu = {one["name"]: one["value"] for one in metrics}["TaskDuration"]
    found = {"CPU until drawn": 1000 * cpu, **page.evaluate(_MEASURED)}
    page.close()
    return found


def _median(measured, name):
    values = [one[name] for one in measured]
    return statistics.median(
        statistics.median(one) if isinstance(one, list) else one for one in values
    )


if __name__ == "__main__":
    main()
