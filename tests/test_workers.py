"""Jobs of several workers, beyond what run_modes holds."""

import os
import warnings

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .run_modes.rows.replicas import WAYS
from .run_modes.rows.workers import job_results


@pytest.mark.parametrize("name", WAYS)
def test_the_chief_alone_writes(name):
    """The other worker makes no event file, not even an empty one."""
    results = job_results()[name]
    assert read_events(results["logdir"])
    assert os.listdir(results["other_logdir"]) == []


