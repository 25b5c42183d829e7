"""The notebooks of the documentation, run without Jupyter: their cells are Python alone."""

import json
import pathlib
import re

import pytest
import tensorflow as tf

from .notebook import code_cells, outputs

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
NOTEBOOKS = sorted(DOCS.glob("*.ipynb"))
# What stands in a notebook is of this version: others draw other first weights.
RUN_WITH = "2.21."


def without_numbers(output):
    """What a cell has shown as plain text, with # in place of each number."""
    text = "".join(output["text"] if "text" in output else output["data"]["text/plain"])
    return re.sub(r"\d[\d,.]*(e[-+]?\d+)?(?<!\.)", "#", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_its_cells_give(path, tmp_path, monkeypatch):
    """The cells run one after the other, and show what stands beneath them but for numbers."""
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    cells = code_cells(json.loads(path.read_text(encoding="utf-8")))
    shown = list(outputs(cells, tmp_path))
    assert any("text/html" in one.get("data", ()) for each in shown for one in each)
    if tf.__version__.startswith(RUN_WITH):
        stored = [list(map(without_numbers, cell["outputs"])) for cell in cells]
        assert [list(map(without_numbers, each)) for each in shown] == stored
