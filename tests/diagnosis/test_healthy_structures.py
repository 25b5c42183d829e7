"""Structures of healthy networks that a comparison of layers must not be taken in by."""

import numpy as np
import pytest

from gtlog.vitals.table import VariableRow

from .judged import alarms
from .training import Training, make_table

STEPS = 60


def table_of(kernels):
    """Vitals of layers of one healthy training whose gradients are all of a given size.

    Args:
      kernels: Tuples of a layer, the shape of its kernel, and the root mean squares of the
        gradients of kernel and bias.
    """
    random = np.random.RandomState(0)
    known = Training().run(STEPS)
    rows, columns = [], {name: [] for name in known.columns}
    for layer, shape, *gradients in kernels:
        for part, gradient in zip(("kernel", "bias"), gradients):
            size = shape if part == "kernel" else shape[-1:]
            place = len(rows)
            rows.append(VariableRow(f"{layer}/{part}", layer, part, size, "float32", True, place))
            for name in known.columns:
                source = known.column(name)[4 if part == "kernel" else 5]
                columns[name].append(source.copy())
            columns["gradient_rms"][-1] = gradient * np.exp(0.1 * random.randn(STEPS))
    arrays = {name: np.array(values) for name, values in columns.items()}
    return make_table(np.arange(STEPS), rows, arrays, {"loss": np.linspace(1.6, 0.4, STEPS)})


def block(name, size, scores=1.0):
    """The layers of an attention block; `scores` is what of the gradient queries and keys get."""
    square = (24, 24)
    return [
        (f"{name}/query", square, size * scores, size * scores),
        (f"{name}/key", square, size * scores, size * scores * 1e-6),
        (f"{name}/value", square, size, size),
        (f"{name}/out", square, size, size),
        (f"{name}/up", (24, 48), size, size),
        (f"{name}/down", (48, 24), size, size),
    ]


@pytest.mark.parametrize("scores", [1e-2, 1e-4])
def test_queries_and_keys(scores):
    """The scores of an attention get next to no gradient, in the first block as in the second."""
    layers = [*block("first", 1e-3, scores), *block("second", 1e-3, scores)]
    assert alarms(table_of([*layers, ("head", (24, 4), 1e-3, 1e-3)])) == []


def test_value_of_an_attention():
    """A projection without a gradient of that size, but for the scores, is one that vanishes."""
    layers = block("first", 1e-3, 1e-2) + block("second", 1e-3, 1e-2)
    layers[8] = ("second/value", (24, 24), 1e-6, 1e-6)
    found = alarms(table_of([*layers, ("head", (24, 4), 1e-3, 1e-3)]))
    assert found == [("vanishing_gradients", "second/value")]


def test_last_layer_that_is_made_first():
    """A program may make its last layer first; its few weights have larger gradients than all."""
    layers = [("head", (24, 4), 8e-3, 8e-3)]
    layers += [(f"dense_{number}", (24, 24), 5e-4, 5e-4) for number in range(4)]
    assert alarms(table_of(layers)) == []


def test_head_of_a_loss_with_a_small_weight():
    """A head whose loss counts little gets a small gradient, and leads to no other kernel."""
    layers = [(f"dense_{number}", (24, 24), 1e-3, 1e-3) for number in range(3)]
    layers += [("aside", (24, 3), 1e-5, 1e-5), ("head", (24, 4), 1e-3, 1e-3)]
    assert alarms(table_of(layers)) == []
