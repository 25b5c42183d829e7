"""gtlog tells the truth: each event is compared with a computation on copies of the tensors."""

import numpy as np
import pytest

from ..reference import assert_histogram, charts, norm, vitals_of
from .steps import EVERY, STEPS, Problem

# Of the vitals. What the gradient was is told by the update, so not to the last bit.
EXACT = ("value_rms", "value_max", "value_nonfinite", "gradient_nonfinite", "update_rms")
EXACT += ("update_ratio",)
TOLD_BY_UPDATE = ("gradient_rms", "gradient_max", "descent")
PATHS = ("first/kernel", "first/bias", "second/kernel", "second/bias")
LOGGED = list(range(0, STEPS, EVERY))


def tag_of(path):
    """The tag of a variable's value."""
    return ("biases/" if path.endswith("bias") else "weights/") + path


@pytest.fixture(scope="module")
def weights_before(logged):
    """The weights before each step: those after the step before."""
    return [[variable.numpy() for variable in Problem().variables], *logged.weights]


def test_weights_are_logged_after_the_update(logged):
    """Each value at each logged step is the variable's after that step's update."""
    events = logged.events
    for position, path in enumerate(PATHS):
        logged_rows = events.of(tag_of(path))
        assert list(logged_rows) == LOGGED
        for step, rows in logged_rows.items():
            assert_histogram(rows, logged.weights[step][position])


def test_a_plain_tape_suffices_for_weights(logged_with_plain_tape):
    """With tf.GradientTape inside, every weight and bias is logged, and nothing else of it."""
    events = logged_with_plain_tape.events
    for position, path in enumerate(PATHS):
        for step, rows in events.of(tag_of(path)).items():
            assert_histogram(rows, logged_with_plain_tape.weights[step][position])
    assert charts(events) == sorted([*map(tag_of, PATHS), "weight_norm"])


def test_gradients_are_what_the_tape_returned(logged, weights_before):
    """The histogram is that of the gradient which the update used: decay apart, a tenth of it."""
    events = logged.events
    for position, path in enumerate(PATHS):
        for step, rows in events.of(f"gradients/{path}").items():
            before, after = weights_before[step][position], logged.weights[step][position]
            gradient = (before - after - 0.01 * before) / 0.1
            assert rows[:, 2].sum() == gradient.size
            np.testing.assert_allclose(rows[0, 0], gradient.min(), rtol=1e-3, atol=1e-5)
            np.testing.assert_allclose(rows[-1, 1], gradient.max(), rtol=1e-3, atol=1e-5)


def test_loss_is_what_the_step_returned(logged):
    """The scalar at each logged step is the loss that the step returned."""
    expected = {step: float(logged.losses[step]) for step in LOGGED}
    assert logged.events.of("loss") == expected


def test_update_ratio_is_the_change_that_was_made(logged, weights_before):
    """The ratio is norm of (after - before) over norm of after, weight decay included."""
    for step, ratio in logged.events.of("update_ratio").items():
        after = logged.weights[step]
        update = [new.astype("d") - old for new, old in zip(after, weights_before[step])]
        np.testing.assert_allclose(ratio, norm(update) / norm(after), rtol=1e-5)


def test_norms_are_global(logged, weights_before):
    """The weight norm is the L2 norm over all variables after the update."""
    for step, value in logged.events.of("weight_norm").items():
        np.testing.assert_allclose(value, norm(logged.weights[step]), rtol=1e-6)


def test_gradient_norm_is_that_of_the_update(logged, weights_before):
    """The gradient norm is that of the gradients which the update used, decay taken off."""
    for step, value in logged.events.of("gradient_norm").items():
        before, after = weights_before[step], logged.weights[step]
        gradient = [(b - a - 0.01 * b) / 0.1 for b, a in zip(before, after)]
        np.testing.assert_allclose(value, norm(gradient), rtol=1e-3)


def test_vitals_are_those_of_the_tensors(logged, weights_before):
    """Each row is that of copies of value, value before and gradient; the flags are the tape's."""
    events = logged.events
    (header,) = [one.header for one in events if one.tag == "gtlog/vitals" and one.header]
    assert [row[0] for row in header["variables"]] == list(PATHS)
    tables = events.of("gtlog/vitals")
    assert list(tables) == LOGGED
    for step, table in tables.items():
        for row, before, after in zip(table, weights_before[step], logged.weights[step]):
            actual = dict(zip(header["columns"], row.tolist()))
            wide = before.astype(np.float64)
            expected = vitals_of(after, before, (0.99 * wide - after) / 0.1)
            for name in EXACT:
                np.testing.assert_allclose(actual[name], expected[name], rtol=1e-5, err_msg=name)
            for name in TOLD_BY_UPDATE:
                np.testing.assert_allclose(
                    actual[name], expected[name], rtol=1e-3, atol=1e-5, err_msg=name
                )
            assert actual["value_zeros"] == pytest.approx(expected["value_zeros"])
            for k in range(4):
                assert actual[f"sketch_{k}"] == pytest.approx(expected[f"sketch_{k}"], abs=1e-6)
            assert [actual[name] for name in ("asked", "missing", "was_read")] == [1.0, 0.0, 1.0]


def test_vitals_with_a_plain_tape(logged_with_plain_tape):
    """Of gradient, update and tape nothing is known, which is NaN and not 0."""
    events = logged_with_plain_tape.events
    (header,) = [one.header for one in events if one.header and one.tag == "gtlog/vitals"]
    known = [n for n in header["columns"] if n.startswith(("value", "sketch", "identical"))]
    for table in events.of("gtlog/vitals").values():
        for row in table[::2]:  # kernels
            assert [n for n, one in zip(header["columns"], row) if not np.isnan(one)] == known


def test_values_of_the_step_are_its_scalars(logged):
    """The table of the step has what the scalars of the same names have."""
    events = logged.events
    (header,) = [one.header for one in events if one.tag == "gtlog/steps" and one.header]
    assert header["names"] == ["loss", "gradient_norm", "weight_norm", "update_ratio"]
    for step, values in events.of("gtlog/steps").items():
        scalars = [events.of(name)[step] for name in header["names"]]
        np.testing.assert_allclose(values, scalars, rtol=1e-6)
