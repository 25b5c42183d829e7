"""The examples of the page on sinks, those that need the trackers among them."""

import pathlib
import re
import runpy

import pytest

for name in ("wandb", "mlflow", "pandas"):
    pytest.importorskip(name, reason="needs the trackers: tox run -e sinks")

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "sinks.md"
_FENCE = re.compile(r"^```py(?:thon)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_examples_run(tmp_path, monkeypatch):
    """They run one after the other."""
    monkeypatch.chdir(tmp_path)
    examples = _FENCE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 6
    (tmp_path / "examples.py").write_text("\n".join(examples), encoding="utf-8")
    runpy.run_path("examples.py")
    assert list(tmp_path.glob("wandb/offline-run-*")) and (tmp_path / "mlflow.db").exists()
