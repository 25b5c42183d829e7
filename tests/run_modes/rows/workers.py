"""Row 10: two workers under `MultiWorkerMirroredStrategy`, each a process of its own."""

import functools
import shutil
import tempfile
import warnings

import tensorflow as tf

import gtlog
from gtlog import _compat

from ..cluster import run_job
from ..modes import Mode
from .replicas import WAYS, Replicated, outer_eager, replica_eager


@functools.lru_cache(maxsize=None)
def job_results():
    """Results by name of the way, of one job that runs all of them."""
    return run_job("mirrored_workers", [("worker", 0), ("worker", 1)], tempfile.mkdtemp())


class WholeBatch(Replicated):
    """What the workers train together, in this process; given what they have left behind."""

    def __init__(self, stateful=False):
        super().__init__(stateful, strategy=tf.distribute.get_strategy())
        self.left = None

    def weights(self):
        """The chief's weights."""
        return super().weights() if self.left is None else self.left


def in_a_job(name, task, instruments):
    """What the job did in one way, taken over as if it had happened here."""
    return taken_over(job_results()[name], task, instruments)


def taken_over(results, task, instruments):
    """Gives a task, the log directory and the warnings what a job has left of them."""
    which = "bare" if instruments.logger is None else "logged"
    losses, task.left, task.traces, notices = results[which]
    if which == "logged":
        shutil.copytree(results["logdir"], instruments.logdir, dirs_exist_ok=True)
    for notice in notices:
        warnings.warn(notice, gtlog.LoggingWarning, stacklevel=2)
    return losses


def unseen_in_graphs(way):
    """What cannot be seen of a way that runs in a graph."""
    if way in (outer_eager, replica_eager) or _compat.graphs_keep_parts_of_workers():
        return {}
    reason = "TensorFlow 2.3 sums the gradients of workers in place"
    return {"unseen": {"gradients": reason, "loss": reason}, "notice": "in place"}


MODES = tuple(
    Mode(
        10,
        f"two workers, {name}",
        WholeBatch,
        functools.partial(in_a_job, name),
        **unseen_in_graphs(way),
    )
    for name, way in WAYS.items()
)
