"""Trains what has not been trained yet, and keeps the event files with what is known of a run."""

import hashlib
import os
import pickle
import shutil
import warnings
from typing import Any, NamedTuple

import numpy as np

from benchmarks.faults.campaign import schedule
from benchmarks.faults.programs import ARCHITECTURES
from benchmarks.faults.programs.base import layer_path
from benchmarks.faults.training import Training
from gtlog.reading.run import open_run

_FACTS = "facts.pickle"
# Losses whose median tells where a run began and where it ended.
_FIRST, _LAST = 5, 30


class Trace(NamedTuple):
    """A run that was trained.

    Attributes:
      run: The `Faulty` or `HealthyRun`.
      logdir: Directory of its event files.
      truth: Its `Truth`.
      paths: Path of each layer, as the vitals name it.
      counts: Whether the independent check holds: the fault is there, or the quality is reached.
    """

    run: Any
    logdir: str
    truth: Any
    paths: Any
    counts: bool

    @property
    def table(self):
        """The vitals, read from the event files."""
        return open_run(self.logdir).table


class Traces:
    """The runs in a directory.

    Args:
      directory: Where they are kept; what is there is not trained again.
    """

    def __init__(self, directory):
        self._directory = directory

    def has(self, run):
        """Whether a run was trained already."""
        return os.path.exists(os.path.join(self._place(run.name), _FACTS))

    def _place(self, name):
        return os.path.join(self._directory, hashlib.sha1(name.encode()).hexdigest()[:16])

    def faulty(self, run):
        """The trace of a faulty run, trained if it is not there, and the right layers by plant."""
        # Of a twin its truth alone is asked: nothing of it needs to be logged.
        twin, _ = self._kept(run.twin, lambda: self._twin(run), every=str(run.steps))
        make = lambda: Training(  # noqa: E731
            ARCHITECTURES[run.architecture], run.optimizer, run.seed, run.steps, run.plants
        )
        facts, place = self._kept(
            run.name,
            make,
            run.every,
            lambda training, truth: {
                "counts": all(_holds(one, truth, twin["truth"]) for one in run.plants)
            },
        )
        layers = [one.layers(list(facts["paths"])) for one in run.plants]
        return Trace(run, place, facts["truth"], facts["paths"], facts["counts"]), layers

    def _twin(self, run):
        return Training(ARCHITECTURES[run.architecture], run.optimizer, run.seed, run.steps)

    def healthy(self, run):
        """The trace of a healthy run, trained if it is not there."""

        def make():
            healthy = run.healthy
            return Training(
                healthy.program,
                run.optimizer,
                run.seed,
                run.steps,
                healthy.hooks(),
                healthy.options,
            )

        facts, place = self._kept(
            run.name,
            make,
            run.every,
            lambda training, truth: {
                "counts": _is_good(training.program, truth, run.healthy.quality)
            },
        )
        return Trace(run, place, facts["truth"], facts["paths"], facts["counts"])

    def _kept(self, name, make, every="1", describe=None):
        place = self._place(name)
        path = os.path.join(place, _FACTS)
        if not os.path.exists(path):
            shutil.rmtree(place, ignore_errors=True)
            training = make()
            paths = {name: layer_path(one) for name, one in training.program.kernels.items()}
            with warnings.catch_warnings():
                # Of what it sees while it trains, such as a gradient that is None, the tables tell.
                warnings.simplefilter("ignore")
                truth = training.run(place, schedule(every))
            more = describe(training, truth) if describe else {}
            with open(path, "wb") as file:
                pickle.dump({"name": name, "truth": truth, "paths": paths, **more}, file)
        with open(path, "rb") as file:
            return pickle.load(file), place


def _holds(plant, truth, twin):
    with np.errstate(all="ignore"):
        return bool(plant.took_hold(truth, twin))


def _is_good(program, truth, quality):
    """Whether a healthy run reached what is declared for it."""
    if hasattr(program, "succeeds"):
        return bool(program.succeeds(truth.loss))
    quality = quality or program.quality
    first, last = np.median(truth.loss[:_FIRST]), np.median(truth.loss[-_LAST:])
    return bool(last <= quality * first)
