"""The whole demo: trains, draws, and prints the outcome and where to look."""

import importlib.util
import os
import sys

from gtlog import testing
from gtlog.demo import data, models, picture
from gtlog.demo.table import table
from gtlog.demo.terminal import shell_word
from gtlog.demo.training import train


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


def _where_to_look(folder, picture_path):
    encoding = sys.stdout.encoding or "ascii"
    yield f"Event files:  {shell_word(folder, encoding)}"
    yield f"Picture:      {shell_word(picture_path, encoding)}"
    yield f"Look inside:  tensorboard --logdir {shell_word(folder, encoding)}"
    if importlib.util.find_spec("tensorboard") is None:
        yield "              (first: pip install 'gtlog[tensorboard]')"
