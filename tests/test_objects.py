"""Variables without a name are called by the attributes that lead to them."""

import functools

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events
from gtlog.variables.objects import objects_of, paths_in


class Layer(tf.Module):
    """Weights without names."""

    def __init__(self):
        super().__init__()
        self.w = tf.Variable([[1.0]])
        self.b = tf.Variable([0.0])

    def __call__(self, x):
        return x @ self.w + self.b


class Net(tf.Module):
    """Layers in an attribute and in a list."""

    def __init__(self):
        super().__init__()
        self.layers = [Layer(), Layer()]
        self.head = Layer()
        self._scale = tf.Variable(1.0)
        self.again = self.layers[1]

    def __call__(self, x):
        for layer in [*self.layers, self.head]:
            x = layer(x)
        return self._scale * x


TAGS = [
    "biases/again/b",
    "biases/head/b",
    "biases/layers/0/b",
    "weights/again/w",
    "weights/head/w",
    "weights/layers/0/w",
    "weights/scale",
]


def train(net, x):
    """One step."""
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(net(x) ** 2)
    for variable, gradient in zip(
        net.trainable_variables, tape.gradient(loss, net.trainable_variables)
    ):
        variable.assign_sub(0.1 * gradient)


def by_closure(net, decorate, wrap):
    """The step closes over the network."""
    return wrap(lambda x: train(net, x))


def by_argument(net, decorate, wrap):
    """The step is called with the network."""
    step = wrap(lambda net, x: train(net, x))
    return lambda x: step(net, x)


def by_instance(net, decorate, wrap):
    """The step is a method of the network."""

    class Trained(Net):
        train_step = wrap(train)

    trained = Trained()
    return lambda x: trained.train_step(x)


def by_trainer(net, decorate, wrap):
    """The step is a method of an object that has the network."""

    class Trainer:
        def __init__(self):
            self.net = net

        @wrap
        def train_step(self, x):
            train(self.net, x)

    trainer = Trainer()
    return lambda x: trainer.train_step(x)


def by_partial(net, decorate, wrap):
    """The step is a partial."""
    return wrap(functools.partial(train, net))


def by_function(net, decorate, wrap):
    """The step calls a function that closes over the network."""

    def inner(x):
        train(net, x)

    return wrap(lambda x: inner(x))


@pytest.mark.parametrize("place", ["eager", "above", "beneath"])
@pytest.mark.parametrize(
    "build", [by_closure, by_argument, by_instance, by_trainer, by_partial, by_function]
)
def test_paths_are_those_of_the_attributes(build, place, logdir):
    """The path is that of the attributes, with the index in lists; the role follows from it."""
    decorate = gtlog.logged_step(logdir)
    wrap = {
        "eager": decorate,
        "above": lambda step: decorate(tf.function(step)),
        "beneath": lambda step: tf.function(decorate(step)),
    }[place]
    build(Net(), decorate, wrap)(tf.ones([1, 1]))
    tags = read_events(logdir).tags
    assert [tag for tag in tags if tag.startswith(("weights/", "biases/"))] == TAGS


def test_the_paths_of_a_model(logdir):
    """With `model=` the path is that inside the model."""
    net = Net()
    with gtlog.StepLogger(logdir, model=net) as log, log.step():
        pass
    tags = read_events(logdir).tags
    assert [tag for tag in tags if tag.startswith(("weights/", "biases/"))] == TAGS


def test_two_objects_with_equal_paths_are_told_apart(logdir):
    """Where two networks have equal paths, the names that they have in the step lead."""
    generator, critic = Layer(), Layer()

    @gtlog.logged_step(logdir)
    def train_step(x):
        train(generator, x)
        train(critic, x)

    train_step(tf.ones([1, 1]))
    tags = [tag for tag in read_events(logdir).tags if tag.startswith("weights/")]
    assert tags == ["weights/critic/w", "weights/generator/w"]


def test_variables_with_names_keep_them(logdir):
    """Only variables without a name are called by attributes."""
    net = tf.Module()
    net.attribute = tf.Variable(1.0, name="own_name")

    @gtlog.logged_step(logdir)
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = net.attribute**2
        tape.gradient(loss, net.attribute)

    train_step()
    assert "weights/own_name" in read_events(logdir).tags


def test_objects_of_a_function():
    """Modules and optimizers of the closure, globals and lists are found, under their names."""
    net, layers = Net(), [Layer()]
    optimizer = tf.keras.optimizers.SGD(0.1)

    def train_step():
        return net, layers, optimizer

    found = dict(objects_of(train_step))
    assert found == {"net": net, "layers/0": layers[0], "optimizer": optimizer}


def test_shared_modules_and_cycles_end():
    """A module that holds itself is gone through once."""
    net = Layer()
    net.me = [net, {"me": net}]
    paths, modules = paths_in(net)
    assert sorted(paths.values()) == ["b", "w"]
    assert id(net) in modules


def test_a_logger_keeps_no_object(logdir):
    """What a step is called with lives no longer for it."""
    import gc
    import weakref

    step = gtlog.logged_step(logdir)(train)
    net = Net()
    reference = weakref.ref(net)
    step(net, tf.ones([1, 1]))
    del net
    gc.collect()
    assert reference() is None
