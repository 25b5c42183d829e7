"""The table of docs/project/run-modes, made from what the tests found.

    tox run -e py38-tf23,py311-tf221 -- tests/run_modes
    python -m tests.run_modes.table .tox/py38-tf23.xml .tox/py311-tf221.xml \
        --into docs/project/run-modes.md --short docs/ways-to-run.md
    python -m tests.run_modes.table --into docs/project/run-modes.md --short docs/ways-to-run.md

The second line leaves the long page as it is, and makes the short one from it.
"""

import argparse
import dataclasses
import pathlib
import re
from typing import Any, Dict
from xml.etree import ElementTree

from .modes import COLUMNS
from .rows import MODES

SAME = "✓"
TITLES = {
    1: "Eagerly and in `tf.function`",
    2: "Compiled by XLA",
    3: "Around a function",
    4: "Loops in a graph",
    5: "Keras `fit`",
    6: "Tapes, gradients, optimizers",
    7: "Mixed precision",
    8: "Variables",
    9: "`MirroredStrategy`",
    10: "`MultiWorkerMirroredStrategy`",
    11: "`ParameterServerStrategy`",
}
_BEGIN, _END = "<!-- run modes: begin -->", "<!-- run modes: end -->"
_TEST = re.compile(r"test_cell\[(?P<mode>.*)-(?P<column>\w+)\]")


@dataclasses.dataclass(frozen=True)
class Environment:
    """What one run of the tests found.

    Attributes:
      name: What the table calls it, such as `2.3.0` or `2.21.0 with tf_keras`.
      cells: By name of the mode and column, what stands there: `SAME`, or the text of an exception.
      missing: By name of the mode, why this TensorFlow lacks it.
    """

    name: str
    cells: Dict[Any, str]
    missing: Dict[str, str]


def read(path):
    """The `Environment` whose tests wrote a JUnit XML file.

    Raises:
      ValueError: a cell failed, or the file is of other tests.
    """
    suite = next(ElementTree.parse(path).getroot().iter("testsuite"))
    cells, missing = {}, {}
    for case in suite.iter("testcase"):
        test = _TEST.fullmatch(case.get("name"))
        if test is None:
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            raise ValueError(f"{path}: {case.get('name')} failed. Mend it, and run it again.")
        skipped = case.find("skipped")
        if skipped is not None:
            missing[test["mode"]] = skipped.get("message")
        else:
            found = _properties(case)
            cells[test["mode"], test["column"]] = found["unseen"] or found["altered"] or SAME
    if not cells:
        raise ValueError(f"{path} holds no results of tests/run_modes.")
    return Environment(_properties(suite)["environment"], cells, missing)


def render(environments):
    """The table as Markdown, and its numbered exceptions beneath."""
    numbers = {}
    head = ("way to run the step", *COLUMNS, "not in")
    lines = [head, ("---",) + (":-:",) * len(COLUMNS) + ("---",)]
    row = None
    for mode in MODES:
        if mode.row != row:
            row = mode.row
            lines.append((f"**{TITLES[row]}**",) + ("",) * (len(head) - 1))
        cells = [_cell(mode, column, environments, numbers) for column in COLUMNS]
        lines.append((mode.name, *cells, _not_in(mode, environments, numbers)))
    return f"{_head(environments)}\n\n{_table(lines, numbers)}"


def shorten(page):
    """The lines of a `Page` that name an exception, as a table with exceptions numbered anew."""
    numbers = {}
    head = ("way to run the step", *COLUMNS)
    lines = [head, ("---",) + (":-:",) * len(COLUMNS)]
    for name in page.not_in:
        cells = [page.cells[name, column] for column in COLUMNS]
        if any(cell != SAME for cell in cells):
            lines.append((name, *(_renumbered(cell, page.exceptions, numbers) for cell in cells)))
    return _table(lines, numbers)


def replace(page, text):
    """Puts text between the marks of a page."""
    marked = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if not marked.search(page):
        raise ValueError(f"The page has no lines {_BEGIN} and {_END} to put the table between.")
    return marked.sub(lambda _: f"{_BEGIN}\n\n{text}\n{_END}", page)


@dataclasses.dataclass(frozen=True)
class Page:
    """What a page of the documentation says of the modes.

    Attributes:
      cells: By name of the mode and column, the text of the cell.
      not_in: By name of the mode, the text of its last cell.
      exceptions: By number, the text of the exception.
    """

    cells: Dict[Any, str]
    not_in: Dict[str, str]
    exceptions: Dict[int, str]

    @classmethod
    def parse(cls, page):
        """Reads what `replace` wrote."""
        inside = page.partition(_BEGIN)[2].partition(_END)[0]
        cells, not_in = {}, {}
        for line in re.findall(r"^\| (?!way to run|---|\*\*)(.*) \|$", inside, re.MULTILINE):
            name, *marks, last = [cell.strip() for cell in line.split(" | ")]
            cells.update({(name, column): mark for column, mark in zip(COLUMNS, marks)})
            not_in[name] = last
        numbered = re.findall(r"^(\d+)\. (.*)$", inside, re.MULTILINE)
        return cls(cells, not_in, {int(number): text for number, text in numbered})

    def texts_of(self, cell):
        """The exceptions that a cell names."""
        return [self.exceptions[int(number)] for number in re.findall(r"\((\d+)\)", cell)]


def _properties(element):
    found = element.find("properties")
    return {one.get("name"): one.get("value") for one in (found if found is not None else ())}


def _table(lines, numbers):
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    exceptions = "\n".join(f"{number}. {text}" for text, number in numbers.items())
    return f"{table}\n\n{exceptions}".rstrip() + "\n"


def _renumbered(cell, exceptions, numbers):
    return re.sub(
        r"\((\d+)\)", lambda match: f"({_number(exceptions[int(match[1])], numbers)})", cell
    )


def _head(environments):
    names = [environment.name for environment in environments]
    return f"Made from the tests on TensorFlow {', '.join(names[:-1])} and {names[-1]}."


def _cell(mode, column, environments, numbers):
    """One mark where all environments agree, else each other one with those that it holds for."""
    found = {}
    for environment in environments:
        if mode.name in environment.missing:
            continue
        text = environment.cells.get((mode.name, column), "Not run.")
        mark = SAME if text == SAME else f"({_number(text, numbers)})"
        found.setdefault(mark, []).append(environment.name)
    if len(found) == 1:
        return next(iter(found))
    others = [f"{mark} in {', '.join(names)}" for mark, names in found.items() if mark != SAME]
    return "; ".join([SAME, *others] if SAME in found else others)


def _not_in(mode, environments, numbers):
    found = {}
    for environment in environments:
        if mode.name in environment.missing:
            number = _number(environment.missing[mode.name], numbers)
            found.setdefault(number, []).append(environment.name)
    return "; ".join(f"{', '.join(names)} ({number})" for number, names in found.items())


def _number(text, numbers):
    return numbers.setdefault(" ".join(text.split()), len(numbers) + 1)


def main():
    """Writes the table, to pages or the terminal."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.run_modes.table", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("results", nargs="*", help="JUnit XML of tests/run_modes, in this order")
    parser.add_argument("--into", type=pathlib.Path, help="page that has the marks")
    parser.add_argument(
        "--short", type=pathlib.Path, help="page for the lines of --into that name an exception"
    )
    arguments = parser.parse_args()
    if arguments.results:
        text = render([read(path) for path in arguments.results])
        if arguments.into is None:
            print(text)
        else:
            _put(arguments.into, text)
    if arguments.short is not None:
        long_page = Page.parse(arguments.into.read_text(encoding="utf-8"))
        _put(arguments.short, shorten(long_page))


def _put(path, text):
    path.write_text(replace(path.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
