"""Several models with names: the names lead the paths, and each model has its own norms."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .run_modes.rows.replicas import mirrored_strategy
from .steps_in_ways import WAYS

keras = tf.keras
RATE = 0.125


def compiled(step):
    """The step as a `tf.function` that XLA compiles."""
    try:
        return tf.function(step, jit_compile=True)
    except TypeError:  # TensorFlow 2.3
        return tf.function(step, experimental_compile=True)


ALL_WAYS = {**WAYS, "above XLA": lambda decorate, step: decorate(compiled(step))}


def made(units):
    """A built Keras model of two layers, the first of them normalized."""
    model = keras.Sequential(
        [
            keras.layers.Dense(units, name="hidden"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(1, name="head"),
        ]
    )
    model.build((None, 3))
    return model


class Adversaries:
    """Two models, each with a loss, a tape and an update of its own."""

    def __init__(self, tape=gtlog.InstrumentedTape):
        keras.utils.set_random_seed(1) if hasattr(
            keras.utils, "set_random_seed"
        ) else tf.random.set_seed(1)
        self.generator, self.critic = made(4), made(2)
        self.tape = tape

    def step(self, x):
        """One update of the generator, then one of the critic."""
        self.train(self.generator, x)
        return self.train(self.critic, x)

    def train(self, model, x):
        """One update of a model."""
        with self.tape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - 1.0) ** 2)
        variables = model.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(RATE * gradient)
        return loss


def norm(variables):
    """The global L2 norm of arrays."""
    return np.sqrt(sum(np.sum(np.square(one, dtype=np.float64)) for one in variables))


def values(model):
    """The trained variables of a model as arrays."""
    return [one.numpy() for one in model.trainable_variables]


def inputs():
    """One batch, always the same."""
    return tf.constant(np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32))


@pytest.mark.parametrize("name", ALL_WAYS)
def test_each_model_has_its_paths_and_norms(name, logdir):
    """The name leads each path, and norms and ratio of each model are those of its variables."""
    task, x = Adversaries(), inputs()
    models = {"generator": task.generator, "critic": task.critic}
    step = ALL_WAYS[name](gtlog.logged_step(logdir, model=models, on_error="raise"), task.step)
    before = {name: values(model) for name, model in models.items()}
    step(x)
    events = read_events(logdir)
    paths = {tag.partition("/")[2] for tag in events.tags if tag.startswith("weights/")}
    parts = ("hidden/kernel", "norm/gamma", "norm/moving_mean", "norm/moving_variance")
    assert paths == {f"{name}/{part}" for name in models for part in (*parts, "head/kernel")}
    for name, model in models.items():
        after = values(model)
        change = norm(np.subtract(*pair) for pair in zip(after, before[name]))
        expected = {
            f"weight_norm/{name}": norm(after),
            f"gradient_norm/{name}": change / RATE,
            f"update_ratio/{name}": change / norm(after),
        }
        for tag, number in expected.items():
            np.testing.assert_allclose(events.of(tag)[0], number, rtol=1e-4)
    both = values(task.generator) + values(task.critic)
    np.testing.assert_allclose(events.of("weight_norm")[0], norm(both), rtol=1e-6)


@pytest.mark.parametrize("name", ["eager", "above"])
def test_names_change_nothing(name, logdir):
    """Losses and weights are bit for bit those of the run without names."""
    found = []
    for with_names in (False, True):
        task = Adversaries()
        model = {"a": task.generator, "b": task.critic} if with_names else task.generator
        decorate = gtlog.logged_step(f"{logdir}/{with_names}", model=model, every=2)
        step = ALL_WAYS[name](decorate, task.step)
        losses = [float(step(inputs())) for _ in range(4)]
        found.append((losses, values(task.generator) + values(task.critic)))
    (losses, weights), (others, other_weights) = found
    assert losses == others
    for one, other in zip(weights, other_weights):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_stands_still_has_no_norm(logdir):
    """Of a model that a step does not train there is no norm at that step."""
    task, x = Adversaries(), inputs()
    models = {"generator": task.generator, "critic": task.critic}
    with gtlog.StepLogger(logdir, model=models) as log:
        for number in range(4):
            with log.step():
                task.train(task.critic if number % 2 else task.generator, x)
    events = read_events(logdir)
    assert list(events.of("weight_norm/generator")) == [0, 2]
    assert list(events.of("gradient_norm/critic")) == [1, 3]


def test_a_tape_with_the_name_of_a_model_comes_first(logdir, recwarn):
    """A tag has one number where a tape and a model share a name: the tape's."""
    task, x = Adversaries(), inputs()
    model = task.generator
    head = model.layers[-1].trainable_variables
    with gtlog.StepLogger(logdir, model={"generator": model}, on_error="raise") as log:
        with log.step():
            with gtlog.InstrumentedTape(name="generator") as tape:
                loss = tf.reduce_mean(model(x) ** 2)
            gradients = tape.gradient(loss, head)
            for variable, gradient in zip(head, gradients):
                variable.assign_sub(RATE * gradient)
    expected = norm(one.numpy() for one in gradients)
    np.testing.assert_allclose(
        read_events(logdir).of("gradient_norm/generator")[0], expected, rtol=1e-6
    )
    assert not [one for one in recwarn if issubclass(one.category, gtlog.LoggingWarning)]


def test_replicas(logdir):
    """Under MirroredStrategy the names lead too, and the norm is that of the summed gradient."""
    strategy = mirrored_strategy()
    with strategy.scope():
        models = {"one": made(2), "two": made(3)}

    def replica_step():
        for model in models.values():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_mean(model(tf.ones([4, 3])) ** 2)
            variables = model.trainable_variables
            for variable, gradient in zip(variables, tape.gradient(loss, variables)):
                context = tf.distribute.get_replica_context()
                total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradient)
                variable.assign_sub(RATE * total)

    before = {name: values_of_first(model) for name, model in models.items()}
    step = gtlog.logged_step(logdir, model=models)(
        tf.function(lambda: strategy.run(replica_step))
    )
    step()
    events = read_events(logdir)
    for name, model in models.items():
        change = norm(np.subtract(*pair) for pair in zip(values_of_first(model), before[name]))
        np.testing.assert_allclose(
            events.of(f"gradient_norm/{name}")[0], change / RATE, rtol=1e-4
        )
        assert f"weights/{name}/hidden/kernel" in events.tags


def values_of_first(model):
    """The trained variables of a model as arrays, of copies the first replica's."""
    return [one.numpy() for one in model.trainable_variables]


def test_fit_of_one_of_them(logdir):
    """The callback names the variables of the model that `fit` trains by its name."""
    models = {"generator": made(2), "critic": made(3)}
    models["critic"].compile("sgd", "mse")
    with gtlog.StepLogger(logdir, model=models) as log:
        models["critic"].fit(
            np.ones([4, 3]), np.ones([4, 1]), verbose=0, callbacks=[log.keras_callback()]
        )
    events = read_events(logdir)
    paths = {tag.split("/")[1] for tag in events.tags if tag.startswith("weights/")}
    assert paths == {"critic"}
    assert events.of("weight_norm/critic")[0] == events.of("weight_norm")[0]


class TestNames:
    """What a name may be, and whose it is."""

    def test_a_list_goes_by_the_models_own_names(self, logdir):
        """Models in a list have their own names; of two that are equal, the second a number."""
        one, other = Holder("critic"), Holder("critic")
        with gtlog.StepLogger(logdir, model=[one, other]) as log, log.step():
            train_both(one, other)
        tags = read_events(logdir).tags
        assert {"weights/critic/w", "weights/critic_1/w"} <= set(tags)
        assert {"weight_norm/critic", "weight_norm/critic_1"} <= set(tags)

    def test_unnamed_variables_have_the_path_that_leads_to_them(self, logdir):
        """A variable without a name is called by its attribute, led by the name of the model."""
        one, other = Holder("one", None), Holder("other", None)
        with gtlog.StepLogger(logdir, model={"a": one, "b": other}) as log, log.step():
            train_both(one, other)
        assert {"weights/a/weight", "weights/b/weight"} <= set(read_events(logdir).tags)

    def test_what_two_models_share_goes_by_the_first_and_counts_in_both(self, logdir):
        """A shared variable has one path, and is in the norms of both models."""
        one, other = Holder("one"), Holder("other")
        other.shared = one.weight
        with gtlog.StepLogger(logdir, model={"a": one, "b": other}) as log, log.step():
            train_both(one, other)
        events = read_events(logdir)
        assert {"weights/a/w", "weights/b/w"} <= set(events.tags)
        both = norm([one.weight.numpy(), other.weight.numpy()])
        np.testing.assert_allclose(events.of("weight_norm/b")[0], both, rtol=1e-6)
        alone = norm([one.weight.numpy()])
        np.testing.assert_allclose(events.of("weight_norm/a")[0], alone, rtol=1e-6)

    def test_filters_see_the_name(self, logdir):
        """`include` chooses a model by its name."""
        one, other = Holder("one"), Holder("other")
        models = {"a": one, "b": other}
        with gtlog.StepLogger(logdir, model=models, include="^b/") as log, log.step():
            train_both(one, other)
        tags = [tag for tag in read_events(logdir).tags if tag.startswith("weights/")]
        assert tags == ["weights/b/w"]

    @pytest.mark.parametrize(
        "model, kind, message",
        [
            ({}, ValueError, "empty dict"),
            ([], ValueError, "empty list"),
            ({"": tf.Module()}, ValueError, "must not be empty"),
            ({"a/b": tf.Module()}, ValueError, "'a/b'"),
            ({3: tf.Module()}, TypeError, "must be strings, got 3"),
            ({"a": "resnet"}, TypeError, r"model\['a'\] must be a Keras model"),
            ([tf.Module(), 3], TypeError, r"model\[1\] must be a Keras model"),
        ],
    )
    def test_what_is_no_name(self, model, kind, message, logdir):
        """What cannot lead a path, or is no model, is refused at once, with an example."""
        with pytest.raises(kind, match=message):
            gtlog.StepLogger(logdir, model=model)


class Holder(tf.Module):
    """A module with one weight."""

    def __init__(self, name, of_weight="w"):
        super().__init__(name)
        self.weight = tf.Variable([1.0, 2.0], name=of_weight)


def train_both(one, other):
    """One update of the weights of two modules."""
    weights = [one.weight, other.weight]
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(one.weight * other.weight)
    for weight, gradient in zip(weights, tape.gradient(loss, weights)):
        weight.assign_sub(RATE * gradient)
