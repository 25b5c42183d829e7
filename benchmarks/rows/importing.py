"""`import gtlog` in a program that has imported TensorFlow, up to what it holds of gtlog."""

import importlib
import sys
import time

from benchmarks import child
from benchmarks.figures import (
    AT_MOST,
    BARE,
    EXACTLY,
    GTLOG,
    KERAS,
    USUAL_EAGER,
    USUAL_IN_GRAPH,
    Bar,
    Case,
    Figure,
    Row,
    Skipped,
    Spread,
)

_HEAVY = ("keras", "tf_keras", "tensorboard", "tensorflow.python.keras")
_TENSORFLOW = "import tensorflow"


def importing(effort):
    """Milliseconds, and the modules of TensorBoard and Keras that come along, in new processes."""
    target = f"{__name__}:measure"
    child.run(target)  # compiles and reads what the disk has not read yet
    runs = [child.run(target) for _ in range(effort.rounds(10))]
    seconds, tensorflow = ([run[name] for run in runs] for name in ("gtlog", "tensorflow"))
    dragged_in = [len(run["dragged_in"]) for run in runs]
    not_an_import = "It is code of the user's own."
    return Row(
        "import",
        "import gtlog, after import tensorflow",
        figures=(
            Figure("ms to import", Spread.of(seconds, 1e3), "ms", Bar(AT_MOST, 30)),
            Figure(
                "modules of TensorBoard and Keras",
                Spread.of(dragged_in),
                "modules",
                Bar(EXACTLY, 0),
            ),
        ),
        cases=(
            Case(GTLOG, Spread.of(seconds, 1e3), "ms"),
            Case(_TENSORFLOW, Spread.of(tensorflow, 1e3), "ms"),
            *(Skipped(name, not_an_import) for name in (BARE, USUAL_EAGER, USUAL_IN_GRAPH)),
            Skipped(KERAS, "It comes with Keras."),
        ),
    )


def measure():
    """Seconds of both imports, and what the second one brought; for a process of its own.

    gtlog imports a name when it is first asked for: those that a program decorates and trains with
    count.
    """
    tensorflow = _seconds_to_import("tensorflow")
    before = set(sys.modules)
    seconds = _seconds_to_import("gtlog", "logged_step", "InstrumentedTape", "StepLogger")
    new = sorted(name for name in set(sys.modules) - before if _is_heavy(name))
    return {"gtlog": seconds, "tensorflow": tensorflow, "dragged_in": new}


def _seconds_to_import(name, *attributes):
    start = time.perf_counter()
    module = importlib.import_module(name)
    for attribute in attributes:
        getattr(module, attribute)
    return time.perf_counter() - start


def _is_heavy(name):
    return any(name == heavy or name.startswith(f"{heavy}.") for heavy in _HEAVY)
