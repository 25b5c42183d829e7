"""The command `gtlog report`: runs as one file that opens in a browser."""

import os
import sys

WRITTEN = 0
UNREADABLE = 1
_MOST_SAID = 20_000  # characters


def add_parser(subparsers):
    """Adds `report` to the subcommands of a parser.

    Args:
      subparsers: What `argparse.ArgumentParser.add_subparsers` returned.

    Returns:
      The parser of the command.
    """
    parser = subparsers.add_parser(
        "report",
        help="write all layers against all steps as one file for a browser",
        description="Writes one HTML file that shows what is wrong with a training, all layers "
        "against all steps in one picture, and each layer with its curves, histograms and "
        "kernels. It opens from disk and needs no network. Several runs can be compared in it.",
        epilog="A directory that holds several runs gives them all. Exit status: 0 where the file "
        "was written, 1 where no run could be read.",
    )
    parser.add_argument("logdir", metavar="LOGDIR", nargs="+", help="log directory of a run")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="report.html",
        help="the file to write (default: report.html); one that is there is replaced",
    )
    parser.set_defaults(command=run)
    return parser


def run(arguments):
    """Runs the command.

    Args:
      arguments: Namespace with `logdir`, a list, and `output`.

    Returns:
      The exit status, `int`.
    """
    # Here, since the help needs no numpy.
    from gtlog.looking.progress import Progress
    from gtlog.looking.report import report_html

    with Progress(sys.stderr) as progress:
        runs = _runs(arguments.logdir, progress)
        if not runs:
            return UNREADABLE
        progress.say("Packing the page")
        page = report_html(runs)
    try:
        _write(arguments.output, page)
    except OSError as error:
        _complain(f"{arguments.output!r} cannot be written: {error.strerror or error}")
        return UNREADABLE
    _say(_what_was_written(runs, arguments.output, len(page)), sys.stdout)
    return WRITTEN


def _runs(logdirs, progress):
    """A `ShownRun` for each run that can be read; of the others it says why not."""
    from gtlog.looking.sources import named_runs, runs_beneath

    folders = []
    for logdir in logdirs:
        try:
            folders.extend(runs_beneath(logdir))
        except (OSError, ValueError) as error:
            _complain(error)
    runs = []
    for name, folder in named_runs(folders):
        try:
            runs.append(progress.read(name, folder))
        except (OSError, ValueError) as error:
            _complain(error)
    return runs


def _write(path, page):
    """Writes the file whole or not at all."""
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(page)
    os.replace(part, path)


def _complain(message):
    _say(f"gtlog report: {message}", sys.stderr)


def _say(text, stream):
    """Prints a text with its control characters escaped, and those that the terminal lacks."""
    from gtlog.notices.text import printable

    encoding = stream.encoding or "ascii"
    text = printable(text, most=_MOST_SAID)
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _what_was_written(runs, path, size):
    lines = []
    for one in runs:
        alarms = [finding for finding in one.findings if finding.severity == "alarm"]
        lines.append(f"{one.name}: {alarms[0] if alarms else 'no alarm'}")
        lines.extend(f"  {note}" for note in one.notes[:3])
    lines.append(f"Open {path} in a browser ({size / 1e6:.1f} MB).")
    return "\n".join(lines)
