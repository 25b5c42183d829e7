"""What each process of a job under `ParameterServerStrategy` runs."""

import os
import pathlib
import pickle
import sys
import warnings

import tensorflow as tf

import gtlog

from .modes import Bare, Instruments
from .rows.servers import ServedByRows


def main():
    """The first process coordinates, bare and logged, and leaves results; the others serve."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if resolver.task_type != "chief":
        tf.distribute.Server(
            resolver.cluster_spec(), job_name=resolver.task_type, task_index=resolver.task_id
        ).join()
    strategy = _strategy(resolver)
    coordinator = tf.distribute.experimental.coordinator.ClusterCoordinator(strategy)
    results = {}
    for name, way in {"outer": around_schedule, "beneath": on_scheduled}.items():
        logdir = os.path.abspath(f"events-{name}")
        results[name] = {
            "bare": _run(way, strategy, coordinator, Bare()),
            "logged": _run(way, strategy, coordinator, Instruments(logdir)),
            "logdir": logdir,
        }
    pathlib.Path(sys.argv[2]).write_bytes(pickle.dumps(results))
    # Without waiting for connections that the servers, which never end, keep open.
    sys.stdout.flush()
    os._exit(0)


def _strategy(resolver):
    new = getattr(tf.distribute, "ParameterServerStrategy", None)
    make = new or tf.distribute.experimental.ParameterServerStrategy
    halves = tf.distribute.experimental.partitioners.FixedShardsPartitioner(2)
    return make(resolver, variable_partitioner=halves)


def around_schedule(task, instruments, coordinator):
    """The decorator on the function that schedules the step and waits for it.

    It reads the variables too, as programs do that print a norm: so each is met as what the
    coordinator caches and as what it wraps there.
    """

    @tf.function
    def worker_step(x, y):
        return task.strategy.run(lambda x, y: task.train(instruments.tape, x, y), args=(x, y))

    @instruments.decorate
    def train_step(x, y):
        result = coordinator.schedule(worker_step, args=(x, y))
        coordinator.join()
        for one in task.variables:
            tf.norm(tf.convert_to_tensor(one))
        return result.fetch()

    return [float(train_step(tf.constant(x), tf.constant(y))) for x, y in task.batches()]


def on_scheduled(task, instruments, coordinator):
    """The decorator on the function that workers run."""

    @tf.function
    @instruments.decorate
    def worker_step(x, y):
        return task.strategy.run(lambda x, y: task.train(instruments.tape, x, y), args=(x, y))

    losses = []
    for x, y in task.batches():
        losses.append(coordinator.schedule(worker_step, args=(tf.constant(x), tf.constant(y))))
        coordinator.join()
    return [float(loss.fetch()) for loss in losses]


def _run(way, strategy, coordinator, instruments):
    task = ServedByRows(strategy=strategy)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        losses = way(task, instruments, coordinator)
        instruments.close()
    notices = [str(w.message) for w in caught if issubclass(w.category, gtlog.LoggingWarning)]
    return losses, task.weights(), task.traces, notices
