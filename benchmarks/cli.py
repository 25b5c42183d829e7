"""The command line of the benchmark."""

import argparse
import datetime
import os
import shlex
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported, just below

import tensorflow as tf  # noqa: E402

from benchmarks import machine, markdown, model_size, terminal  # noqa: E402
from benchmarks.catalogue import ROWS  # noqa: E402
from benchmarks.effort import FULL, QUICK  # noqa: E402
from benchmarks.report import Report  # noqa: E402


def main(argv=None):
    """Runs the benchmark.

    Args:
      argv: Arguments, list of `str`; None takes those of the process.

    Returns:
      The exit status: 0, whether the bars are met or not.
    """
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parser().parse_args(argv)
    if arguments.markdown:
        _show_again(arguments)
        return 0
    # Others have no folder of this name: of a path its last part is enough.
    words = shlex.join(os.path.basename(one) for one in argv)
    report = _measure(arguments, f"python -m benchmarks {words}".strip())
    print(terminal.render(report))
    if arguments.json:
        report.save(arguments.json)
    _draw(report, arguments.plot)
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures what gtlog costs, beside the alternatives.",
    )
    names = [*ROWS, model_size.KEY]
    parser.add_argument("--quick", action="store_true", help="smaller, about a minute")
    parser.add_argument("--json", metavar="PATH", help="write everything measured to a file")
    parser.add_argument("--plot", metavar="PATH", help="draw cost against model size, PNG")
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="ROW", help=", ".join(names)
    )
    parser.add_argument(
        "--markdown", metavar="RESULTS", help="measure nothing: print this JSON file as Markdown"
    )
    parser.add_argument("--into", metavar="PAGE", help="put the Markdown between a page's marks")
    return parser


def _measure(arguments, command):
    tf.get_logger().setLevel("ERROR")  # it takes the many steps of one name for a mistake
    effort = QUICK if arguments.quick else FULL
    start, load = time.perf_counter(), machine.load()
    rows = [_measured(name, effort) for name in ROWS if name in arguments.only]
    points = []
    if model_size.KEY in arguments.only:
        points = model_size.sweep(effort, lambda text: _say(f"{model_size.KEY}: {text}"))
    return Report(
        command=command,
        effort=effort.name,
        caution=effort.caution,
        date=datetime.date.today().isoformat(),
        machine=machine.describe(),
        load=(load, machine.load()),
        seconds=time.perf_counter() - start,
        rows=tuple(rows),
        model_sizes=tuple(points),
    )


def _measured(name, effort):
    _say(f"{name} ({list(ROWS).index(name) + 1} of {len(ROWS)})")
    return ROWS[name](effort)


def _say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _show_again(arguments):
    report = Report.load_from(arguments.markdown)
    text = markdown.render(report)
    if arguments.into is None:
        print(text, end="")
    else:
        with open(arguments.into, encoding="utf-8") as file:
            page = markdown.replace(file.read(), text)
        with open(arguments.into, "w", encoding="utf-8") as file:
            file.write(page)
    _draw(report, arguments.plot)


def _draw(report, path):
    if path and report.model_sizes:
        # Here, so that only who wants the plot needs matplotlib.
        from benchmarks.plot import draw

        draw(report.model_sizes, path)
