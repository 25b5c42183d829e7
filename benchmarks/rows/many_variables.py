"""Ten thousand variables of 64 elements: what each of them costs."""

import itertools
import tempfile

import tensorflow as tf

import gtlog
from benchmarks.alternatives import keras_callback
from benchmarks.figures import (
    AT_MOST,
    BARE,
    GTLOG,
    KERAS,
    USUAL_EAGER,
    USUAL_IN_GRAPH,
    Bar,
    Case,
    Figure,
    Row,
    Skipped,
    Spread,
)
from benchmarks.timing import interleaved

_FEW, _MANY = 1_000, 10_000
_USUAL_COUNT = 100
_ELEMENTS = 64


def many_variables(effort):
    """Microseconds per variable and logged step, and how they grow with their number."""
    rounds = effort.rounds(9)
    few, many = (_gtlog_samples(effort.size(count), rounds) for count in (_FEW, _MANY))
    usual = _usual_samples(effort.size(_USUAL_COUNT), rounds)
    each = many.added(GTLOG, BARE) / effort.size(_MANY) * 1e6
    each_of_few = few.added(GTLOG, BARE) / effort.size(_FEW) * 1e6
    # Linear up to what the caches make of it.
    growth = Figure("times as much each as 1,000 variables", Spread.of(each / each_of_few), "x")
    return Row(
        "many-variables",
        "logged step, 10,000 variables of 64",
        figures=(
            Figure("us per variable", Spread.of(each), "us", Bar(AT_MOST, 15)),
            Figure(growth.name, growth.spread, growth.unit, Bar(AT_MOST, 1.25)),
        ),
        cases=(
            Case(BARE, Spread.of(many.of(BARE) / effort.size(_MANY), 1e6), "us per variable"),
            *_usual_cases(usual, effort.size(_USUAL_COUNT)),
            Case(GTLOG, Spread.of(each), "us per variable"),
            Case("gtlog, 1,000 variables", Spread.of(each_of_few), "us per variable"),
            Skipped(USUAL_IN_GRAPH, "Its graph of 10,000 histograms takes minutes to trace."),
        ),
        notes=(f"The usual loop and Keras log {effort.size(_USUAL_COUNT)} variables.",),
    )


def _usual_cases(samples, count):
    return [
        Case(name, Spread.of(samples.of(name) / count, 1e6), "us per variable")
        for name in (USUAL_EAGER, KERAS)
    ]


def _gtlog_samples(count, rounds):
    variables = [tf.Variable(values, name=f"v{k}") for k, values in enumerate(_noise(count))]

    def step():
        return tf.add_n([tf.reduce_sum(variable) for variable in variables])

    with tempfile.TemporaryDirectory() as folder:
        decorate = gtlog.logged_step(folder, summaries=[gtlog.summaries.histograms()])
        cases = {BARE: tf.function(step), GTLOG: decorate(tf.function(step))}
        return interleaved(cases, rounds)


def _usual_samples(count, rounds):
    layer = _ManyWeights(count)
    model = tf.keras.Sequential([tf.keras.Input((1,)), layer])
    with tempfile.TemporaryDirectory() as folder:
        callback, epochs = keras_callback(model, folder), itertools.count()
        cases = {
            USUAL_EAGER: _usual_loop(layer.weights, tf.summary.create_file_writer(folder)),
            KERAS: lambda: callback.on_epoch_end(next(epochs), {}),
        }
        return interleaved(cases, rounds)


def _usual_loop(variables, writer):
    numbers = itertools.count()

    def log():
        number = next(numbers)
        with writer.as_default():
            for variable in variables:
                tf.summary.histogram(variable.name, variable.numpy(), step=number)

    return log


def _noise(count):
    return tf.random.normal([count, _ELEMENTS]).numpy()


class _ManyWeights(tf.keras.layers.Layer):
    """A layer that does nothing and has many weights, for Keras's callback to find."""

    def __init__(self, count):
        super().__init__()
        self._count = count

    def build(self, input_shape):
        for k in range(self._count):
            self.add_weight(name=f"v{k}", shape=(_ELEMENTS,), initializer="random_normal")

    def call(self, inputs):
        return inputs
