"""`summaries.layer_outputs`: what the layers of a model put out for a fixed batch."""

import gc
import random
import warnings
import weakref

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import summaries
from gtlog.testing import assert_traced_at_most, read_events

from .reference import histogram
from .run_modes.rows.replicas import mirrored_strategy
from .run_modes.ways import compiled
from .steps_in_ways import WAYS

keras = tf.keras
layers = keras.layers

X = np.random.RandomState(0).randn(24, 5).astype("f")
BATCHES = np.random.RandomState(1).randn(5, 8, 5).astype("f")


def seed():
    """Sets the state of all random generators: of Python, numpy and TensorFlow."""
    random.seed(1)
    np.random.seed(1)
    tf.random.set_seed(1)
    if hasattr(tf.random, "set_global_generator"):
        tf.random.set_global_generator(tf.random.Generator.from_seed(1))


def sequential():
    """A rectifier, a batch normalisation, a dropout and a tanh."""
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, "relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(6, "tanh", name="second"),
            layers.Dense(1, name="last"),
        ],
        name="net",
    )


def functional():
    """As `sequential`, with the rectifier as a layer of its own after the normalisation."""
    x = inputs = keras.Input((5,))
    x = layers.BatchNormalization(name="norm")(layers.Dense(8, name="first")(x))
    x = layers.Dropout(0.5, name="drop")(layers.ReLU(name="rectifier")(x))
    x = layers.Dense(6, "tanh", name="second")(x)
    return keras.Model(inputs, layers.Dense(1, name="last")(x), name="net")


class Subclassed(keras.Model):
    """As `functional`, by a `call` of its own."""

    def __init__(self):
        super().__init__(name="net")
        self.first = layers.Dense(8, name="first")
        self.norm = layers.BatchNormalization(name="norm")
        self.rectifier = layers.ReLU(name="rectifier")
        self.drop = layers.Dropout(0.5, name="drop")
        self.second = layers.Dense(6, "tanh", name="second")
        self.last = layers.Dense(1, name="last")

    def call(self, inputs, training=False):
        """The output."""
        x = self.rectifier(self.norm(self.first(inputs), training=training))
        return self.last(self.second(self.drop(x, training=training)))


MODELS = {"sequential": sequential, "functional": functional, "subclassed": Subclassed}


def step_of(model, tape_class):
    """A step that trains a model, with random numbers of its own."""
    optimizer = keras.optimizers.SGD(0.1)

    def train_step(x):
        with tape_class() as tape:
            noise = tf.random.normal([len(x), 1])
            loss = tf.reduce_mean((model(x, training=True) - noise) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    return train_step


def bytes_of(tensors):
    """What tensors hold, bit for bit."""
    return [np.asarray(tf.convert_to_tensor(one)).tobytes() for one in tensors]


def expected(model, x):
    """The outputs of single layers, called one by one."""
    values = {}
    for name in ("first", "norm", "rectifier", "second", "last"):
        found = [layer for layer in model.layers if layer.name == name]
        if found:
            options = {"training": False} if name == "norm" else {}
            values[name] = x = found[0](x, **options)
    return {name: np.asarray(value) for name, value in values.items()}


def tag_of(events, kind, layer):
    """The one tag of a kind for a layer."""
    (tag,) = [
        tag for tag in events.tags if tag.startswith(f"{kind}/") and tag.endswith(f"/{layer}")
    ]
    return tag


def trained(way, make, logdir=None, **options):
    """Trains for five steps. Returns the model and what the training left behind, as bytes."""
    keras.backend.clear_session()
    seed()
    model = make()
    if make is Subclassed:
        model(X)
    decorate, tape_class = lambda function: function, tf.GradientTape
    if logdir is not None:
        chosen = [summaries.vitals(), summaries.layer_outputs(model, X)]
        options = {"every": 2, "on_error": "raise", **options}
        logger = gtlog.logged_step(logdir, summaries=chosen, **options)
        decorate, tape_class = logger, gtlog.InstrumentedTape
    body = step_of(model, tape_class)
    decorated = []

    def kept(function):
        decorated.append(decorate(function))
        return decorated[0]

    step = WAYS[way](kept, body)
    losses = [step(x) for x in BATCHES]
    if way != "eager":
        assert_traced_at_most(step, 2)
    left = [*losses, *model.weights, tf.random.normal([3])]
    if hasattr(tf.random, "get_global_generator"):
        left.append(tf.random.get_global_generator().state)
    states = [one for one in getattr(model, "variables", ()) if "seed" in one.name]
    if logdir is not None:
        decorated[0].step_logger.close()
    return model, bytes_of([*left, *states])


@pytest.fixture
def no_rewrites():
    """Graphs as they were written: docs/known-issues.md says why their last bits may differ."""
    names = ("arithmetic_optimization", "constant_folding")
    tf.config.optimizer.set_experimental_options({name: False for name in names})
    yield
    tf.config.optimizer.set_experimental_options({name: True for name in names})


def assert_nearly_histogram(rows, array):
    """Asserts that rows are the histogram of an array that a graph may have rounded elsewhere."""
    wanted = histogram(array)
    np.testing.assert_allclose(rows[:, :2], wanted[:, :2], rtol=1e-4, atol=1e-6)
    assert rows[:, 2].sum() == array.size
    assert np.abs(np.cumsum(rows[:, 2] - wanted[:, 2])).max() <= 2


@pytest.mark.parametrize(
    "way, kind",
    [
        *(("eager", "sequential"), ("eager", "subclassed"), ("above", "functional")),
        *(("beneath", "sequential"), ("beneath", "subclassed")),
    ],
)
class TestEachWay:
    """Eager, above and beneath `tf.function`; each kind of model."""

    def test_bit_for_bit_and_true(self, way, kind, logdir, no_rewrites):
        """The training is the bare run's, and what is written are outputs after its updates.

        Losses, weights, statistics and the states of random generators are compared bit for bit.
        """
        _, bare = trained(way, MODELS[kind])
        model, logged = trained(way, MODELS[kind], logdir)
        assert logged == bare
        events = read_events(logdir)
        for name, array in expected(model, X).items():
            assert_nearly_histogram(events.of(tag_of(events, "outputs", name))[4], array)
            zeros = events.of(tag_of(events, "output_zeros", name))
            assert sorted(zeros) == [0, 2, 4]
            np.testing.assert_allclose(zeros[4], np.mean(array == 0), rtol=1e-6)


def test_dead_and_saturated_units_enter_the_vitals(logdir):
    """Shares stand in the row of the kernel whose units they are, through a normalisation too."""
    model = functional()
    kernel, bias = model.get_layer("norm").get_weights()[:2]
    model.get_layer("norm").set_weights(
        [kernel, np.array([-99.0] * 2 + [0.0] * 6), *model.get_layer("norm").get_weights()[2:]]
    )
    model.get_layer("second").set_weights([np.ones((8, 6)), np.array([99.0] * 3 + [0.0] * 3)])
    step = gtlog.logged_step(
        logdir, summaries=[summaries.vitals(), summaries.layer_outputs(model, X)]
    )(step_of(model, gtlog.InstrumentedTape))
    step(BATCHES[0])
    step.step_logger.close()
    table, values = gtlog.open_run(logdir).table, expected(model, X)
    known = {
        name: {
            row.layer.split("/")[-1]: share
            for row, (share,) in zip(table.variables, table.column(name))
            if not np.isnan(share)
        }
        for name in ("silent_units", "saturation")
    }
    assert known["silent_units"] == {"first": 0.25}
    saturation = np.mean(np.abs(values["second"]) >= 0.98)
    assert saturation >= 0.5
    assert known["saturation"] == {"second": pytest.approx(saturation)}
    events = read_events(logdir)
    assert events.of(tag_of(events, "silent_units", "rectifier"))[0] == 0.25
    share = events.of(tag_of(events, "saturation", "second"))[0]
    assert share == pytest.approx(saturation)


def said(function, *arguments):
    """The texts of the warnings that a call gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*arguments)
    return [str(one.message) for one in caught if one.category is gtlog.LoggingWarning]


def logged(model, logdir, probe=X, **options):
    """A decorated eager step that computes nothing but the model."""

    @gtlog.logged_step(logdir, summaries=[summaries.layer_outputs(model, probe)], **options)
    def step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(model(X, training=True))
        tape.gradient(loss, model.trainable_variables)

    return step


class TestNotSeen:
    """What is not seen is said once, and costs itself alone."""

    @pytest.mark.filterwarnings("ignore:.*does not have a `build:UserWarning")
    def test_layers_that_are_not_called(self, logdir):
        """A layer in a function of its own, and one that nobody calls."""

        class Hidden(keras.Model):
            def __init__(self):
                super().__init__()
                self.seen = layers.Dense(3, name="seen")
                self.inside = layers.Dense(2, name="inside")
                self.unused = layers.Dense(2, name="unused")
                self.inner = tf.function(lambda x: self.inside(x))

            def call(self, inputs):
                return self.inner(self.seen(inputs))

        model = Hidden()
        model(X)
        step = logged(model, logdir)
        (message,) = [text for text in said(step) if "layer_outputs" in text]
        assert "'inside', 'unused'" in message and "tf.function" in message
        assert said(step) == []
        step.step_logger.close()
        tags = [tag for tag in read_events(logdir).tags if tag.startswith("outputs/")]
        assert [tag.rpartition("/")[2] for tag in tags] == ["seen"]

    @pytest.mark.parametrize("effect", ["draws", "assigns", "calls Python"])
    def test_model_that_has_effects(self, effect, logdir):
        """A model that would disturb the training is not run."""

        class Restless(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(3)
                self.count = tf.Variable(0.0, trainable=False)

            def call(self, inputs):
                if effect == "draws":
                    return self.dense(inputs) + tf.random.normal([3])
                if effect == "assigns":
                    self.count.assign_add(1.0)
                else:
                    tf.numpy_function(lambda: np.float32(0.0), [], tf.float32)
                return self.dense(inputs)

        model = Restless()
        model(X)
        step = logged(model, logdir)
        before = float(model.count)
        (message,) = said(step)
        assert "training=False too" in message
        assert float(model.count) == before + (effect == "assigns")
        assert said(step) == []
        step.step_logger.close()
        assert not any(tag.startswith("outputs/") for tag in read_events(logdir).tags)

    def test_probe_that_does_not_fit(self, logdir):
        """The error is given with the model's name, and the step goes on."""
        step = logged(sequential(), logdir, probe=np.zeros((4, 7), "f"))
        (message,) = said(step)
        assert "the outputs of the layers of 'net'" in message

    def test_model_without_variables_yet(self, logdir):
        """A model that the step builds is traced after it, and nothing is drawn for it."""
        model = Subclassed()
        step = logged(model, logdir)
        assert said(step) == []
        step.step_logger.close()
        assert read_events(logdir).of(tag_of(read_events(logdir), "outputs", "rectifier"))


def test_layer_that_is_called_twice(logdir):
    """All of its outputs count together."""
    x = inputs = keras.Input((5,))
    shared = layers.Dense(5, "relu", name="shared")
    model = keras.Model(inputs, shared(shared(x)))
    step = logged(model, logdir)
    step()
    step.step_logger.close()
    once = shared(X)
    both = np.concatenate([np.asarray(once).ravel(), np.asarray(shared(once)).ravel()])
    events = read_events(logdir)
    assert_nearly_histogram(events.of(tag_of(events, "outputs", "shared"))[0], both)


def test_recurrent_and_nested(logdir):
    """Layers of a model inside a model have their charts; the cells of recurrent ones have none."""
    inner = keras.Sequential(
        [keras.Input((5,)), layers.Dense(8, "relu", name="inside")], name="inner"
    )
    x = inputs = keras.Input((5,))
    x = layers.LSTM(3, name="memory")(layers.Reshape((4, 2))(inner(x)))
    model = keras.Model(inputs, layers.Dense(1, name="last")(x))
    step = logged(model, logdir)
    assert said(step) == []
    step.step_logger.close()
    tags = [tag for tag in read_events(logdir).tags if tag.startswith("outputs/")]
    assert sorted(tag.rpartition("/")[2] for tag in tags) == ["inside", "last", "memory"]


def test_module(logdir):
    """The modules inside a `tf.Module` are layers as well."""

    class Linear(tf.Module):
        def __init__(self, inputs, outputs, name):
            super().__init__(name=name)
            with self.name_scope:
                self.w = tf.Variable(tf.ones([inputs, outputs]), name="w")

        def __call__(self, x):
            return tf.nn.relu(x @ self.w)

    class Network(tf.Module):
        def __init__(self):
            super().__init__(name="network")
            self.parts = [Linear(5, 4, "front"), Linear(4, 1, "back")]

        def __call__(self, x, training):
            for part in self.parts:
                x = part(x)
            return x

    model = Network()
    step = logged(model, logdir)
    step()
    step.step_logger.close()
    events = read_events(logdir)
    assert_nearly_histogram(events.of("outputs/front")[0], np.maximum(X @ np.ones((5, 4), "f"), 0))
    assert "silent_units/back" in events.tags


def test_several_inputs(logdir):
    """A dict of inputs is called as it is; the units of a convolution are its channels."""
    image, number = keras.Input((6, 6, 1), name="image"), keras.Input((1,), name="number")
    x = layers.Conv2D(4, 3, activation="relu", name="filters")(image)
    x = layers.concatenate([layers.Flatten()(x), number])
    model = keras.Model({"image": image, "number": number}, layers.Dense(1, name="last")(x))
    kernel, _ = model.get_layer("filters").get_weights()
    model.get_layer("filters").set_weights([kernel, np.array([-99.0, 0, 0, 0])])
    probe = {
        "image": np.random.RandomState(0).randn(16, 6, 6, 1),
        "number": np.zeros((16, 1)),
    }
    summary = summaries.layer_outputs(model, probe)
    values = {value.tag: value for value in summary(gtlog.StepRecord(0))}
    (tag,) = [tag for tag in values if tag.startswith("silent_units/")]
    assert values[tag].value == 0.25


def test_in_fit(logdir):
    """With the callback, from outside; the training is the bare one."""

    def fitted(*make_callbacks):
        keras.backend.clear_session()
        seed()
        model = sequential()
        model.compile(keras.optimizers.SGD(0.1), "mse")
        callbacks = [make(model) for make in make_callbacks]
        options = {"epochs": 2, "batch_size": 8, "verbose": 0, "shuffle": False}
        history = model.fit(X, X[:, :1], callbacks=callbacks, **options)
        return model, [*history.history["loss"], *bytes_of(model.weights)]

    loggers = []

    def callback(model):
        loggers.append(
            gtlog.StepLogger(logdir, summaries=[summaries.layer_outputs(model, X)])
        )
        return loggers[0].keras_callback()

    _, bare = fitted()
    model, with_callback = fitted(callback)
    loggers[0].close()
    assert with_callback == bare
    events = read_events(logdir)
    for name, array in expected(model, X).items():
        assert_nearly_histogram(events.of(tag_of(events, "outputs", name))[5], array)


def test_in_the_train_step_of_fit(logdir):
    """Beneath the function that Keras makes of a decorated `train_step`, after its update."""
    made = []

    class Custom(keras.Model):
        def train_step(self, data):
            return made[0](self, data)

    inputs = keras.Input((5,))
    x = layers.BatchNormalization(name="norm")(layers.Dense(4, "relu", name="first")(inputs))
    model = Custom(inputs, layers.Dense(1, name="last")(x))

    @gtlog.logged_step(logdir, summaries=[summaries.layer_outputs(model, X)], on_error="raise")
    def train_step(model, data):
        x, y = data
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return {"loss": loss}

    made.append(train_step)
    options = {} if not hasattr(keras, "version") else {"jit_compile": False}
    model.compile(keras.optimizers.SGD(0.1), **options)
    model.fit(X, X[:, :1], batch_size=8, verbose=0)
    train_step.step_logger.close()
    events = read_events(logdir)
    for name, array in expected(model, X).items():
        assert_nearly_histogram(events.of(tag_of(events, "outputs", name))[2], array)


@pytest.mark.parametrize("inside", [False, True], ids=["above", "inside"])
def test_with_replicas(inside, logdir):
    """Above `strategy.run` as anywhere; in a graph of replicas it is said that nothing is run."""
    strategy = mirrored_strategy()
    with strategy.scope():
        model = sequential()

    def body(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(model(x, training=True))
        tape.gradient(loss, model.trainable_variables)

    chosen = [summaries.layer_outputs(model, X)]
    decorate = gtlog.logged_step(logdir, summaries=chosen, on_error="raise", model=model)
    if inside:
        part = decorate(body)
        step = tf.function(lambda x: strategy.run(part, (x,)))
        logger = part.step_logger
    else:
        step = decorate(tf.function(lambda x: strategy.run(body, (x,))))
        logger = step.step_logger
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        step(BATCHES[0])
        logger.close()
    events = read_events(logdir)
    if inside:
        assert any("outputs of layers" in str(one.message) for one in caught)
        assert not any(tag.startswith("outputs/") for tag in events.tags)
    else:
        for name, array in expected(model, X).items():
            assert_nearly_histogram(events.of(tag_of(events, "outputs", name))[0], array)


def test_less_often(logdir):
    """It runs on some of the logged steps, and before the vitals that read it."""
    model = sequential()
    summary = summaries.less_often(summaries.layer_outputs(model, X), 2)
    step = gtlog.logged_step(logdir, summaries=[summaries.vitals(), summary])(
        step_of(model, gtlog.InstrumentedTape)
    )
    for x in BATCHES:
        step(x)
    step.step_logger.close()
    events = read_events(logdir)
    assert sorted(events.of(tag_of(events, "outputs", "first"))) == [0, 2, 4]
    table = gtlog.open_run(logdir).table
    known = ~np.isnan(table.column("silent_units"))
    assert known.any(axis=0).tolist() == [True, False, True, False, True]


def test_few_examples_say_nothing_of_units():
    """The vitals get no share of silent units from a batch that leaves most of them silent."""
    model = sequential()
    record = gtlog.VariableRecord("first/kernel", "kernel", tf.ones([5, 8]))
    values = list(summaries.layer_outputs(model, X[:2])(gtlog.StepRecord(0, (), (record,))))
    assert values and record.silent_units is None


def test_losses_of_the_model_stay(logdir):
    """What the model adds as losses is what its last call in the training left."""
    inputs = keras.Input((5,))
    outputs = layers.Dense(1, activity_regularizer="l2", name="last")(inputs)
    model = keras.Model(inputs, outputs)
    step = logged(model, logdir)
    step()
    (loss,) = model.losses
    assert np.isfinite(float(loss))


def test_model_is_held_weakly(logdir):
    """A logger keeps no model alive."""
    model = sequential()
    summary = summaries.layer_outputs(model, X)
    assert list(summary(gtlog.StepRecord(0)))
    gone = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None
    assert list(summary(gtlog.StepRecord(1))) == []


def test_probe_is_copied():
    """A batch that is changed afterwards changes no chart."""
    model, batch = sequential(), X.copy()
    summary = summaries.layer_outputs(model, batch)
    first = [value.tag for value in summary(gtlog.StepRecord(0))]
    before = next(iter(summary(gtlog.StepRecord(0)))).buckets
    batch[:] = 7.0
    after = next(iter(summary(gtlog.StepRecord(1)))).buckets
    np.testing.assert_array_equal(before, after)
    assert first


def test_mixed_precision():
    """Outputs in float16 have the same charts."""
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, "relu", name="first", dtype="mixed_float16")
            if hasattr(keras.mixed_precision, "set_global_policy")
            else layers.Dense(8, "relu", name="first", dtype="float16"),
            layers.Dense(1, "sigmoid", name="last", dtype="float32"),
        ]
    )
    values = {value.tag: value for value in summaries.layer_outputs(model, X)(gtlog.StepRecord(0))}
    kinds = sorted(tag.partition("/")[0] for tag in values)
    assert kinds == [
        *("output_zeros", "output_zeros", "outputs", "outputs", "saturation", "silent_units")
    ]


@pytest.mark.parametrize(
    "model, probe, error, words",
    [
        (None, X, TypeError, "model must be"),
        (tf.Module(), X, TypeError, "can be called"),
        (sequential, X, TypeError, "model must be"),
        ("model", "text", ValueError, "probe must be"),
        ("model", object(), TypeError, "probe must be"),
        ("model", [], ValueError, "one example or more"),
        ("model", np.zeros((0, 5)), ValueError, "one example or more"),
    ],
)
def test_wrong_arguments(model, probe, error, words):
    """What is wrong is said where the summary is made."""
    with pytest.raises(error, match=words):
        summaries.layer_outputs(sequential() if model == "model" else model, probe)


def test_on_a_machine_with_one_thread(python, tmp_path):
    """Beneath `tf.function` the graph runs the model: a callback would wait for itself."""
    python.output(
        """
        import sys
        import tensorflow as tf
        tf.config.threading.set_inter_op_parallelism_threads(1)
        import gtlog
        layers = tf.keras.layers
        model = tf.keras.Sequential(
            [tf.keras.Input((6, 2)), layers.LSTM(3), layers.Dense(1, "relu")]
        )
        x = tf.ones([16, 6, 2])

        @tf.function
        @gtlog.logged_step(sys.argv[1], summaries=[gtlog.summaries.layer_outputs(model, x)])
        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(model(x))
            tape.gradient(loss, model.trainable_variables)

        for _ in range(3):
            step()
        tags = gtlog.testing.read_events(sys.argv[1]).tags
        assert any(tag.startswith("outputs/") for tag in tags)
        """,
        tmp_path,
    )


def test_above_xla(logdir):
    """Where XLA compiles the step, the model runs after it, as it is."""
    model = sequential()
    chosen = [summaries.layer_outputs(model, X)]
    step = gtlog.logged_step(logdir, summaries=chosen, on_error="raise")(
        compiled(step_of(model, gtlog.InstrumentedTape))
    )
    step(BATCHES[0])
    step.step_logger.close()
    events = read_events(logdir)
    for name, array in expected(model, X).items():
        assert_nearly_histogram(events.of(tag_of(events, "outputs", name))[0], array)
