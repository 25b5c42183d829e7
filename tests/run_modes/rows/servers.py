"""Row 11: a coordinator, two workers and a parameter server, each a process of its own."""

import functools
import tempfile

import tensorflow as tf

from ..cluster import run_job
from ..modes import Mode
from .replicas import Replicated
from .workers import taken_over

TASKS = [("chief", 0), ("worker", 0), ("worker", 1), ("ps", 0)]
_UNSEEN = "the step runs in the processes of workers, which cannot hand it over"


@functools.lru_cache(maxsize=None)
def job_results():
    """Results by name of the way, of one job that runs all of them."""
    return run_job("parameter_server", TASKS, tempfile.mkdtemp())


class ServedByRows(Replicated):
    """Variables that a parameter server may keep in shards, each updated by its own gradient."""

    def __init__(self, stateful=False, strategy=None):
        super().__init__(stateful, strategy=strategy or tf.distribute.get_strategy())
        self.left = None

    def train(self, tape_class, x, y):
        """The body of the step; returns the loss."""
        self.traces += 1
        shards = [shard for one in self.variables for shard in getattr(one, "variables", [one])]
        with tape_class() as tape:
            loss = self.loss(x, y)
        for shard, gradient in zip(shards, tape.gradient(loss, shards)):
            shard.assign_sub(0.1 * gradient + 0.01 * shard)
        return loss

    def weights(self):
        """The weights, whole."""
        return super().weights() if self.left is None else self.left


def missing():
    """Why this TensorFlow has no such job."""
    if not hasattr(tf.distribute.experimental, "coordinator"):
        return "TensorFlow 2.3 has no ClusterCoordinator"
    return None


def in_a_job(name, task, instruments):
    """What the job did in one way, taken over as if it had happened here."""
    return taken_over(job_results()[name], task, instruments)


MODES = (
    Mode(
        11,
        "`ParameterServerStrategy`, around `coordinator.schedule`",
        ServedByRows,
        functools.partial(in_a_job, "outer"),
        unseen={"gradients": _UNSEEN, "updates": _UNSEEN, "loss": _UNSEEN},
        notice="processes of workers",
        missing=missing,
    ),
)
