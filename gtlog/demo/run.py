"""The whole demo: trains, prints the outcome, writes the report, and names the ways to look."""

import importlib.util
import os
import shutil
import sys
import textwrap

from gtlog import testing
from gtlog.demo import data, faults, models
from gtlog.demo.table import table
from gtlog.demo.terminal import shell_word
from gtlog.demo.training import train
from gtlog.diagnosis.command import as_text
from gtlog.diagnosis.source import diagnose
from gtlog.looking.report import report_html

_WIDEST = 100  # characters of a line that is easy to read


def run(folder, names, steps, every):
    """Trains models one after the other, logs them, and prints the outcome of each.

    Args:
      folder: Path of an empty folder. Each model's event file goes into a subfolder of that name;
        the report on all models is `report.html`.
      names: Names of the models, keys of `models.BUILDERS`.
      steps: Number of training steps of each model.
      every: Steps 0, `every`, 2 `every`, … are logged.
    """
    digits = data.load_digits()
    for name in names:
        logdir = os.path.join(folder, name)
        accuracy = train(models.BUILDERS[name](), digits, logdir, steps, every)
        title = f"{name}: {accuracy:.1%} of {len(digits.held_out_labels)} held-out digits right"
        print(title, *table(testing.read_events(logdir)), "", sep="\n", flush=True)
    _look(folder, names)


def run_fault(folder, name, steps, every):
    """Trains a model with a mistake in it, and prints what the diagnosis finds in its vitals.

    Args:
      folder: Path of an empty folder. The event file goes into a subfolder with the name of the
        fault; the report on it is `report.html`.
      name: Name of the fault, one of `gtlog.demo.FAULTS`.
      steps: Number of training steps.
      every: Steps 0, `every`, 2 `every`, … are logged.
    """
    training = faults.TRAININGS[name](data.load_digits(), steps)
    logdir = os.path.join(folder, name)
    print(f"The mistake:  {training.mistake}\n", flush=True)
    training.run(logdir, every)
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for paragraph in as_text(diagnose(logdir)).splitlines():
        print(textwrap.fill(paragraph, width, break_long_words=False, break_on_hyphens=False))
    print()
    _look(folder, [name])


def _look(folder, names):
    """Writes the report, and prints each way to look at the runs."""
    report = os.path.join(folder, "report.html")
    logdirs = [os.path.join(folder, name) for name in names]
    with open(report, "w", encoding="utf-8") as file:
        file.write(report_html(logdirs))
    print(*_ways_to_look(folder, logdirs[-1], report), sep="\n")


def _ways_to_look(folder, logdir, report):
    encoding = sys.stdout.encoding or "ascii"
    run_word, folder_word = shell_word(logdir, encoding), shell_word(folder, encoding)
    yield "Look at it:"
    yield f"  in a browser       {shell_word(report, encoding)}"
    yield f"  in this terminal   gtlog show {run_word}"
    yield f"  in words           gtlog diagnose {run_word}"
    yield f"  in TensorBoard     tensorboard --logdir {folder_word}    (the tab GTLOG)"
    if importlib.util.find_spec("tensorboard") is None:
        yield "                     (first: pip install 'gtlog[tensorboard]')"
    yield f"  in a notebook      gtlog.open_run({logdir!a})"
