"""What each worker of a job under `MultiWorkerMirroredStrategy` runs, in a process of its own."""

import os
import pathlib
import pickle
import sys
import warnings

import tensorflow as tf

import gtlog

from .modes import Bare, Instruments
from .rows.replicas import WAYS, Replicated


def main():
    """Trains in each way, bare and logged; the chief leaves results, each worker its events."""
    new = getattr(tf.distribute, "MultiWorkerMirroredStrategy", None)
    strategy = (new or tf.distribute.experimental.MultiWorkerMirroredStrategy)()
    worker = strategy.cluster_resolver.task_id
    results = {}
    for name, way in WAYS.items():
        logdir = os.path.abspath(f"events-{worker}-{len(results)}")
        results[name] = {
            "bare": _run(way, strategy, Bare()),
            "logged": _run(way, strategy, Instruments(logdir)),
            "logdir": logdir,
            "other_logdir": logdir.replace("events-0", "events-1"),
        }
    _wait_for_the_others(strategy)
    if worker == 0:
        pathlib.Path(sys.argv[2]).write_bytes(pickle.dumps(results))


def _run(way, strategy, instruments):
    task = Replicated(strategy=strategy)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        losses = way(task, instruments)
        instruments.close()
    notices = [str(w.message) for w in caught if issubclass(w.category, gtlog.LoggingWarning)]
    return losses, task.weights(), task.traces, notices


def _wait_for_the_others(strategy):
    """No process may end while another one still talks to it."""
    with strategy.scope():
        met = tf.Variable(0.0)
    strategy.run(lambda: met.assign(met + 1.0))
    Replicated(strategy=strategy).total(strategy.run(lambda: tf.constant(1.0)))
