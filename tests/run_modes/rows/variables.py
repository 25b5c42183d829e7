"""Row 8: where the variables of a step come from."""

import warnings

import numpy as np
import tensorflow as tf

from ..modes import Mode
from ..tasks import SEED, Task
from ..ways import above, beneath, over_batches

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what Sonnet imports
    try:
        import sonnet
    except ImportError:
        sonnet = None


class Modules(Task):
    """The same network as `tf.Module`s, with variables in their name scopes."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        values = self.weights()
        self.module = _Network(values)
        self.variables = self.module.parameters()

    def outputs(self, x):
        """What the network makes of pictures."""
        return self.module(x, self.dropout)

    def loss(self, x, y):
        """Mean squared error behind a dropout."""
        return tf.reduce_mean((self.outputs(x) - y) ** 2)


class _Layer(tf.Module):
    def __init__(self, kernel, bias, name):
        super().__init__(name=name)
        with self.name_scope:
            self.kernel = tf.Variable(kernel, name="kernel")
            self.bias = tf.Variable(bias, name="bias")


class _Network(tf.Module):
    def __init__(self, values):
        super().__init__(name="network")
        with self.name_scope:
            self.conv = _Layer(*values[:2], name="conv")
            self.dense = _Layer(*values[2:], name="dense")

    def parameters(self):
        return [self.conv.kernel, self.conv.bias, self.dense.kernel, self.dense.bias]

    def __call__(self, x, dropout):
        hidden = tf.nn.relu(tf.nn.conv2d(x, self.conv.kernel, 1, "VALID") + self.conv.bias)
        return dropout(tf.reshape(hidden, [-1, 64])) @ self.dense.kernel + self.dense.bias


class SonnetModules(Modules):
    """The network of Sonnet's modules, which make their variables when first called."""

    def __init__(self, stateful=False):
        Task.__init__(self, stateful)
        values = self.weights()
        self.conv = sonnet.Conv2D(4, 3, padding="VALID", name="conv")
        self.dense = sonnet.Linear(2, name="dense")
        self.module = tf.Module()
        self.module.layers = [self.conv, self.dense]
        self.outputs(tf.zeros([1, 6, 6, 1]))
        self.drawn.assign(0)
        self.variables = [self.conv.w, self.conv.b, self.dense.w, self.dense.b]
        for variable, value in zip(self.variables, values):
            variable.assign(value)

    def outputs(self, x):
        """What the network makes of pictures."""
        hidden = tf.nn.relu(self.conv(x))
        return self.dense(self.dropout(tf.reshape(hidden, [-1, 64])))


class MadeOnFirstCall(Task):
    """The step itself makes the variables, the first time that it runs."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        self.values, self.variables, self.module.weights = self.weights(), [], []

    def train(self, tape_class, x, y):
        """Makes the variables where there are none."""
        if not self.variables:
            names = "conv/kernel", "conv/bias", "dense/kernel", "dense/bias"
            self.variables = [tf.Variable(v, name=n) for v, n in zip(self.values, names)]
            self.module.weights = self.variables
        return super().train(tape_class, x, y)


class AddedLater(Task):
    """From the third step on a second dense layer is trained as well."""

    added_at = 2

    def __init__(self, stateful=False):
        super().__init__(stateful)
        self.first, self.calls = self.variables, 0
        self.module.added = []

    def batches(self):
        """The layer is added while the batches are gone through, outside of any step."""
        for call, batch in enumerate(super().batches()):
            if call == self.added_at:
                self._add()
            yield batch

    def _add(self):
        kernel = 0.3 * np.random.RandomState(SEED + 1).randn(2, 2)
        self.module.added = [tf.Variable(kernel, dtype=tf.float32, name="added/kernel")]
        self.variables = self.first + self.module.added

    def loss(self, x, y):
        """Mean squared error of the layers that there are."""
        kernel, bias, dense_kernel, dense_bias = self.first
        hidden = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)
        outputs = self.dropout(tf.reshape(hidden, [-1, 64])) @ dense_kernel + dense_bias
        for added in self.module.added:
            outputs = tf.tanh(outputs) @ added
        return tf.reduce_mean((outputs - y) ** 2)


def grown_above(task, instruments):
    """A function for the network as it is, and another one once it has grown; one logger."""
    return _grown(task, lambda step: instruments.decorate(tf.function(step)), instruments.tape)


def grown_beneath(task, instruments):
    """The same with the decorator beneath `tf.function`."""
    return _grown(task, lambda step: tf.function(instruments.decorate(step)), instruments.tape)


def _grown(task, wrap, tape_class):
    def make_step():
        return wrap(lambda x, y: task.train(tape_class, x, y))

    steps = {}

    def train_step(x, y):
        size = len(task.variables)
        if size not in steps:
            steps[size] = make_step()
        return steps[size](x, y)

    return over_batches(train_step, task)


class Sharded(Task):
    """The dense kernel lies in two shards, as a `ShardedVariable` keeps them on two servers."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        conv_kernel, conv_bias, kernel, bias = self.variables
        shards = [
            tf.Variable(part, name=f"dense/kernel/part_{k}")
            for k, part in enumerate(tf.split(kernel, 2))
        ]
        self.sharded = _sharded_variable()(shards, name="dense/kernel")
        self.variables = [conv_kernel, conv_bias, *shards, bias]
        self.module.weights = self.variables

    def loss(self, x, y):
        """Mean squared error behind a dropout."""
        kernel, bias, *_, dense_bias = self.variables
        hidden = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)
        hidden = self.dropout(tf.reshape(hidden, [-1, 64]))
        products = [h @ w for h, w in zip(tf.split(hidden, 2, axis=1), self.sharded.variables)]
        return tf.reduce_mean((tf.add_n(products) + dense_bias - y) ** 2)


def _sharded_variable():
    """The class, which TensorFlow has no public name for; None where it has none."""
    try:
        from tensorflow.python.distribute.sharded_variable import ShardedVariable
    except ImportError:
        return None
    return ShardedVariable


def _no_sonnet():
    return None if sonnet else "dm-sonnet is not installed, which is no requirement of the tests"


def _no_sharded_variable():
    return None if _sharded_variable() else "this TensorFlow has no ShardedVariable"


MODES = (
    Mode(8, "plain variables, above", Task, above),
    Mode(8, "plain variables, beneath", Task, beneath),
    Mode(8, "`tf.Module`, above", Modules, above),
    Mode(8, "`tf.Module`, beneath", Modules, beneath),
    Mode(8, "Sonnet 2, above", SonnetModules, above, missing=_no_sonnet),
    Mode(8, "Sonnet 2, beneath", SonnetModules, beneath, missing=_no_sonnet),
    Mode(8, "variables made on the first call, above", MadeOnFirstCall, above),
    Mode(8, "variables made on the first call, beneath", MadeOnFirstCall, beneath),
    Mode(8, "variables added later, above", AddedLater, grown_above),
    Mode(8, "variables added later, beneath", AddedLater, grown_beneath),
    Mode(8, "`ShardedVariable`, above", Sharded, above, missing=_no_sharded_variable),
    Mode(8, "`ShardedVariable`, beneath", Sharded, beneath, missing=_no_sharded_variable),
)
