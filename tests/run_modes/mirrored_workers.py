"""What each worker of a job under `MultiWorkerMirroredStrategy` runs, in a process of its own."""

import os
import pathlib
import pickle
import sys
import warnings

import tensorflow as tf

import gtlog

from .modes import Bare, Instruments
from .rows.replicas import WAYS, Replicated, outer_above


class OneOfTwo(Replicated):
    """Trains on the half of each batch that is the worker's."""

    def share(self, x):
        """TensorFlow 2.3 numbers the replicas of each worker from 0: its own number decides."""
        size = len(x) // 2
        begin = size * self.strategy.cluster_resolver.task_id
        return x[begin : begin + size]


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
    logdir = os.path.abspath(f"events-{worker}-asked")
    asked = Instruments(logdir, every=lambda step: step == 1)
    results["asked"] = {"logged": _run(outer_above, strategy, asked), "logdir": logdir}
    _wait_for_the_others(strategy)
    if worker == 0:
        pathlib.Path(sys.argv[2]).write_bytes(pickle.dumps(results))


def _run(way, strategy, instruments):
    task = OneOfTwo(strategy=strategy)
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
    OneOfTwo(strategy=strategy).total(strategy.run(lambda: tf.constant(1.0)))
