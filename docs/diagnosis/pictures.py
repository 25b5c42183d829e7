"""Makes the pictures of the fault pages: the page of `gtlog report` of each page's own script.

    python docs/diagnosis/pictures.py [FAULT ...]

It needs TensorFlow, Chromium on PATH, and the packages playwright and Pillow.
"""

import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from PIL import Image
from playwright.sync_api import sync_playwright

from gtlog.looking.report import report_html

FOLDER = pathlib.Path(__file__).resolve().parent
INTO = FOLDER.parent / "images" / "faults"
MOST_BYTES = 60_000

# What each picture shows, as it stands in the address of the page; the page chooses the rest.
VIEWS = {
    "nonfinite": "",
    "exploding_gradients": "",
    "vanishing_gradients": "",
    "dead_units": "statistic=dead_units&mode=absolute",
    "updates_too_large": "statistic=update_ratio&mode=absolute",
    "updates_too_small": "statistic=update_ratio&mode=absolute",
    "not_updated": "statistic=update_rms&mode=level",
    "no_gradient": "mode=level",
    "identical_units": "statistic=identical_units&mode=absolute",
    "initialization": "statistic=value_rms&mode=level",
    "weights_shrinking": "statistic=value_rms&mode=change",
    "weights_growing": "statistic=value_rms&mode=change",
    "overwritten": "statistic=update_rms&mode=change",
    "ascending": "statistic=descent&mode=absolute",
    "not_learning": "",
}

_SCRIPT = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BOTTOM = "document.querySelector('#series').firstElementChild.getBoundingClientRect().bottom"


def run_script(fault, folder):
    """Runs the script of a page in a folder, and returns the log directory that it fills."""
    (code,) = _SCRIPT.findall((FOLDER / f"{fault}.md").read_text(encoding="utf-8"))
    script = folder / f"{fault}.py"
    script.write_text(code, encoding="utf-8")
    quietly = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(script)]
    subprocess.run(command, cwd=folder, env=quietly, check=True, stdout=subprocess.DEVNULL)
    return folder / "logs" / fault


def screenshot(browser, page, view):
    """A PNG of a page of gtlog, from its head to the first curve beneath the picture."""
    tab = browser.new_page(viewport={"width": 960, "height": 800})
    tab.goto(f"{page.as_uri()}#{view}")
    tab.wait_for_function("performance.getEntriesByName('gtlog-drawn').length > 0")
    clip = {"x": 0, "y": 0, "width": 960, "height": tab.evaluate(_BOTTOM) + 12}
    return tab.screenshot(clip=clip, full_page=True)


def main(faults):
    """Makes the pictures of some faults.

    Raises:
      ValueError: a picture became too large.
    """
    INTO.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as started, tempfile.TemporaryDirectory() as folder:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for fault in faults:
            page = pathlib.Path(folder) / f"{fault}.html"
            log = run_script(fault, pathlib.Path(folder))
            page.write_text(report_html([log]), encoding="utf-8")
            image = Image.open(io.BytesIO(screenshot(browser, page, VIEWS[fault])))
            picture = INTO / f"{fault}.png"
            few = image.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE)
            few.save(picture, optimize=True)
            size = picture.stat().st_size
            print(f"{picture.name}: {image.size[0]} x {image.size[1]}, {size:,} bytes")
            if size > MOST_BYTES:
                raise ValueError(f"{picture} has more than {MOST_BYTES:,} bytes.")


if __name__ == "__main__":
    main(sys.argv[1:] or list(VIEWS))
