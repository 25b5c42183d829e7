"""gtlog tells the truth: each event is compared with a computation on copies of the tensors."""

import numpy as np
import pytest

from gtlog.testing import read_events

from ..reference import assert_histogram, charts, norm, vitals_of
from .steps import EVERY, STEPS, Problem

PATHS = ("first/kernel", "first/bias", "second/kernel", "second/bias")
LOGGED = list(range(0, STEPS, EVERY))


def tag_of(path):
    """The tag of a variable's value."""
    return ("biases/" if path.endswith("bias") else "weights/") + path


@pytest.fixture
def weights_before(logged):
    """The weights before each step: those after the step before."""
    return [[variable.numpy() for variable in Problem().variables], *logged.weights]


def test_weights_are_logged_after_the_update(logged, logdir):
    """Each value at each logged step is the variable's after that step's update."""
    events = read_events(logdir)
    for position, path in enumerate(PATHS):
        logged_rows = events.of(tag_of(path))
        assert list(logged_rows) == LOGGED
        for step, rows in logged_rows.items():
            assert_histogram(rows, logged.weights[step][position])


def test_a_plain_tape_suffices_for_weights(logged_with_plain_tape, logdir):
    """With tf.GradientTape inside, every weight and bias is logged, and nothing else of it."""
    events = read_events(logdir)
    for position, path in enumerate(PATHS):
        for step, rows in events.of(tag_of(path)).items():
            assert_histogram(rows, logged_with_plain_tape.weights[step][position])
    assert charts(events) == sorted([*map(tag_of, PATHS), "weight_norm"])


def test_gradients_are_what_the_tape_returned(logged, weights_before, logdir):
    """The histogram is that of the gradient which the update used: decay apart, a tenth of it."""
    events = read_events(logdir)
    for position, path in enumerate(PATHS):
        for step, rows in events.of(f"gradients/{path}").items():
            before, after = weights_before[step][position], logged.weights[step][position]
            gradient = (before - after - 0.01 * before) / 0.1
            assert rows[:, 2].sum() == gradient.size
            np.testing.assert_allclose(rows[0, 0], gradient.min(), rtol=1e-3, atol=1e-5)
            np.testing.assert_allclose(rows[-1, 1], gradient.max(), rtol=1e-3, atol=1e-5)


def test_loss_is_what_the_step_returned(logged, logdir):
    """The scalar at each logged step is the loss that the step returned."""
    expected = {step: float(logged.losses[step]) for step in LOGGED}
    assert read_events(logdir).of("loss") == expected


def test_update_ratio_is_the_change_that_was_made(logged, weights_before, logdir):
    """The ratio is norm of (after - before) over norm of after, weight decay included."""
    for step, ratio in read_events(logdir).of("update_ratio").items():
        after = logged.weights[step]
        update = [new.astype("d") - old for new, old in zip(after, weights_before[step])]
        np.testing.assert_allclose(ratio, norm(update) / norm(after), rtol=1e-5)


def test_norms_are_global(logged, weights_before, logdir):
    """The weight norm is the L2 norm over all variables after the update."""
    for step, value in read_events(logdir).of("weight_norm").items():
        np.testing.assert_allclose(value, norm(logged.weights[step]), rtol=1e-6)


def test_gradient_norm_is_that_of_the_update(logged, weights_before, logdir):
    """The gradient norm is that of the gradients which the update used, decay taken off."""
    for step, value in read_events(logdir).of("gradient_norm").items():
        before, after = weights_before[step], logged.weights[step]
        gradient = [(b - a - 0.01 * b) / 0.1 for b, a in zip(before, after)]
        np.testing.assert_allclose(value, norm(gradient), rtol=1e-3)
