"""What variables are called: paths, roles, and the expressions that choose among them."""

import re

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gtlog.variables.naming import own_path, unique_path
from gtlog.variables.path_filter import PathFilter
from gtlog.variables.roles import role_of

keras = tf.keras


class TestOwnPath:
    """`own_path` of full names."""

    @pytest.mark.parametrize(
        "name, path",
        [
            ("kernel:0", "kernel"),
            ("sequential/dense/kernel:0", "sequential/dense/kernel"),
            ("sequential/dense/kernel", "sequential/dense/kernel"),
            ("kernel:12", "kernel"),
            ("a:0/b:0", "a:0/b"),
            ("/dense/kernel/:0", "dense/kernel"),
            ("", "Variable"),
            (":0", "Variable"),
            ("/:0", "Variable"),
        ],
    )
    def test_names(self, name, path):
        """The output number and outer slashes are dropped; what is left empty is `Variable`."""
        assert own_path(name) == path

    def test_of_an_unnamed_variable(self):
        """TensorFlow's own name of a variable without one is kept."""
        assert own_path(tf.Variable(1.0).name) == "Variable"

    @given(st.text())
    def test_is_never_empty(self, name):
        """Any name has a path, which is a path of its own."""
        path = own_path(name)
        assert path
        assert unique_path(path, set()) == path


HANDWRITTEN = {
    "kernel": ["w", "W", "kernel", "weight", "weights", "attention/query_kernel", "w_1", "w_out"],
    "recurrent_kernel": ["lstm/recurrent_kernel", "w_h", "gru/w_hh", "recurrent_weights"],
    "bias": ["b", "bias", "biases", "b_1", "b_h", "query_bias", "beta", "offset", "shift", "BIAS"],
    "embedding": ["embeddings", "token_embedding", "embed/position_embeddings"],
    "gain": ["gamma", "gain", "scale", "alpha"],
    "moving_statistic": ["moving_mean", "moving_variance", "running_mean", "w/moving_average"],
    "other": ["theta", "Variable", "iteration", "kernels_of_truth", "kernel/x", "gamma_ray", ""],
}
# Sonnet 2: names of modules and of their variables, without Sonnet.
SONNET = {
    "kernel": ["linear/w", "conv2_d/w", "mlp/linear_1/w", "vanilla_rnn/input_to_hidden/w"],
    "recurrent_kernel": ["lstm/w_h", "gru/w_h"],
    "bias": ["linear/b", "lstm/b", "layer_norm/offset", "batch_norm/offset"],
    "gain": ["layer_norm/scale", "batch_norm/scale"],
    "embedding": ["embed/embeddings"],
}


@pytest.mark.parametrize(
    "role, name",
    [(role, name) for names in (HANDWRITTEN, SONNET) for role in names for name in names[role]],
)
class TestRoleOf:
    """`role_of` names as modules that are written by hand, and Sonnet's, have them."""

    def test_name(self, role, name):
        """The last part of the path tells the role, whatever its case."""
        assert role_of(name) == role

    def test_numbers_that_make_it_unique(self, role, name):
        """A number behind it does not count, nor do the modules before it."""
        assert role_of(f"{name}_2") == role_of(f"outer/bias/{name}_17") == role


def layers():
    """How to make each layer, the shape of its input, and the roles of its variables by name."""
    make, plain = keras.layers, {"kernel": "kernel", "bias": "bias"}
    recurrent = dict(plain, recurrent_kernel="recurrent_kernel")
    norm = {"gamma": "gain", "beta": "bias"}
    moving = {"moving_mean": "moving_statistic", "moving_variance": "moving_statistic"}
    separable = {"depthwise_kernel": "kernel", "pointwise_kernel": "kernel", "bias": "bias"}
    return [
        (lambda: make.Dense(2), [1, 3], plain),
        (lambda: make.Conv1D(2, 2), [1, 4, 3], plain),
        (lambda: make.Conv2D(2, 2), [1, 4, 4, 3], plain),
        (lambda: make.Conv2DTranspose(2, 2), [1, 4, 4, 3], plain),
        (lambda: make.Conv3D(2, 2), [1, 4, 4, 4, 3], plain),
        (lambda: make.SeparableConv2D(2, 2), [1, 4, 4, 3], separable),
        (lambda: make.LSTM(2), [1, 4, 3], recurrent),
        (lambda: make.GRU(2), [1, 4, 3], recurrent),
        (lambda: make.SimpleRNN(2), [1, 4, 3], recurrent),
        (lambda: make.Bidirectional(make.LSTM(2)), [1, 4, 3], recurrent),
        (lambda: make.ConvLSTM2D(2, 2), [1, 2, 4, 4, 3], recurrent),
        (lambda: make.Embedding(4, 2), [1, 3], {"embeddings": "embedding"}),
        (lambda: make.BatchNormalization(), [1, 3], dict(norm, **moving)),
        (lambda: make.LayerNormalization(), [1, 3], norm),
        (lambda: make.PReLU(), [1, 3], {"alpha": "gain"}),
    ]


@pytest.mark.parametrize("make, shape, roles", layers())
@pytest.mark.filterwarnings("ignore:.*randrange:DeprecationWarning")
def test_roles_of_keras_layers(make, shape, roles):
    """The variables of Keras's layers have the roles that they play, in any version of Keras."""
    layer = make()
    layer(tf.zeros(shape))
    paths = [own_path(getattr(one, "path", one.name)) for one in layer.variables]
    seen = {}
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        if not name.startswith("seed_generator"):  # of the dropout in recurrent layers of Keras 3
            seen[name] = role_of(path)
    assert seen == roles


class TestUniquePath:
    """`unique_path` among those that are taken."""

    def test_a_free_path_is_kept(self):
        """Where nothing is taken the path is kept."""
        assert unique_path("dense/kernel", set()) == "dense/kernel"

    def test_the_first_free_number(self):
        """The first number that is free is appended."""
        taken = {"w", "w_1", "w_3"}
        assert unique_path("w", taken) == "w_2"
        assert unique_path("w_1", taken) == "w_1_1"

    @given(st.lists(st.sampled_from(["w", "w_1", "w_1_1", "b"]), max_size=30))
    def test_paths_are_unique_and_keep_their_role(self, paths):
        """However often paths come, each is given once, and role and beginning are kept."""
        given_out = []
        for path in paths:
            given_out.append(unique_path(path, set(given_out)))
            assert given_out[-1].startswith(path)
            assert role_of(given_out[-1]) == role_of(path)
        assert len(set(given_out)) == len(paths)


class TestPathFilter:
    """`PathFilter` lets paths through."""

    @pytest.mark.parametrize(
        "include, exclude, passed",
        [
            (None, None, ["a/kernel", "a/bias", "b/kernel"]),
            ("kernel", None, ["a/kernel", "b/kernel"]),
            (None, "^a/", ["b/kernel"]),
            ("kernel", "^a/", ["b/kernel"]),
            (["bias", "^b"], None, ["a/bias", "b/kernel"]),
            (("kernel",), ["^b", "x"], ["a/kernel"]),
            (re.compile("BIAS", re.IGNORECASE), None, ["a/bias"]),
            (None, [re.compile("BIAS", re.IGNORECASE), "^b/"], ["a/kernel"]),
            ([], None, []),
            (None, [], ["a/kernel", "a/bias", "b/kernel"]),
            ("", None, ["a/kernel", "a/bias", "b/kernel"]),
            (iter(["^b"]), None, ["b/kernel"]),
        ],
    )
    def test_paths(self, include, exclude, passed):
        """One of `include` must match anywhere and none of `exclude`; either may be several."""
        path_filter = PathFilter(include, exclude)
        for _ in range(2):
            assert list(filter(path_filter, ["a/kernel", "a/bias", "b/kernel"])) == passed

    @pytest.mark.parametrize("parameter", ["include", "exclude"])
    @pytest.mark.parametrize("value", [3, [3], [None], b"kernel", [b"kernel"]])
    def test_what_is_no_expression(self, parameter, value):
        """What is neither string nor pattern is a TypeError that names the parameter."""
        with pytest.raises(TypeError, match=f"^{parameter} must be a regular expression or"):
            PathFilter(**{parameter: value})

    @pytest.mark.parametrize("parameter", ["include", "exclude"])
    def test_what_does_not_compile(self, parameter):
        """A broken expression among several is a ValueError that shows it."""
        with pytest.raises(ValueError, match=rf"^{parameter}='\(' is no valid regular expression"):
            PathFilter(**{parameter: ["kernel", "("]})
