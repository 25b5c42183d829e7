"""Exploding gradients: the layer nearest to the loss from which they are far larger."""

from .judged import alarms, layer
from .training import Training


def test_since_a_step():
    """A layer whose backward signal grows a thousandfold is named, not those before it."""

    def grow(training, step):
        training.scale_gradient[2] = 1000.0 ** min(1.0, max(0, step - 50) / 30)

    assert alarms(Training(before_step=grow).run(150)) == [("exploding_gradients", layer(1))]


def test_not_of_one_spike():
    """One outlier in the data that training gets over is healthy."""

    def spike(x, labels):
        training.count_of_data = getattr(training, "count_of_data", 0) + 1
        return (100 * x if training.count_of_data == 80 else x), labels

    training = Training(change_data=spike)
    assert alarms(training.run(160)) == []
