"""Findings: how they read, and their way through JSON."""

import dataclasses
import json

import pytest

from gtlog.diagnosis.faults import FAULTS
from gtlog.diagnosis.finding import Finding

FOLLOWING = Finding("dead_units", "alarm", "net/dense_0", None, 45, "All.", "Look.")
FINDING = Finding(
    "vanishing_gradients",
    "alarm",
    "net/dense_1",
    "net/dense_1/kernel",
    40,
    "Its gradient is 3,000 times smaller.",
    "Try ReLU.",
    (FOLLOWING,),
)


def test_reads_as_sentences():
    """Place, fault, onset, evidence, what follows and advice, in this order."""
    assert str(FINDING) == (
        "`net/dense_1`: vanishing gradients since step 40. Its gradient is 3,000 times smaller. "
        "What follows from it: dead units of `net/dense_0` since step 45. Try ReLU."
    )


def test_without_a_layer_it_is_the_network():
    """A finding that names no layer speaks of the network."""
    finding = dataclasses.replace(FINDING, layer=None, variable=None, consequences=())
    assert str(finding).startswith("The network as a whole: vanishing gradients since step 40.")


def test_json_both_ways():
    """What `to_json` writes `from_json` reads, consequences included."""
    assert Finding.from_json(FINDING.to_json()) == FINDING


def test_fields_of_a_later_version_are_left_out():
    """A field that this version does not know is no reason to fail."""
    fields = {**FINDING.to_dict(), "colour": "red"}
    assert Finding.from_dict(fields) == FINDING


@pytest.mark.parametrize("text", ["[]", "{}", "nonsense", '"a"'])
def test_what_is_no_finding_is_refused(text):
    """JSON of something else is a ValueError."""
    with pytest.raises(ValueError):
        Finding.from_json(text)


def test_unknown_faults_are_refused():
    """The vocabulary is fixed."""
    with pytest.raises(ValueError, match="fault must be one of nonfinite, .*, got 'gremlins'"):
        dataclasses.replace(FINDING, fault="gremlins")
    with pytest.raises(ValueError, match="severity must be 'alarm' or 'note', got 'panic'"):
        dataclasses.replace(FINDING, severity="panic")


def test_hostile_names_do_not_act():
    """A layer's name cannot move the cursor of a terminal."""
    finding = dataclasses.replace(FINDING, layer="net\x1b[2J", evidence="at \x1b[31mnet")
    assert "\x1b" not in str(finding)
    assert json.loads(finding.to_json())["layer"] == "net\x1b[2J"


def test_fifteen_faults():
    """Each fault of the vocabulary has a title, a meaning and its causes."""
    assert len(FAULTS) == 15
    assert all(fault.title and fault.meaning and fault.usual_causes for fault in FAULTS.values())
