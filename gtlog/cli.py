"""The command line: `gtlog demo`, `gtlog diagnose`, `gtlog report`, `gtlog show`."""

import argparse
import importlib
import os
import sys

import gtlog
from gtlog.demo import FAULTS, MODELS
from gtlog.demo.folder import new_run_folder
from gtlog.diagnosis import command as diagnose_command
from gtlog.looking import command as report_command
from gtlog.terminal import command as show_command

_DEMO_PACKAGES = {
    "sklearn": "scikit-learn (the digits)",
    "tqdm": "tqdm (the progress bar)",
    "tensorflow": "TensorFlow (tensorflow or tensorflow-cpu)",
}

_CUT_SHORT = 141  # the exit status of a program that a closed pipe ends


def main(argv=None) -> int:
    """Runs the command `gtlog`.

    Args:
      argv: Arguments, list of `str`; None takes those of the process.

    Returns:
      The exit status of the command; 130 if the user has interrupted it, 141 if nobody reads what
      it prints.

    Raises:
      SystemExit: after `--help` and `--version`, and with status 2 where an argument is wrong.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.name is None:
        parser.print_help()
        return 0
    try:
        status = arguments.command(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader of the output, such as `head`, has left. Python would complain at its exit.
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CUT_SHORT
    except KeyboardInterrupt:
        print("\ngtlog: stopped; what was logged so far is kept.", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="gtlog", description="Sees inside a model that is trained with tf.GradientTape."
    )
    parser.add_argument("--version", action="version", version=f"gtlog {gtlog.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="command", dest="name")
    _add_demo(commands)
    diagnose_command.add_parser(commands)
    report_command.add_parser(commands)
    show_command.add_parser(commands)
    return parser


def _add_demo(commands):
    text = (
        "Trains small models on handwritten digits that scikit-learn ships, in under a minute and "
        "offline, and logs what happens inside them."
    )
    demo = commands.add_parser(
        "demo",
        help="train three small models and look inside them",
        description=text,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    demo.add_argument(
        "--logdir",
        type=_path,
        default="gtlog-demo",
        help="folder to write to; where it has something in it, a subfolder run-2, run-3, ...",
    )
    demo.add_argument(
        "--steps", type=_positive_int, default=300, help="training steps of each model"
    )
    demo.add_argument(
        "--every", type=_positive_int, default=10, help="log steps 0, EVERY, 2 EVERY, ..."
    )
    what = demo.add_mutually_exclusive_group()
    what.add_argument("--model", choices=[*MODELS, "all"], default="all", help="what to train")
    what.add_argument(
        "--fault",
        choices=FAULTS,
        default=argparse.SUPPRESS,
        help="train one model with this mistake in it, and print what the diagnosis finds",
    )
    demo.set_defaults(command=lambda arguments: _demo(demo, arguments))


def _demo(parser, arguments):
    missing = [what for module, what in _DEMO_PACKAGES.items() if _is_missing(module)]
    if missing:
        needed = " and ".join(", ".join(missing).rsplit(", ", 1))
        print(
            f"gtlog demo needs {needed}, not installed here: pip install 'gtlog[demo]', or in a "
            "clone of the project: pip install '.[demo]'",
            file=sys.stderr,
        )
        return 1
    try:
        folder = new_run_folder(arguments.logdir)
    except OSError as error:
        parser.error(f"argument --logdir: must be a folder that can be written to: {error}")
    # Imported here, since it imports TensorFlow and the optional packages.
    from gtlog.demo.run import run, run_fault

    if "fault" in arguments:
        run_fault(folder, arguments.fault, arguments.steps, arguments.every)
        return 0
    names = list(MODELS) if arguments.model == "all" else [arguments.model]
    run(folder, names, arguments.steps, arguments.every)
    return 0


def _path(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        rule = "must be UTF-8, which TensorFlow asks of paths"
        raise argparse.ArgumentTypeError(f"{rule}, got {text!r}") from None
    return text


def _positive_int(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a positive whole number, got {text!r}")
    return number


def _is_missing(module):
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return True
    return False
