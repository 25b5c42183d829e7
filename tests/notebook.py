"""Runs a notebook's cells as a plain program, without Jupyter, and keeps what they show.

    python -m tests.notebook docs/first-hour.ipynb

writes the outputs into the notebook. The cells are Python alone: no magics, no shell.
"""

import ast
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import warnings

import gtlog


def code_cells(notebook):
    """The cells of a notebook, as `json.loads` gives it, that hold code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(cells, folder):
    """Runs code cells one after the other, in one namespace, and yields the outputs of each.

    Args:
      cells: As `code_cells` returns them.
      folder: Path of a directory for their code: AutoGraph asks for the source of what it converts.

    Yields:
      Lists in the notebook format: what was printed, the warnings of gtlog, and the value of the
      last line.
    """
    names = {"__name__": "notebook"}
    for number, cell in enumerate(cells, 1):
        path = pathlib.Path(folder) / f"cell_{number}.py"
        path.write_text("".join(cell["source"]), encoding="utf-8")
        yield _run(path, number, names)


def _run(path, number, names):
    tree, printed, value = ast.parse(path.read_text(encoding="utf-8")), io.StringIO(), None
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as given:
        for category in (gtlog.TrainingWarning, gtlog.LoggingWarning):
            warnings.simplefilter("always", category)
        exec(compile(tree, str(path), "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), str(path), "eval"), names)
    shown = [_stream("stdout", printed.getvalue()), _stream("stderr", _lines(given))]
    return [one for one in shown if one["text"]] + _result(value, number)


def _lines(given):
    return "".join(
        f"{pathlib.Path(one.filename).name}:{one.lineno}: {one.category.__name__}: {one.message}\n"
        for one in given
    )


def _stream(name, text):
    return {"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)}


def _result(value, number):
    if value is None:
        return []
    data = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_().splitlines(keepends=True)
    return [
        {
            "output_type": "execute_result",
            "execution_count": number,
            "metadata": {},
            "data": data,
        }
    ]


def main(path):
    """Runs the notebook of a path in a new directory, and writes its outputs into it."""
    path = pathlib.Path(path).resolve()
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = code_cells(notebook)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number, (cell, shown) in enumerate(zip(cells, outputs(cells, folder)), 1):
            cell.update(execution_count=number, outputs=shown)
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
