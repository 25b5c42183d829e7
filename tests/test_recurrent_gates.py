"""Histograms of recurrent layers by gate, against layers that Keras really builds."""

import numpy as np
import pytest
import tensorflow as tf

from gtlog.records.step_record import StepRecord, VariableRecord
from gtlog.summaries.recurrent_gates import recurrent_gates
from gtlog.variables.naming import own_path
from gtlog.variables.roles import role_of

LAYERS = tf.keras.layers


def record_of(**arrays):
    """A step that touched variables of these paths (`__` for `/`) and values."""
    named = {path.replace("__", "/"): value for path, value in arrays.items()}
    variables = (
        VariableRecord(path, role_of(path), tf.convert_to_tensor(value))
        for path, value in named.items()
    )
    return StepRecord(3, (), tuple(variables))


def built(layer, *input_shape):
    """The values of a Keras layer's variables, drawn at random, by path."""
    layer(tf.zeros(input_shape))
    rng = np.random.default_rng(7)
    paths = (own_path(getattr(variable, "path", variable.name)) for variable in layer.variables)
    numbers = (v for v in zip(paths, layer.variables) if "seed" not in v[0])
    return {path: rng.normal(size=v.shape).astype(np.float32) for path, v in numbers}


def histograms(arrays, **parameters):
    """The buckets that the summary yields for these values, by tag."""
    record = record_of(**arrays)
    values = list(recurrent_gates(**parameters)(record))
    assert len({value.tag for value in values}) == len(values)
    return {value.tag: value.buckets for value in values}


def expect(buckets, numbers):
    """Compares buckets with numpy's own histogram of the same numbers."""
    numbers = np.asarray(numbers, np.float64).reshape(-1)
    counts, edges = np.histogram(numbers, bins=len(buckets))
    np.testing.assert_array_equal(buckets[:, 2], counts)
    np.testing.assert_allclose(buckets[:, 0], edges[:-1], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(buckets[:, 1], edges[1:], rtol=1e-6, atol=1e-9)


def expect_layer(found, arrays, prefix, gates):
    """Checks every histogram of the layer at `prefix` and returns the tags it should have."""
    tags = set()
    for name in ("kernel", "recurrent_kernel", "bias"):
        path = f"{prefix}/{name}"
        if path not in arrays:
            continue
        parts = np.split(arrays[path], len(gates), axis=-1)
        for gate, part in zip(gates, parts):
            expect(found[f"gates/{path}/{gate}"], part)
            tags.add(f"gates/{path}/{gate}")
        if name != "bias":
            rows = arrays[path].reshape(-1, arrays[path].shape[-1]).tolist()
            means = [sum(column) / len(column) for column in zip(*rows)]
            expect(found[f"unit_means/{path}"], means)
            tags.add(f"unit_means/{path}")
    return tags


@pytest.mark.parametrize(
    "layer, gates",
    [
        (lambda: LAYERS.LSTM(5), "ifco"),
        (lambda: LAYERS.LSTM(5, use_bias=False), "ifco"),
        (lambda: LAYERS.GRU(5, reset_after=True), "zrh"),
        (lambda: LAYERS.GRU(5, reset_after=False), "zrh"),
        (lambda: LAYERS.SimpleRNN(5), "h"),
        (lambda: LAYERS.RNN(LAYERS.LSTMCell(5)), "ifco"),
        (lambda: LAYERS.Bidirectional(LAYERS.LSTM(5)), "ifco"),
        (lambda: LAYERS.Bidirectional(LAYERS.GRU(5)), "zrh"),
        (lambda: LAYERS.RNN([LAYERS.GRUCell(5), LAYERS.GRUCell(2)]), "zrh"),
        (lambda: LAYERS.Bidirectional(LAYERS.RNN([LAYERS.LSTMCell(n) for n in (5, 2)])), "ifco"),
    ],
)
def test_each_gate_of_a_keras_layer_has_its_histogram(layer, gates):
    """Layers, wrapped and stacked too, give every gate its own slice and every unit its mean."""
    arrays = built(layer(), 2, 4, 3)
    found = histograms(arrays)
    prefixes = {path.rsplit("/", 1)[0] for path in arrays if path.endswith("/recurrent_kernel")}
    tags = set()
    for prefix in prefixes:
        tags |= expect_layer(found, arrays, prefix, gates)
    assert prefixes and set(found) == tags


def test_a_conv_lstm_is_split_by_its_last_axis():
    """The kernels of a ConvLSTM2D are split into four gates along their last axis."""
    arrays = built(LAYERS.ConvLSTM2D(3, 2), 1, 2, 4, 4, 2)
    found = histograms(arrays)
    (prefix,) = {path.rsplit("/", 1)[0] for path in arrays}
    assert set(found) == expect_layer(found, arrays, prefix, "ifco")


@pytest.mark.parametrize("reset_after", [False, True])
def test_the_gate_named_z_is_the_update_gate(reset_after):
    """A GRU whose z slices are strongly negative takes over its candidate h, whatever r says."""
    layer = LAYERS.GRU(2, reset_after=reset_after)
    layer(tf.zeros((1, 1, 2)))
    kernel, recurrent, bias = (np.zeros(v.shape, np.float32) for v in layer.get_weights())
    bias.reshape(-1, 6)[0] = [-50, -50, 0, 0, 3, 3]
    layer.set_weights([kernel, recurrent, bias])
    np.testing.assert_allclose(layer(tf.zeros((1, 1, 2))), np.tanh([[3.0, 3.0]]), rtol=1e-5)
    path = "gru/gru_cell/recurrent_kernel"
    found = histograms({path: recurrent, "gru/gru_cell/bias": bias}, buckets=1)
    # The other row of a reset_after bias is zero and belongs to the same gates.
    extremes = {gate: found[f"gates/gru/gru_cell/bias/{gate}"][0, :2].tolist() for gate in "zrh"}
    z, h = ([-50.0, 0.0], [0.0, 3.0]) if reset_after else ([-50.0, -50.0], [3.0, 3.0])
    assert extremes == {"z": z, "r": [0.0, 0.0], "h": h}


def test_the_gates_named_i_f_c_o_are_those_of_the_lstm():
    """An LSTM with open i and o slices and a c slice of 3 gives tanh(tanh(3)), as it must."""
    layer = LAYERS.LSTM(1)
    layer(tf.zeros((1, 1, 1)))
    kernel, recurrent, bias = (np.zeros(v.shape, np.float32) for v in layer.get_weights())
    bias[:] = [50, -50, 3, 40]
    layer.set_weights([kernel, recurrent, bias])
    result = layer(tf.zeros((1, 1, 1)))
    np.testing.assert_allclose(result, np.tanh(np.tanh([[3.0]])), rtol=1e-5)
    found = histograms({"lstm/recurrent_kernel": recurrent, "lstm/bias": bias}, buckets=1)
    values = {gate: found[f"gates/lstm/bias/{gate}"][0, 0] for gate in "ifco"}
    assert values == {"i": 50.0, "f": -50.0, "c": 3.0, "o": 40.0}


def test_numbered_variables_find_their_siblings():
    """A second layer of the same name keeps to the variables with its own number."""
    rng = np.random.default_rng(0)
    arrays = {}
    for number, units in (("", 2), ("_1", 3)):
        arrays[f"rnn/kernel{number}"] = rng.normal(size=(4, 4 * units))
        arrays[f"rnn/recurrent_kernel{number}"] = rng.normal(size=(units, 4 * units))
        arrays[f"rnn/bias{number}"] = rng.normal(size=4 * units)
    found = histograms(arrays)
    for path, array in arrays.items():
        for index, gate in enumerate("ifco"):
            expect(found[f"gates/{path}/{gate}"], np.split(array, 4, axis=-1)[index])
    assert len(found) == 6 * 4 + 4


def test_sonnet_layers_are_split_too():
    """Sonnet's w_i, w_h and b are split into gates, and a w_h alone is left as it is."""
    rng = np.random.default_rng(0)
    arrays = {
        "lstm/w_i": rng.normal(size=(3, 8)),
        "lstm/w_h": rng.normal(size=(2, 8)),
        "lstm/b": rng.normal(size=8),
        "attention/w_h": rng.normal(size=(2, 2)),
    }
    found = histograms(arrays)
    assert len(found) == 3 * 4 + 2
    expect(found["gates/lstm/w_i/c"], arrays["lstm/w_i"][:, 4:6])
    expect(found["unit_means/lstm/w_h"], arrays["lstm/w_h"].mean(axis=0))


@pytest.mark.parametrize(
    "arrays",
    [
        {"dense/kernel": np.ones((2, 8)), "dense/bias": np.ones(8)},
        {"cell/recurrent_kernel": np.ones((2, 10)), "cell/kernel": np.ones((3, 10))},
        {"cell/recurrent_kernel": np.ones((2, 7))},
        {"cell/recurrent_kernel": np.ones(8)},
        {"cell/recurrent_kernel": np.ones((0, 0))},
        {"cell/w_hh": np.ones((2, 8))},
    ],
)
def test_what_is_no_known_recurrent_layer_gives_nothing(arrays):
    """Dense layers, unknown numbers of gates and unknown orders of gates yield no histogram."""
    assert histograms(arrays) == {}


def test_a_variable_beside_it_of_another_width_is_left_alone():
    """A kernel or bias that is not as wide as the recurrent kernel is not split."""
    arrays = {
        "cell/kernel": np.ones((0, 8)),
        "cell/recurrent_kernel": np.ones((2, 8)),
        "cell/bias": np.ones(16),
    }
    assert {tag.split("/")[2] for tag in histograms(arrays)} == {"recurrent_kernel"}


def test_non_finite_elements_do_not_spoil_the_means():
    """Means are taken over the finite elements, and a unit without one has no mean."""
    kernel = [[1.0, np.nan, np.inf], [2.0, 5.0, np.nan], [6.0, -np.inf, np.nan]]
    found = histograms({"cell/recurrent_kernel": np.float32(kernel)}, buckets=2)
    assert found["unit_means/cell/recurrent_kernel"].tolist() == [[3.0, 4.0, 1.0], [4.0, 5.0, 1.0]]
    assert found["gates/cell/recurrent_kernel/h"][:, 2].sum() == 4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_means_of_every_floating_type_are_taken_in_float64(dtype):
    """Sums that a narrow type could not hold give the right mean."""
    kernel = tf.fill((4096, 4), tf.constant(1000.0, dtype))
    value = float(kernel[0, 0])
    units = tf.zeros((1, 4), dtype)
    found = histograms({"cell/kernel": kernel, "cell/recurrent_kernel": units}, buckets=1)
    assert found["unit_means/cell/kernel"].tolist() == [[value, value, 4.0]]


def test_means_of_a_large_kernel_agree_with_numpy():
    """A kernel of more elements than are widened at a time has the means of all its rows."""
    kernel = np.random.default_rng(0).normal(size=(3001, 512)).astype(np.float32)
    units = np.zeros((128, 512), np.float32)
    found = histograms({"cell/kernel": kernel, "cell/recurrent_kernel": units}, buckets=5)
    expect(found["unit_means/cell/kernel"], kernel.astype(np.float64).mean(axis=0))


@pytest.mark.parametrize(
    "buckets, error", [(0, ValueError), (-3, ValueError), (True, TypeError), (3.0, TypeError)]
)
def test_wrong_buckets_are_refused(buckets, error):
    """A number of buckets that is no positive int is refused at construction."""
    with pytest.raises(error, match=f"buckets must be a positive int, got {buckets}"):
        recurrent_gates(buckets)
