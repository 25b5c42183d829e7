"""The whole demo: trains, draws, and prints the outcome and where to look."""

import importlib.util
import os
import shutil
import sys
import textwrap

from gtlog import testing
from gtlog.demo import data, faults, models, picture
from gtlog.demo.table import table
from gtlog.demo.terminal import shell_word
from gtlog.demo.training import train
from gtlog.diagnosis.command import as_text
from gtlog.diagnosis.source import diagnose

_WIDEST = 100  # characters of a line that is easily read


def run(folder, names, steps, every):
    """Trains models one after the other, logs them, and prints a report.

    Args:
      folder: Path of an empty folder. Each model's event file goes into a subfolder of its name,
        the picture of them all into `layers.png`.
      names: Names of the models, keys of `models.BUILDERS`.
      steps: Number of training steps of each model.
      every: Steps 0, `every`, 2 `every`, … are logged.
    """
    digits = data.load_digits()
    runs = {}
    for name in names:
        logdir = os.path.join(folder, name)
        accuracy = train(models.BUILDERS[name](), digits, logdir, steps, every)
        title = f"{name}: {accuracy:.1%} of {len(digits.held_out_labels)} held-out digits right"
        runs[title] = testing.read_events(logdir)
        print(title, *table(runs[title]), "", sep="\n", flush=True)
    picture_path = os.path.join(folder, "layers.png")
    picture.draw(runs, picture_path)
    print(*_where_to_look(folder, picture_path), sep="\n")


def run_fault(folder, name, steps, every):
    """Trains a model with a mistake in it, and prints what the diagnosis finds in its vitals.

    Args:
      folder: Path of an empty folder. The event file goes into a subfolder of the fault's name.
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
    encoding = sys.stdout.encoding or "ascii"
    print()
    print(f"Event files:  {shell_word(logdir, encoding)}")
    print(f"Say it again: gtlog diagnose {shell_word(logdir, encoding)}")


def _where_to_look(folder, picture_path):
    encoding = sys.stdout.encoding or "ascii"
    yield f"Event files:  {shell_word(folder, encoding)}"
    yield f"Picture:      {shell_word(picture_path, encoding)}"
    yield f"Look inside:  tensorboard --logdir {shell_word(folder, encoding)}"
    if importlib.util.find_spec("tensorboard") is None:
        yield "              (first: pip install 'gtlog[tensorboard]')"
