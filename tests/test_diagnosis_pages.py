"""Each page of a fault has a script that makes it, and shows the finding as it is printed."""

import pathlib
import re
import runpy
import warnings

import pytest
import tensorflow as tf

import gtlog
from gtlog.diagnosis.faults import FAULTS

FOLDER = pathlib.Path(__file__).parents[1] / "docs" / "diagnosis"
# The findings on the pages are those of this version: others draw other first weights.
PRINTED_WITH = "2.21."

_FENCE = re.compile(r"^```(?P<language>\S+)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)


def fence(fault, language):
    """The content of the one fence of a language on the page of a fault."""
    text = (FOLDER / f"{fault}.md").read_text(encoding="utf-8")
    (found,) = [one for one in _FENCE.finditer(text) if one.group("language") == language]
    return found.group("content")


def words(finding):
    """A finding on one line, without the name of the model, which Keras 2 does not put in front."""
    return " ".join(finding.split()).replace("`net/", "`")


def opening(finding):
    """Place and title of a finding, and its first step."""
    place_and_title, step = re.match(r"(.*?) since step ([\d,]+)\.", words(finding)).groups()
    return place_and_title, int(step.replace(",", ""))


def without_numbers(finding):
    """A finding with # in place of each number, and in the singular."""
    masked = re.sub(r"\d[\d,.]*(e[+-]?\d+)?(?<!\.)", "#", words(finding))
    return re.sub(r"# (\w+?)s\b", r"# \1", masked)


@pytest.mark.no_cover  # trainings: the rules have tests of their own
@pytest.mark.parametrize("fault", FAULTS)
def test_the_page_prints_what_is_found(fault, tmp_path, monkeypatch, capsys):
    """The script of a page prints the finding that stands on it: fault, layer, first step."""
    # AutoGraph asks for the source of what it converts, so the script must be in a file.
    script = tmp_path / "script.py"
    script.write_text(fence(fault, "python"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        for category in (gtlog.TrainingWarning, gtlog.LoggingWarning):
            warnings.simplefilter("ignore", category)
        runpy.run_path(str(script), run_name="script")
    printed, shown = capsys.readouterr().out, fence(fault, "text")
    assert gtlog.diagnose(tmp_path / "logs" / fault)[0].fault == fault
    assert FAULTS[fault].title in printed
    assert opening(printed)[0] == opening(shown)[0]
    assert abs(opening(printed)[1] - opening(shown)[1]) <= 5
    if tf.__version__.startswith(PRINTED_WITH):
        assert without_numbers(printed) == without_numbers(shown)


def test_each_fault_has_its_line_in_the_index():
    """The table of the index links each fault of the vocabulary, with its meaning, and no other."""
    text = (FOLDER / "index.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| \[.*\]\((\w+)\.md\) \(`\w+`\) \| (.*) \|$", text, re.MULTILINE)
    assert lines == [(name, fault.meaning) for name, fault in FAULTS.items()]


def test_each_fault_has_its_page():
    """There is a page for each fault, which the index lists."""
    assert {"index", *FAULTS} <= {page.stem for page in FOLDER.glob("*.md")}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_page_has_a_small_picture(fault):
    """The page of a fault shows a picture of its run, which docs/diagnosis/pictures.py makes."""
    picture = f"../images/faults/{fault}.png"
    assert f"({picture})" in (FOLDER / f"{fault}.md").read_text(encoding="utf-8")
    assert 0 < (FOLDER / picture).stat().st_size < 60_000
