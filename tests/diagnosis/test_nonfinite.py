"""NaN or infinity: where first, and what the pattern of layers proves."""

import numpy as np

from gtlog.diagnosis.judge import judge

from .judged import alarms, layer
from .training import Training


def test_in_the_backward_pass():
    """A finite loss and gradients that are NaN up to a layer prove which one it is."""

    def cut(training, step):
        training.scale_gradient[2] = np.nan if step >= 30 else 1.0

    table = Training(before_step=cut).run(60)
    (finding,) = judge(table)
    assert (finding.fault, finding.layer, finding.first_step) == ("nonfinite", layer(1), 30)
    assert "backward" in finding.evidence


def test_in_the_update():
    """A value that is NaN after a step with finite gradients was made by the update."""

    def spoil(training, step):
        if step == 30:
            training.weights[1][0, 0] = np.inf

    table = Training(after_update=spoil).run(60)
    (finding,) = judge(table)
    assert (finding.fault, finding.layer, finding.first_step) == ("nonfinite", layer(1), 30)
    assert "update" in finding.evidence


def test_in_the_forward_pass():
    """A loss that is NaN makes all gradients so: no layer can be told, and that is said."""

    def spoil(x, labels):
        training.count_of_data = getattr(training, "count_of_data", 0) + 1
        return (x * np.nan if training.count_of_data > 30 else x), labels

    training = Training(change_data=spoil)
    (finding,) = judge(training.run(60))
    assert (finding.fault, finding.layer) == ("nonfinite", None)
    assert "cannot be told" in finding.evidence


def test_not_of_steps_that_a_loss_scale_skips():
    """Gradients that overflow in steps without an update are healthy."""

    def overflow(training, step, of_weights, of_biases):
        is_skipped = step in (0, 1, 2, 50, 90)
        training.frozen = (0, 1, 2, 3) if is_skipped else ()
        if is_skipped:
            for gradient in (*of_weights, *of_biases):
                gradient[:] = np.inf

    assert alarms(Training(change_gradients=overflow).run(120)) == []


def test_inputs_of_a_layer():
    """A kernel's gradient that is NaN beside a bias's that is not proves that its inputs are."""

    def spoil(training, step, of_weights, of_biases):
        if step >= 30:
            of_weights[0][:], of_biases[0][:], of_weights[1][:] = np.nan, np.nan, np.nan

    (finding,) = judge(Training(change_gradients=spoil).run(60))
    assert (finding.fault, finding.layer, finding.first_step) == ("nonfinite", None, 30)
    assert "forward pass" in finding.evidence and layer(1) in finding.evidence
