"""Diagnosis while the training runs: once each, in bounded memory and time."""

import numpy as np
import pytest

from gtlog.diagnosis import live as live_module
from gtlog.diagnosis.finding import Finding
from gtlog.diagnosis.live import (
    FEWEST_KEPT,
    FEWEST_STEPS,
    FIRST_STEPS,
    GROWTH,
    HEAD_START,
    MOST_STEPS,
    RECENT_STEPS,
    LiveDiagnosis,
)

from .judged import layer
from .training import Training


class Clock:
    """A clock that stands still until it is moved on."""

    now = 0.0

    def __call__(self):
        return self.now


def feed(live, table, seconds=1e9):
    """Hands a table to a live diagnosis step by step; pairs of a step and what was found."""
    found = []
    for place, step in enumerate(table.steps):
        values = np.stack([table.column(name)[:, place] for name in table.columns], axis=1)
        step_values = {name: one[place] for name, one in table.step_values.items()}
        new = live.add(step, table.variables, values, step_values, table.columns, seconds)
        found.extend((int(step), finding) for finding in new)
    return found


def cut(training, step):
    """Vanishing gradients from step 60 on."""
    training.scale_gradient[2] = 1e-4 if step >= 60 else 1.0


@pytest.mark.no_cover  # the same rules some hundred times
def test_each_finding_is_given_once():
    """A fault that goes on is said at its first sight and not again."""
    live = LiveDiagnosis()
    found = feed(live, Training(before_step=cut).run(120))
    assert [(one.fault, one.layer) for _, one in found] == [("vanishing_gradients", layer(1))]
    assert 60 <= found[0][0] <= 65
    assert live.close() == []


def test_close_tells_what_the_whole_run_tells():
    """A layer that was never updated is a note on the way and an alarm at the end."""
    live = LiveDiagnosis()
    found = feed(live, Training(frozen=(1,)).run(80))
    assert [(one.fault, one.severity) for _, one in found] == [("not_updated", "note")]
    assert [(one.fault, one.severity) for one in live.close()] == [("not_updated", "alarm")]


def test_memory_is_bounded(monkeypatch):
    """Of a long run the first steps, the last ones and some of those in between are kept."""
    monkeypatch.setattr(live_module, "judge", a_judge_of({}))
    live = LiveDiagnosis(Clock())
    table = Training(sizes=(4, 4, 2), batch=4).run(700)
    feed(live, table, seconds=0.0)
    steps = live.table().steps
    assert len(steps) <= MOST_STEPS
    assert list(steps[:FIRST_STEPS]) == list(range(FIRST_STEPS))
    assert list(steps[-RECENT_STEPS:]) == list(range(700 - RECENT_STEPS, 700))
    assert np.diff(steps).max() <= 700 / 64


def judgements(monkeypatch, seconds_of_judgement, seconds, steps):
    """The numbers of logged steps after which a run is judged."""
    clock, judged = Clock(), []
    live = LiveDiagnosis(clock)

    def judge(table, is_whole):
        clock.now += seconds_of_judgement * len(table) / MOST_STEPS
        judged.append(int(table.last_step) + 1)
        return []

    monkeypatch.setattr(live_module, "judge", judge)
    feed(live, Training(sizes=(4, 4, 2), batch=4).run(steps), seconds=seconds)
    return judged, live.seconds


def test_judging_takes_at_most_a_fiftieth_of_the_logged_steps(monkeypatch):
    """Beyond the first tenth of a second, judging takes two hundredths of the logged steps."""
    judged, seconds = judgements(monkeypatch, 0.2, 0.01, 760)
    assert seconds <= 0.02 * 0.01 * 760 + HEAD_START
    assert judged[-1] > 192


def test_cheap_judgements_are_frequent(monkeypatch):
    """Where a judgement takes less than a fiftieth of a logged step, each step is judged."""
    judged, _ = judgements(monkeypatch, 0.02, 1.0, 300)
    assert judged == list(range(FEWEST_STEPS, 301))


def test_the_beginning_is_judged_in_growing_intervals(monkeypatch):
    """Before there is time for it, a run is judged when it has grown by half."""
    judged, seconds = judgements(monkeypatch, 0.01, 0.0, 300)
    assert seconds <= HEAD_START
    assert judged[:8] == [8, 12, 18, 27, 41, 62, 93, 140]
    assert np.all(np.array(judged[1:]) <= np.ceil(GROWTH * np.array(judged[:-1])))


def test_memory_is_bounded_where_models_are_large(monkeypatch):
    """Of a large model fewer steps are kept."""
    monkeypatch.setattr(live_module, "judge", a_judge_of({}))
    monkeypatch.setattr(live_module, "MOST_NUMBERS", 4 * 20 * 60)
    live = LiveDiagnosis(Clock())
    feed(live, Training(sizes=(4, 4, 2), batch=4).run(300), seconds=0.0)
    steps = live.table().steps
    assert FEWEST_KEPT <= len(steps) <= 60
    assert steps[0] == 0 and list(steps[-15:]) == list(range(285, 300))


def test_nan_is_judged_at_once():
    """Weights that become NaN are said even where judging is too dear."""

    def spoil(training, step):
        if step == 30:
            training.weights[1][0, 0] = np.nan

    live = LiveDiagnosis()
    live.seconds = 1e9
    found = feed(live, Training(after_update=spoil).run(40), seconds=0.0)
    assert [(step, one.fault) for step, one in found] == [(30, "nonfinite")]


def test_resumed_runs_take_the_place_of_what_was():
    """A step that comes again replaces the later ones, as in the event files."""
    live = LiveDiagnosis()
    table = Training(sizes=(4, 4, 2)).run(30)
    feed(live, table)
    feed(live, table.latest(10))
    assert list(live.table().steps) == list(range(30))


@pytest.mark.no_cover
def test_healthy_runs_say_nothing_on_the_way():
    """No prefix of a healthy run makes an alarm or a note."""
    for options in ({}, {"optimizer": "momentum", "rate": 0.05}, {"activation": "tanh"}):
        live = LiveDiagnosis()
        assert feed(live, Training(**options).run(120)) == []
        assert live.close() == []


def a_judge_of(findings_by_length):
    """A stand-in for the judge: what it finds in tables of so many steps and more."""

    def judge(table, is_whole):
        lengths = [length for length in findings_by_length if length <= len(table)]
        return findings_by_length[max(lengths)] if lengths else []

    return judge


def finding(fault, layer, first_step=0, severity="alarm"):
    """A finding."""
    return Finding(fault, severity, layer, None, first_step, "Seen.", "Look.")


def given_with(monkeypatch, findings_by_length):
    """Faults and layers that are given while a run of 20 steps goes on."""
    monkeypatch.setattr(live_module, "judge", a_judge_of(findings_by_length))
    found = feed(LiveDiagnosis(), Training(sizes=(4, 4, 2), batch=4).run(20))
    return [(one.fault, one.layer) for _, one in found]


def test_a_fault_is_named_once(monkeypatch):
    """Where the layer that shows it best changes, the same fault is not said again."""
    vanishing = [finding("vanishing_gradients", layer(number)) for number in (1, 2)]
    given = given_with(monkeypatch, {9: vanishing[:1], 12: vanishing[1:]})
    assert given == [("vanishing_gradients", layer(1))]


def test_what_follows_from_an_alarm_is_no_news(monkeypatch):
    """A consequence that shows later is not given; what began before the alarm is, and NaN is."""
    cause, early = finding("weights_growing", None, 5), finding("vanishing_gradients", layer(0), 2)
    late, lost = finding("exploding_gradients", layer(1), 8), finding("nonfinite", None, 9)
    given = given_with(monkeypatch, {9: [cause], 11: [cause, late], 13: [late], 15: [early, lost]})
    assert [fault for fault, _ in given] == ["weights_growing", "vanishing_gradients", "nonfinite"]
