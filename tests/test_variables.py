"""The registry of a logger's variables: who is in it, under which path, and for how long."""

import gc
import weakref

import pytest
import tensorflow as tf

from gtlog.variables.models import Models
from gtlog.variables.path_filter import PathFilter
from gtlog.variables.registry import VariableRegistry

keras = tf.keras

pytestmark = pytest.mark.filterwarnings("ignore:.*randrange:DeprecationWarning")


@pytest.fixture
def registry():
    """A registry that lets every path through."""
    return VariableRegistry(PathFilter())


def paths(registry):
    """The paths of a registry, in its order."""
    return [known.path for known in registry]


class TestIdentity:
    """A variable is known once, under one path."""

    def test_a_variable_is_known_once(self, registry):
        """However often it is added, a variable is the same `KnownVariable`."""
        variable = tf.Variable([1.0], name="dense/kernel")
        known = registry.add(variable)
        assert registry.add(variable) is known
        assert registry.add_all([variable, variable]) == [known, known]
        assert list(registry) == [known]
        assert (known.path, known.role, known.layer) == ("dense/kernel", "kernel", None)
        assert known.variable is variable

    def test_equal_variables_are_two(self, registry):
        """Variables with equal names and values are told apart, and keep their paths."""
        one, two, three = (tf.Variable([1.0], name="b") for _ in range(3))
        for _ in range(2):
            assert [registry.add(v).path for v in (two, one, three)] == ["b", "b_1", "b_2"]
        assert [known.role for known in registry] == ["bias"] * 3
        assert [known.variable is v for known, v in zip(registry, (two, one, three))] == [True] * 3

    def test_a_path_that_was_made_unique_may_meet_its_like(self, registry):
        """A variable whose own name is `w_1` does not take the path of the second `w`."""
        variables = [tf.Variable(1.0, name=name) for name in ("w", "w", "w_1")]
        registry.add_all(variables)
        assert paths(registry) == ["w", "w_1", "w_1_1"]

    def test_unnamed_variables(self, registry):
        """Variables without a name have paths of their own too."""
        variables = [tf.Variable(1.0) for _ in range(3)]
        registry.add_all(variables)
        assert paths(registry) == ["Variable", "Variable_1", "Variable_2"]

    def test_a_keras_variable_and_its_inner_one_are_one(self, registry):
        """A tape shows the inner variable, the sources hold Keras's: both are one variable."""
        layer = keras.layers.Dense(2, name="hidden")
        layer.build([None, 3])
        inner = getattr(layer.kernel, "_value", layer.kernel)
        known = registry.add(layer.kernel)
        assert registry.add(inner) is known
        assert known.variable is inner
        assert known.path.endswith("kernel")

    def test_a_keras_variable_that_came_as_its_inner_one(self, registry):
        """The path that a variable was first given stays."""
        layer = keras.layers.Dense(2, name="hidden")
        layer.build([None, 3])
        known = registry.add(getattr(layer.kernel, "_value", layer.kernel))
        path = known.path
        assert registry.add(layer.kernel) is known
        assert known.path == path

    def test_a_keras_model_has_keras_paths(self, registry):
        """The paths of a model's variables are those that Keras shows."""
        model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(1)])
        model(tf.zeros([1, 3]))
        registry.add_all(model.trainable_variables)
        expected = [getattr(one, "path", one.name).split(":")[0] for one in model.variables]
        assert paths(registry) == expected

    def test_mixed_precision(self, registry):
        """A variable that Keras casts as it is read is the variable that keeps the value."""
        layer = keras.layers.Dense(2, dtype=mixed_float16())
        layer(tf.zeros([1, 3]))
        known = registry.add(layer.kernel)
        assert known.variable.dtype == tf.float32
        assert [registry.add(one) for one in layer.trainable_variables][0] is known


def mixed_float16():
    """The dtype policy, under the name that it has."""
    policy = getattr(keras.mixed_precision, "Policy", None)  # from TensorFlow 2.4
    return (policy or keras.mixed_precision.experimental.Policy)("mixed_float16")


class TestWhatIsLeftOut:
    """Things that have no distribution, and what the filter does not want."""

    def test_strings(self, registry):
        """A variable of strings is left out."""
        assert registry.add(tf.Variable(["a"], name="words")) is None
        assert not list(registry) and not registry.has_variables

    def test_tensors_and_others(self, registry):
        """Sources that are no variables are left out."""
        for source in (tf.constant(1.0), 1.0, "kernel", None, object()):
            assert registry.add(source) is None
        assert not registry.has_variables

    @pytest.mark.parametrize(
        "dtype", ["float16", "bfloat16", "float64", "int8", "uint8", "int64", "bool", "complex64"]
    )
    def test_every_numeric_type_is_taken(self, registry, dtype):
        """All other types are numbers."""
        variable = tf.Variable(tf.cast([0.0, 1.0], dtype), name="w")
        assert registry.add(variable).path == "w"

    def test_the_filter(self):
        """Paths that the filter does not let through are left out, and kept to be named."""
        registry = VariableRegistry(PathFilter(include="kernel"))
        variables = [tf.Variable(1.0, name=name) for name in ("b/bias", "kernel", "a/bias")]
        assert [known.path for known in registry.add_all(variables)] == ["kernel"]
        assert registry.left_out == ["a/bias", "b/bias"]
        assert registry.has_variables

    def test_only_left_out_variables_are_variables(self):
        """A registry whose filter lets nothing through has seen variables all the same."""
        registry = VariableRegistry(PathFilter(exclude=""))
        assert registry.add(tf.Variable(1.0, name="w")) is None
        assert registry.has_variables and not list(registry)

    def test_a_variable_that_is_left_out_takes_no_path(self):
        """The filter looks at a variable's own path, and only those let through are numbered."""
        registry = VariableRegistry(PathFilter(exclude="_1$"))
        variables = [tf.Variable(1.0, name=name) for name in ("w_1", "w", "w")]
        registry.add_all(variables)
        assert paths(registry) == ["w", "w_1"]


class TestLifetime:
    """Variables are held weakly: the user's program alone decides how long they live."""

    def test_a_dropped_variable_is_collected(self, registry):
        """The registry keeps no variable alive, nor a `KnownVariable` of it."""
        variable = tf.Variable([1.0], name="w")
        known, reference = registry.add(variable), weakref.ref(variable)
        del variable
        gc.collect()
        assert reference() is None
        assert known.variable is None

    def test_a_dropped_variable_is_no_longer_listed(self, registry):
        """Those that live stay, in their order."""
        variables = [tf.Variable(1.0, name=name) for name in "abc"]
        registry.add_all(variables)
        del variables[1]
        gc.collect()
        assert paths(registry) == ["a", "c"]
        assert registry.has_variables

    def test_ids_are_used_again_safely(self, registry):
        """A variable that is made where a dropped one was is a variable of its own."""
        variable = tf.Variable(1.0, name="w")
        dropped, address = registry.add(variable), id(variable)
        dropped.steps_logged = 2  # so its path stays taken
        del variable
        gc.collect()
        variable = tf.Variable(2.0, name="w")
        # Python's allocator may or may not do it by itself.
        registry._known[id(variable)] = registry._known.pop(address)
        known = registry.add(variable)
        assert known is not dropped and known.variable is variable
        assert known.path == "w_1"
        assert list(registry) == [known]

    def test_a_path_is_not_used_again(self, registry):
        """The path of a variable that several steps logged is not given away when it is dropped."""
        variable = tf.Variable(1.0, name="w")
        registry.add(variable).steps_logged = 2
        del variable
        gc.collect()
        variable = tf.Variable(2.0, name="w")
        assert registry.add(variable).path == "w_1"


class Net(tf.Module):
    """A module in a module."""

    def __init__(self):
        super().__init__(name="net")
        with self.name_scope:
            self.inner = Inner()
            self.scale = tf.Variable(1.0, name="scale", trainable=False)


class Inner(tf.Module):
    """The inner module."""

    def __init__(self):
        super().__init__(name="inner")
        with self.name_scope:
            self.w = tf.Variable([1.0], name="w")


class TestModel:
    """A model adds what no tape sees, and the classes of its layers."""

    def test_without_a_model(self, registry):
        """Without a model nothing is added."""
        assert registry.add_model() == []
        assert not registry.has_variables

    def test_a_module(self):
        """Of a tf.Module all variables are known, by the class of the innermost module."""
        net = Net()
        registry = VariableRegistry(PathFilter(), Models(net))
        known = registry.add_model()
        assert {one.path: one.layer for one in known} == {
            "net/inner/w": "Inner",
            "net/scale": "Net",
        }
        assert set(list(registry)) == set(known) == set(registry.add_model())

    def test_a_keras_model(self):
        """Of a Keras model moving statistics are known too, and each variable's layer."""
        block = keras.Sequential([keras.layers.Conv2D(2, 1), keras.layers.BatchNormalization()])
        model = keras.Sequential([block, keras.layers.Flatten(), keras.layers.Dense(1)])
        model(tf.zeros([1, 2, 2, 1]))
        registry = VariableRegistry(PathFilter(), Models(model))
        layers = {}
        for known in registry.add_model():
            layers.setdefault(known.layer, []).append(known.role)
        assert layers == {
            "Conv2D": ["kernel", "bias"],
            "BatchNormalization": ["gain", "bias", "moving_statistic", "moving_statistic"],
            "Dense": ["kernel", "bias"],
        }

    def test_a_model_that_is_not_built(self):
        """A model without variables adds none; once it is built it adds all."""
        model = keras.Sequential([keras.layers.Dense(1)])
        registry = VariableRegistry(PathFilter(), Models(model))
        assert registry.add_model() == []
        model(tf.zeros([1, 2]))
        assert [known.role for known in registry.add_model()] == ["kernel", "bias"]

    def test_a_variable_that_a_step_has_shown_before(self):
        """It keeps its path, and gets its layer."""
        net = Net()
        registry = VariableRegistry(PathFilter(), Models(net))
        known = registry.add(net.inner.w)
        assert known.layer is None
        registry.add_model()
        assert (known.path, known.layer) == ("net/inner/w", "Inner")

    def test_the_state_of_random_generators_is_no_weight(self):
        """What Dropout keeps for its random numbers, in Keras 3, is not among the variables."""
        model = keras.Sequential([keras.layers.Dense(1), keras.layers.Dropout(0.5)])
        model(tf.zeros([1, 2]))
        registry = VariableRegistry(PathFilter(), Models(model))
        assert [known.role for known in registry.add_model()] == ["kernel", "bias"]
