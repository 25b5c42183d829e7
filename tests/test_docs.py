"""The documentation: its examples run, and it leaves out nothing that there is."""

import math
import pathlib
import re
import runpy

import pytest
import tensorflow as tf

import gtlog
from gtlog import (
    OptimizerRecord,
    SlotRecord,
    StepRecord,
    TapeRecord,
    VariableRecord,
    sinks,
    summaries,
    tags,
    testing,
)
from gtlog.diagnosis.faults import FAULTS
from gtlog.testing import read_events

from .run_modes.rows.replicas import mirrored_strategy

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("*/*.md"))]

_FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def _fences(page, language):
    text = page.read_text(encoding="utf-8")
    return [fence for fence in _FENCE.finditer(text) if fence.group("language") == language]


def _name(page):
    return page.relative_to(ROOT).as_posix()


def _examples(page):
    """A page as one Python module: its examples on the lines where they stand, all else blank."""
    lines = [""] * (page.read_text(encoding="utf-8").count("\n") + 1)
    for fence in _fences(page, "python"):
        first = fence.string.count("\n", 0, fence.start("code"))
        code = fence.group("code").splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


# The pages of single faults, whose trainings set off warnings, have tests/test_diagnosis_pages.py.
_WITH_EXAMPLES = [one for one in PAGES if _fences(one, "python") and one.stem not in FAULTS]


@pytest.mark.parametrize("page", _WITH_EXAMPLES, ids=_name)
def test_examples_run(page, tmp_path, monkeypatch):
    """The Python examples of a page run one after the other, and what they assert holds."""
    # AutoGraph asks for the source of what it converts, so the examples must be in a file.
    module = tmp_path / (page.stem.replace("-", "_") + "_examples.py")
    module.write_text(_examples(page), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # The strategies of one process would take each other's collective operations.
    strategy = mirrored_strategy()
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: strategy)
    names = runpy.run_path(str(module), run_name=module.stem)
    for name, test in names.items():
        if name.startswith("test_"):
            test(tmp_path / name)


def test_the_step_of_the_readme_logs(tmp_path, monkeypatch):
    """The training step in README.md, with its diff applied, logs what README.md says."""
    monkeypatch.chdir(tmp_path)
    (diff,) = _fences(ROOT / "README.md", "diff")
    after = [line[1:] for line in diff.group("code").splitlines() if not line.startswith("-")]
    (tmp_path / "readme_step.py").write_text("\n".join(after), encoding="utf-8")
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
    names = {
        "tf": tf,
        "model": model,
        "loss_fn": tf.keras.losses.MeanSquaredError(),
        "optimizer": tf.keras.optimizers.SGD(0.1),
    }
    step = runpy.run_path("readme_step.py", names)["train_step"]
    step(tf.ones([2, 3]), tf.ones([2, 1]))
    step.step_logger.close()
    kinds = {tag.partition("/")[0] for tag in read_events("logs").tags}
    assert {"weights", "biases", "gradients", "loss", "update_ratio"} <= kinds


_PUBLIC = [
    *(f"gtlog.{name}" for name in gtlog.__all__),
    *(f"gtlog.sinks.{name}" for name in sinks.__all__),
    *(f"gtlog.summaries.{name}" for name in summaries.__all__),
    *(
        f"gtlog.testing.{name}"
        for name, value in vars(testing).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == "gtlog.testing"
    ),
]


@pytest.mark.parametrize("name", _PUBLIC)
def test_public_names_are_documented(name):
    """Every public name has its entry in docs/api.md."""
    entry = rf"^\.\. auto(class|exception|function|module):: {re.escape(name)}$"
    assert re.search(entry, (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)


def _documented_tags():
    """The tags in the first cells of the tables of docs/tags.md, such as `gates/<path>/<gate>`."""
    text = (DOCS / "tags.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    return [tag for cell in cells for tag in re.findall(r"`([^`]+)`", cell)]


def _matches(documented, tag):
    pattern = re.escape(documented)
    placeholders = {
        "<path>": ".+",
        "<layer>": ".+",
        "<gate>": "[a-z]",
        "<slot>": "[a-z]+",
        "<head>": "[0-9]+",
        "<k>": "[0-9]+",
        "<name>": "[a-z]+",
    }
    for placeholder, expression in placeholders.items():
        pattern = pattern.replace(re.escape(placeholder), expression)
    return re.fullmatch(pattern, tag) is not None


def _variable(path, role, shape):
    value = tf.ones(shape)
    gradient = value * math.nan
    return VariableRecord(
        path, role, value, before=value, gradient=gradient, replica_gradients=(gradient, gradient)
    )


def _optimizer(name):
    return OptimizerRecord(name, 1, 0.5, (SlotRecord("conv/kernel", "momentum", tf.ones([3])),))


def _written_tags():
    """Every tag that gtlog writes, of the stock summaries for a record that has everything."""
    variables = (
        _variable("conv/kernel", "kernel", [3, 3, 1, 2]),
        _variable("lstm/kernel", "kernel", [3, 8]),
        _variable("lstm/recurrent_kernel", "recurrent_kernel", [2, 8]),
        _variable("lstm/bias", "bias", [8]),
        *(_variable(f"{name}/kernel", "kernel", [3, 2, 2]) for name in ("query", "key", "value")),
        _variable("attention_output/kernel", "kernel", [2, 2, 3]),
    )
    written, vitals = {tags.FINDINGS, tags.fit("loss"), tags.epoch("loss")}, summaries.vitals()
    tapes = (TapeRecord("critic", variables[:1]),)
    for names, count in [(("",), 8), (("0", "1"), 3), (("critic",), 8)]:
        losses = (1.0,) * len(names)
        record = StepRecord(
            0,
            losses,
            variables[:count],
            loss_names=names,
            tapes=tapes,
            optimizers=tuple(map(_optimizer, ("", "critic"))),
        )
        for summary in (
            summaries.histograms(),
            summaries.histograms(scale="signed_log"),
            summaries.kernel_images(),
            summaries.recurrent_gates(),
            summaries.attention_heads(),
            summaries.scalars(per_variable=True, per_replica=True),
            summaries.custom_scalars_layout(),
            summaries.optimizer(histograms=True),
            vitals,
        ):
            written.update(value.tag for value in summary(record))
    model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(2, "relu")])
    model.add(tf.keras.layers.Dense(1, "tanh"))
    outputs = summaries.layer_outputs(model, tf.ones([16, 2]))
    written.update(value.tag for value in outputs(StepRecord(0)))
    return sorted(written)


@pytest.mark.parametrize("tag", _written_tags())
def test_tags_are_documented(tag):
    """Every tag that gtlog writes has its row in docs/tags.md."""
    assert any(_matches(documented, tag) for documented in _documented_tags())


@pytest.mark.parametrize("documented", _documented_tags())
def test_documented_tags_exist(documented):
    """Every tag in docs/tags.md is one that gtlog writes."""
    assert any(_matches(documented, tag) for tag in _written_tags())


def test_links_of_readme_hold_on_a_package_index():
    """What setup.py makes of README has absolute links alone, each to a file of the repository."""
    setup = runpy.run_path(str(ROOT / "setup.py"), run_name="setup_py")
    links = re.findall(r"\]\(([^)]+)\)", _FENCE.sub("", setup["readme"]()))
    own = re.compile(re.escape(setup["source_url"]()) + r"/(?:raw|blob)/main/([^#]+)(?:#.*)?")
    paths = [own.fullmatch(link).group(1) for link in links if not link.startswith("#")]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_to_files(page):
    """Every relative link and picture of a page leads to a file that is there."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
