"""Jobs of several workers, beyond what run_modes holds."""

import os
import queue
import threading
import types

import pytest

from gtlog.steps.workers import Workers
from gtlog.testing import read_events

from .run_modes.rows import servers
from .run_modes.rows.replicas import WAYS
from .run_modes.rows.workers import job_results


@pytest.mark.parametrize("name", WAYS)
def test_the_chief_alone_writes(name):
    """The other worker makes no event file, not even an empty one."""
    results = job_results()[name]
    assert read_events(results["logdir"])
    assert os.listdir(results["other_logdir"]) == []


def test_a_schedule_that_workers_may_answer_differently():
    """No worker waits for another one then: gradients and loss are left out, and that is said."""
    results = job_results()["asked"]
    events = read_events(results["logdir"])
    assert list(events.of("weights/conv/kernel")) == [1]
    assert not [tag for tag in events.tags if tag.startswith(("gradient", "loss"))]
    notices = results["logged"][3]
    assert len(notices) == 1
    assert "log the same steps" in notices[0]


@pytest.mark.skipif(bool(servers.missing()), reason=str(servers.missing()))
def test_a_function_that_workers_run_is_decorated():
    """Nothing is handed over from the processes of workers; the warning says what to decorate."""
    results = servers.job_results()["beneath"]
    assert results["logged"][0] == results["bare"][0]
    assert os.listdir(results["logdir"]) == []
    notices = results["logged"][3]
    assert len(notices) == 1
    assert "coordinator.schedule" in notices[0]


def test_a_worker_that_is_alone():
    """A worker that waits for the others says so, and what must be decorated."""
    said = queue.Queue()
    failures = types.SimpleNamespace(notice=said.put)
    with Workers(None, True, failures, patience=0.01).said_if_alone():
        assert "Decorate it in every worker" in said.get(timeout=60)


def test_workers_that_meet():
    """Nothing is said where the others come in time."""
    said = queue.Queue()
    failures = types.SimpleNamespace(notice=said.put)
    with Workers(None, True, failures, patience=3600.0).said_if_alone():
        timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    for timer in timers:
        timer.join(60)
    assert not any(timer.is_alive() for timer in timers)
    assert said.empty()
