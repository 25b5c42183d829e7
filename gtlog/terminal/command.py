"""The command `gtlog show`: one look at a run, in a terminal, a pipe or a CI job."""

import argparse
import re
import sys

from gtlog.vitals.columns import COLUMNS

_UNREADABLE = 2


def add_parser(subparsers):
    """Adds `show` to the subcommands of a parser.

    Args:
      subparsers: What `argparse.ArgumentParser.add_subparsers` returned.

    Returns:
      The parser of the command.
    """
    parser = subparsers.add_parser(
        "show",
        help="show a run in the terminal: findings, losses, the worst variables",
        description="Shows the findings of a run, its losses, and its variables with a sparkline "
        "each, the worst first.",
        epilog="Exit status: 0 where no alarm was found, 1 where one was, 2 where there is nothing "
        "to judge. Ctrl-C ends --follow with the status of what it showed last. NO_COLOR=1 turns "
        "colours off, COLUMNS=80 sets the width of a terminal.",
    )
    parser.add_argument("logdir", metavar="LOGDIR", help="log directory of a run")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="look again while the run goes on; wait where it has not begun",
    )
    parser.add_argument(
        "--layer",
        metavar="REGEX",
        type=_pattern,
        help="show only variables whose path matches somewhere",
    )
    parser.add_argument(
        "--statistic",
        metavar="COLUMN",
        choices=COLUMNS,
        help="what to show of each variable: value_rms, update_ratio, dead_units, ... (default: "
        "gradient_rms; value_rms where no gradient is known)",
    )
    rows = parser.add_mutually_exclusive_group()
    rows.add_argument("-n", metavar="ROWS", type=_count, default=10, help="rows (default: 10)")
    rows.add_argument("--all", action="store_true", help="show all rows")
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=_seconds,
        default=2.0,
        help="how long --follow waits between two looks (default: 2)",
    )
    parser.set_defaults(command=run)
    return parser


def run(arguments):
    """Runs the command.

    Args:
      arguments: Namespace of what `add_parser` adds.

    Returns:
      The exit status, `int`.
    """
    # Here, since the help needs no numpy.
    from gtlog.terminal.follow import follow
    from gtlog.terminal.look import Look
    from gtlog.terminal.screen import Screen
    from gtlog.terminal.view import Choice

    most = None if arguments.all else arguments.n
    choice = Choice(arguments.statistic, arguments.layer, most)
    try:
        look = Look(arguments.logdir, choice, is_over=not arguments.follow)
        if arguments.follow:
            return follow(look, sys.stdout, arguments.interval)
        look.refresh()
        lines = look.lines(Screen.of(sys.stdout))
        is_found = look.has_something
        print(*lines, sep="\n", file=sys.stdout if is_found else sys.stderr, flush=True)
        return look.status
    except BrokenPipeError:
        raise  # no error of a file: `gtlog.cli` ends quietly
    except (OSError, ValueError) as error:
        print(f"gtlog show: {error}", file=sys.stderr)
        return _UNREADABLE


def _pattern(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"must be a regular expression: {error}") from None


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive whole number, got {text!r}")
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, got {text!r}")
    return seconds
