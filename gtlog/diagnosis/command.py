"""The command `gtlog diagnose`: findings of a log directory, for terminals and for CI."""

import argparse
import json
import sys

from gtlog.diagnosis.faults import ALARM, NOTE

FOUND = 1
UNREADABLE = 2


def add_parser(subparsers):
    """Adds `diagnose` to the subcommands of a parser.

    Args:
      subparsers: The return value of `argparse.ArgumentParser.add_subparsers`.

    Returns:
      The parser of the command.
    """
    parser = subparsers.add_parser(
        "diagnose",
        help="say what is wrong with a training, and in which layer",
        description="Reads the vitals of a log directory and says what is wrong, in which layer, "
        "since when and what to try.",
        epilog="Exit status: 0 if nothing was found that --fail-on names, 1 if something was, "
        "2 if the log directory cannot be read.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("logdir", metavar="LOGDIR", help="log directory of one run")
    parser.add_argument("--json", action="store_true", help="print a JSON list of findings")
    parser.add_argument(
        "--fail-on",
        choices=[ALARM, NOTE],
        default=ALARM,
        help="the least severity that makes the exit status 1",
    )
    parser.set_defaults(command=run)
    return parser


def run(arguments):
    """Runs the command.

    Args:
      arguments: Namespace with `logdir`, `json` and `fail_on`.

    Returns:
      The exit status, `int`.
    """
    # Imported here, since the help needs no numpy.
    from gtlog.diagnosis.source import diagnose

    try:
        findings = diagnose(arguments.logdir)
    except (OSError, ValueError) as error:
        print(f"gtlog diagnose: {error}", file=sys.stderr)
        return UNREADABLE
    print(_as_json(findings) if arguments.json else as_text(findings))
    failing = [ALARM] if arguments.fail_on == ALARM else [ALARM, NOTE]
    return FOUND if any(one.severity in failing for one in findings) else 0


def _as_json(findings):
    return json.dumps([one.to_dict() for one in findings], indent=2)


def as_text(findings):
    """Findings as they are printed, one paragraph each.

    Args:
      findings: List of `Finding`.

    Returns:
      `str`; a sentence that says that nothing was found, if the list is empty.
    """
    if not findings:
        return "Nothing found: no rule sees a fault in this run."
    return "\n\n".join(f"{one.severity.capitalize()}: {one}" for one in findings)
