"""Each mode is run bare and decorated, and its events are held to those of an eager run."""

import dataclasses
import warnings
from typing import Any, List

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .modes import Bare, Instruments
from .rows import MODES
from .ways import eagerly


@dataclasses.dataclass
class Run:
    """What a run left behind; `notices` are the texts of gtlog's warnings."""

    task: Any
    losses: List[float]
    events: Any = None
    notices: Any = ()


@pytest.fixture(scope="session", autouse=True)
def environment(record_testsuite_property):
    """Puts into `--junitxml` what the table calls the environment."""
    legacy = " with tf_keras" if tf.keras.__name__.startswith("tf_keras") else ""
    record_testsuite_property("environment", tf.__version__ + legacy)


@pytest.fixture(scope="module", params=MODES, ids=lambda mode: mode.name)
def mode(request):
    """Each mode that this TensorFlow has."""
    missing = request.param.missing()
    if missing:
        pytest.skip(missing)
    return request.param


@pytest.fixture(scope="module")
def bare(mode):
    """The mode without gtlog, with TensorFlow's own random state."""
    task = mode.task(stateful=True)
    return Run(task, mode.run(task, Bare()))


@pytest.fixture(scope="module")
def decorated(mode, request, tmp_path_factory):
    """The mode with gtlog, with TensorFlow's own random state, where the task draws from it."""
    if not mode.task.is_random:
        return request.getfixturevalue("logged")
    return _logged(mode, mode.run, True, tmp_path_factory.mktemp("decorated"))


@pytest.fixture(scope="module")
def logged(mode, tmp_path_factory):
    """The mode with gtlog."""
    return _logged(mode, mode.run, False, tmp_path_factory.mktemp("logged"))


@pytest.fixture(scope="session")
def eager_runs():
    """Eager runs that were made already, by their task: many modes share one."""
    return {}


@pytest.fixture(scope="module")
def eager(mode, eager_runs, tmp_path_factory):
    """The same task, run eagerly with gtlog."""
    reference = dataclasses.replace(mode, task=mode.reference or mode.task)
    key = reference.task, repr(sorted(mode.options.items()))
    if key not in eager_runs:
        eager_runs[key] = _logged(reference, eagerly, False, tmp_path_factory.mktemp("eager"))
    return eager_runs[key]


def _logged(mode, run, stateful, logdir):
    task = mode.task(stateful=stateful)
    instruments = Instruments(str(logdir), **mode.options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        losses = run(task, instruments)
        instruments.close()
    notices = [str(w.message) for w in caught if issubclass(w.category, gtlog.LoggingWarning)]
    return Run(task, losses, read_events(logdir), notices)
