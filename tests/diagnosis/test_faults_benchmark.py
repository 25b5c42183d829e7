"""The diagnosis on real trainings: the short version of the benchmark of planted faults."""

import functools

import pytest
import tensorflow as tf

pytestmark = pytest.mark.no_cover  # trainings, which would take half as long again
keras3 = pytest.mark.skipif(
    not hasattr(tf.keras, "ops") or not hasattr(tf.keras.optimizers, "Lamb"),
    reason="the trainings are written for Keras 3",
)
# Of a dozen faulty runs; what one of them may cost.
LEAST_RECALL, LEAST_RIGHT = 0.92, 0.85


@pytest.fixture(scope="module")
def judged():
    """Trains the short version once. Returns faulty and healthy runs, as gtlog judges them."""
    return functools.lru_cache(maxsize=None)(_judged)


def _judged():
    from benchmarks.faults.cli import measure
    from benchmarks.faults.scoring import GTLOG

    results = measure("tune", is_short=True)
    assert len(results.left_out) <= 3, [run.name for run in results.left_out]
    return results.judged[GTLOG]


@keras3
def test_healthy_runs_get_no_alarm(judged):
    """Of two dozen healthy trainings of odd kinds, none is given an alarm."""
    _, healthy = judged()
    assert len(healthy) >= 20
    assert [(one.run.name, one.alarms) for one in healthy if one.alarms] == []


@keras3
def test_faults_are_found_and_named(judged):
    """Of a dozen planted faults nearly all are found, by their name, at most two alarms each."""
    faulty, _ = judged()
    assert len(faulty) >= 10
    missed = [one.run.name for one in faulty if not one.is_found]
    wrong = [one.run.name for one in faulty if not one.is_right_fault]
    assert len(missed) <= (1 - LEAST_RECALL) * len(faulty), missed
    assert len(wrong) <= (1 - LEAST_RIGHT) * len(faulty), wrong
    assert max(len(one.alarms) for one in faulty) <= 2
