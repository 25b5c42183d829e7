"""Diagnosis while the training runs: once each, in bounded memory and time."""

import numpy as np

from gtlog.diagnosis import live as live_module
from gtlog.diagnosis.live import FIRST_STEPS, MOST_STEPS, RECENT_STEPS, LiveDiagnosis

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


def test_memory_is_bounded():
    """Of a long run the first steps, the last ones and some of those in between are kept."""
    live = LiveDiagnosis(Clock())
    table = Training(sizes=(4, 4, 2), batch=4).run(700)
    feed(live, table, seconds=0.0)
    steps = live.table().steps
    assert len(steps) <= MOST_STEPS
    assert list(steps[:FIRST_STEPS]) == list(range(FIRST_STEPS))
    assert list(steps[-RECENT_STEPS:]) == list(range(700 - RECENT_STEPS, 700))
    assert np.diff(steps).max() <= 700 / 64


def test_judging_takes_at_most_a_fiftieth_of_the_logged_steps(monkeypatch):
    """Where a judgement takes as long as five logged steps, one in 250 of them has one."""
    clock, judged = Clock(), []

    def judge(table, is_whole):
        clock.now += 5.0
        judged.append(len(table))
        return []

    monkeypatch.setattr(live_module, "judge", judge)
    feed(LiveDiagnosis(clock), Training(sizes=(4, 4, 2), batch=4).run(760), seconds=1.0)
    assert len(judged) == 4


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


def test_healthy_runs_say_nothing_on_the_way():
    """No prefix of a healthy run makes an alarm or a note."""
    for options in ({}, {"optimizer": "momentum", "rate": 0.05}, {"activation": "tanh"}):
        live = LiveDiagnosis()
        assert feed(live, Training(**options).run(120)) == []
        assert live.close() == []
