"""Networks of a fourth set, on data of their own: what the rules met last."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.programs.base import Program, cross_entropy, untouched
from benchmarks.faults.programs.modules import ByHand


class Segmenter(Program):
    """A U-shaped network over a signal: it says where a bump, a step or nothing is."""

    length, classes = 24, 3
    taps = ("in", "down", "bottom", "up")
    shifted = ("in", "down", "bottom")
    rates = {"sgd": 0.1, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}
    quality = 0.75

    def __init__(self, seed):
        super().__init__(seed)
        self.parts = {
            name: self._convolution(name, inputs, filters)
            for name, inputs, filters in (("in", 1, 10), ("down", 10, 16), ("bottom", 16, 16))
        }
        self.parts["up"] = self._convolution("up", 26, 12)
        self.norms = {name: self._norm(name, 16) for name in ("down", "bottom")}
        self.head = self.dense("where", 12, self.classes)

    def _convolution(self, name, inputs, filters):
        layer = tf.keras.layers.Conv1D(
            filters, 5, padding="same", name=name, kernel_initializer="he_normal"
        )
        return self.built(layer, (None, self.length, inputs), name)

    def _norm(self, name, channels):
        layer = tf.keras.layers.BatchNormalization(name=f"{name}_norm", momentum=0.9)
        self.built(layer, (None, None, channels))
        self.shifts[name] = layer.beta
        return layer

    def loss(self, batch, tap=untouched):
        x, labels = batch
        wide = tap("in", tf.nn.relu(self.parts["in"](x)))
        deep = tf.nn.max_pool1d(wide, 2, 2, "SAME")
        for name in ("down", "bottom"):
            new = self.norms[name](self.parts[name](deep), training=True)
            deep = tap(name, tf.nn.relu(new))
        x = tf.concat([wide, tf.repeat(deep, 2, axis=1)], axis=-1)
        return cross_entropy(labels, self.head(tap("up", tf.nn.relu(self.parts["up"](x)))))

    def sample(self, number):
        x = 0.4 * self.random.randn(number, self.length)
        labels = np.zeros((number, self.length), np.int32)
        for row in range(number):
            for kind in (1, 2):
                start = self.random.randint(self.length - 6)
                shape = np.sin(np.linspace(0, np.pi, 6)) if kind == 1 else np.linspace(1, -1, 6)
                x[row, start : start + 6] += 1.5 * shape
                labels[row, start : start + 6] = kind
        return x[..., None].astype(np.float32), labels


class Siamese(ByHand):
    """One tower on two inputs; the loss says how near equal ones lie, and how far others."""

    inputs, width = 10, 26
    taps = ("tower/a", "tower/b", "tower/c")
    shifted = taps
    pairs = (("tower/a", "tower/b"), ("tower/b", "tower/c"))
    rates = {"sgd": 0.1, "adam": 2e-3, "adamw": 2e-3, "rmsprop": 1e-3}
    quality = 0.75

    def __init__(self, seed):
        super().__init__(seed)
        self.start = np.random.RandomState(30 + seed)
        sizes = (self.inputs, self.width, self.width, self.width)
        self.layers = [
            self.affine(name, *size, gain=1.4, names=("mat", "vec"))
            for name, *size in zip(self.taps, sizes, sizes[1:])
        ]
        self.head = self.affine("tower/code", self.width, 6, names=("mat", "vec"))
        self.kinds = np.random.RandomState(31).randn(5, self.inputs)

    def _code(self, x, tap):
        for name, layer in zip(self.taps, self.layers):
            x = tap(name, tf.nn.relu(layer(x)))
        return self.head(x)

    def loss(self, batch, tap=untouched):
        first, second, same = batch
        gap = self._code(first, tap) - self._code(second, tap)
        distance = tf.sqrt(tf.reduce_sum(gap**2, axis=-1) + 1e-6)
        return tf.reduce_mean(same * distance**2 + (1 - same) * tf.nn.relu(1.5 - distance) ** 2)

    def sample(self, number):
        kinds = self.random.randint(5, size=(2, number))
        kinds[1] = np.where(self.random.rand(number) < 0.5, kinds[0], kinds[1])
        sides = [
            np.tanh(self.kinds[kind]) + 0.5 * self.random.randn(number, self.inputs)
            for kind in kinds
        ]
        same = (kinds[0] == kinds[1]).astype(np.float32)
        return (*[side.astype(np.float32) for side in sides], same)


class Translator(Program):
    """A GRU reads a sequence, another one writes it backwards with attention to the first."""

    length, tokens, width = 6, 9, 22
    classes = tokens
    taps = ("reader", "writer", "mix")
    rates = {"sgd": 0.5, "adam": 8e-3, "adamw": 8e-3, "rmsprop": 4e-3}
    quality = 0.85

    def __init__(self, seed):
        super().__init__(seed)
        self.embed = tf.keras.layers.Embedding(self.tokens + 1, 16, name="symbols")
        self.embed.build((None, self.length))
        self.variables.extend(self.embed.trainable_variables)
        self.reader = self._gru("reader")
        self.writer = self._gru("writer")
        self.query = self.dense("query", self.width, self.width)
        self.mix = self.dense("mix", 2 * self.width, 24)
        self.head = self.dense("symbol", 24, self.tokens)

    def _gru(self, name):
        layer = tf.keras.layers.GRU(self.width, return_sequences=True, name=name)
        return self.built(layer, (None, self.length, 16))

    def loss(self, batch, tap=untouched):
        text, target = batch
        memory = tap("reader", self.reader(self.embed(text)))
        shifted = tf.concat([tf.fill(tf.shape(target[:, :1]), self.tokens), target[:, :-1]], 1)
        state = tap("writer", self.writer(self.embed(shifted), initial_state=memory[:, -1]))
        scores = tf.einsum("bqd,bkd->bqk", self.query(state), memory) / np.sqrt(self.width)
        seen = tf.einsum("bqk,bkd->bqd", tf.nn.softmax(scores), memory)
        mixed = tap("mix", tf.tanh(self.mix(tf.concat([state, seen], axis=-1))))
        return cross_entropy(target, self.head(mixed))

    def sample(self, number):
        text = self.random.randint(self.tokens, size=(number, self.length))
        return text.astype(np.int32), text[:, ::-1].astype(np.int32)


class SoftExperts(Program):
    """Three experts that all answer, mixed by a gate, behind a normalised stem."""

    classes, inputs, width = 4, 14, 20
    taps = ("base", "expert_0", "expert_1", "expert_2")
    shifted = ("expert_0", "expert_1", "expert_2")
    pairs = ()
    rates = {"sgd": 0.1, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed):
        super().__init__(seed)
        self.base = self.dense("base", self.inputs, self.width)
        norm = tf.keras.layers.LayerNormalization(name="base_norm")
        self.norm = self.built(norm, (None, self.width))
        self.gate = self.dense("gate", self.width, 3)
        self.experts = [self.dense(name, self.width, 30) for name in self.shifted]
        self.join = self.dense("join", 30, 18, activation="elu")
        self.head = self.dense("class", 18, self.classes)
        fixed = np.random.RandomState(41)
        self.centers = 1.3 * fixed.randn(3 * self.classes, self.inputs)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = self.norm(tap("base", self.base(x)))
        shares = tf.nn.softmax(self.gate(x))
        answers = [tap(one.name, tf.nn.relu(one(x))) for one in self.experts]
        x = tf.einsum("be,bed->bd", shares, tf.stack(answers, axis=1))
        return cross_entropy(labels, self.head(self.join(x)))

    def sample(self, number):
        center = self.random.randint(len(self.centers), size=number)
        x = self.centers[center] + 1.6 * self.random.randn(number, self.inputs)
        return x.astype(np.float32), (center % self.classes).astype(np.int32)


class PointCloud(Program):
    """The same layers on each point of a cloud, the largest over the points, and two layers."""

    points, classes = 20, 4
    taps = ("point_0", "point_1", "point_2", "cloud")
    shifted = taps
    pairs = (("point_0", "point_1"), ("point_1", "point_2"))
    rates = {"sgd": 0.1, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}
    quality = 0.7

    def __init__(self, seed):
        super().__init__(seed)
        sizes = (3, 16, 24, 32)
        self.layers = [
            self.dense(name, *size, kernel_initializer="he_normal")
            for name, *size in zip(self.taps, sizes, sizes[1:])
        ]
        self.cloud = self.dense("cloud", 32, 20, kernel_initializer="he_normal")
        self.head = self.dense("shape", 20, self.classes)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        for layer in self.layers:
            x = tap(layer.name, tf.nn.relu(layer(x)))
        x = tap("cloud", tf.nn.relu(self.cloud(tf.reduce_max(x, axis=1))))
        return cross_entropy(labels, self.head(x))

    def sample(self, number):
        """Balls, rods, plates and shells, turned at random."""
        labels = self.random.randint(self.classes, size=number)
        clouds = self.random.randn(number, self.points, 3)
        stretch = np.array([[1, 1, 1], [0.25, 0.25, 1.7], [1.3, 1.3, 0.2], [1, 1, 1]])
        norms = np.linalg.norm(clouds, axis=-1, keepdims=True)
        clouds = np.where(labels[:, None, None] == 3, 1.7 * clouds / norms, clouds)
        clouds = clouds * stretch[labels][:, None]
        turns = np.linalg.qr(self.random.randn(number, 3, 3))[0]
        return (clouds @ turns).astype(np.float32), labels.astype(np.int32)


class Inverted(Program):
    """Inverted bottlenecks with a path around them and gates on the channels, swish."""

    size, classes = 8, 4
    taps = ("start", "wide_0", "wide_1", "last")
    shifted = ()
    rates = {"sgd": 0.1, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed):
        super().__init__(seed)
        self.start = self._convolution("start", 3, 10, 3)
        self.parts = [self._block(n) for n in range(2)]
        self.last = self.dense("last", 10, 24)
        self.head = self.dense("texture", 24, self.classes)

    def _convolution(self, name, inputs, filters, width=1):
        layer = tf.keras.layers.Conv2D(filters, width, padding="same", use_bias=False, name=name)
        return self.built(layer, (None, self.size, self.size, inputs), name)

    def _block(self, number):
        wide = self._convolution(f"wide_{number}", 10, 30)
        spread = tf.keras.layers.DepthwiseConv2D(3, padding="same", name=f"spread_{number}")
        spread.build((None, self.size, self.size, 30))
        self.variables.extend(spread.trainable_variables)
        gate = self.dense(f"gate_{number}", 30, 30)
        narrow = self._convolution(f"narrow_{number}", 30, 10)
        norm = tf.keras.layers.BatchNormalization(name=f"norm_{number}", momentum=0.9)
        return wide, spread, gate, narrow, self.built(norm, (None, None, None, 10))

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tap("start", self.start(x))
        for wide, spread, gate, narrow, norm in self.parts:
            new = tf.nn.silu(spread(tap(wide.name, tf.nn.silu(wide(x)))))
            open_ = tf.sigmoid(gate(tf.reduce_mean(new, axis=(1, 2))))
            x = x + norm(narrow(new * open_[:, None, None]), training=True)
        x = tap("last", tf.nn.silu(self.last(tf.reduce_mean(x, axis=(1, 2)))))
        return cross_entropy(labels, self.head(x))

    def sample(self, number):
        """Checks, dots, gradients and noise, in three colours."""
        labels = self.random.randint(self.classes, size=number)
        shape = (number, self.size, self.size)
        rows, columns = np.indices(shape[1:])
        rows = rows + self.random.randint(8, size=(number, 1, 1))
        kinds = [
            (rows + columns) % 2 * 2.0 - 1,
            (rows % 4 == 0) * (columns % 4 == 0) * 3.0,
            rows / 4.0 - 1.8,
            self.random.randn(*shape),
        ]
        image = np.stack(kinds, axis=1)[np.arange(number), labels][..., None]
        image = image * self.random.uniform(0.5, 1, (number, 1, 1, 3))
        image = image + 0.7 * self.random.randn(*image.shape)
        return image.astype(np.float32), labels.astype(np.int32)


class DeepAndCross(Program):
    """Embeddings and numbers, crossed with each other, beside a deep part; yes or no."""

    categories = tokens = 12
    fields, numbers = 4, 5
    taps = ("cross_0", "cross_1", "deep_0", "deep_1")
    shifted = ("deep_0", "deep_1")
    pairs = (("deep_0", "deep_1"),)
    batch_size = 64
    rates = {"sgd": 0.1, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}
    quality = 0.85

    def __init__(self, seed):
        super().__init__(seed)
        self.tables = []
        for field in range(self.fields):
            layer = tf.keras.layers.Embedding(self.categories, 5, name=f"field_{field}")
            layer.build((None,))
            self.variables.extend(layer.trainable_variables)
            self.tables.append(layer)
        width = 5 * self.fields + self.numbers
        self.cross = [self.dense(f"cross_{n}", width, width) for n in range(2)]
        self.deep = [self.dense("deep_0", width, 32), self.dense("deep_1", 32, 16)]
        self.head = self.dense("odds", width + 16, 1)
        fixed = np.random.RandomState(51)
        self.taste = fixed.randn(self.fields, self.categories)
        self.slope = fixed.randn(self.numbers)

    def loss(self, batch, tap=untouched):
        numbers, fields, labels = batch
        parts = [table(fields[:, n]) for n, table in enumerate(self.tables)]
        start = x = deep = tf.concat([numbers, *parts], axis=-1)
        for layer in self.cross:
            x = start * tap(layer.name, layer(x)) + x
        for layer in self.deep:
            deep = tap(layer.name, tf.nn.relu(layer(deep)))
        odds = self.head(tf.concat([x, deep], axis=-1))[:, 0]
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=odds)
        )

    def sample(self, number):
        numbers = self.random.randn(number, self.numbers)
        fields = self.random.randint(self.categories, size=(number, self.fields))
        tastes = self.taste[np.arange(self.fields), fields]
        score = numbers @ self.slope + tastes[:, 0] * tastes[:, 1] + tastes[:, 2] * numbers[:, 0]
        labels = score + 0.5 * self.random.randn(number) > 0
        return numbers.astype(np.float32), fields.astype(np.int32), labels.astype(np.float32)


class HandRecurrence(ByHand):
    """A recurrence by hand with one matrix for the state, that adds up marked numbers."""

    length, width = 12, 20
    taps = ("rnn/enter", "rnn/state", "rnn/read")
    shifted = ("rnn/read",)
    rates = {"sgd": 0.05, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}
    quality = 0.6

    def __init__(self, seed):
        super().__init__(seed)
        self.start = np.random.RandomState(60 + seed)
        names = ("U", "c")
        self.enter = self.affine("rnn/enter", 2, self.width, names=names)
        self.state = self.affine("rnn/state", self.width, self.width, gain=0.9, names=names)
        self.read = self.affine("rnn/read", self.width, 16, gain=1.4, names=names)
        self.head = self.affine("rnn/sum", 16, 1, names=names)

    def loss(self, batch, tap=untouched):
        x, target = batch
        state = tf.zeros((tf.shape(x)[0], self.width))
        entered = tap("rnn/enter", self.enter(x))
        for step in range(self.length):
            state = tf.tanh(entered[:, step] + self.state(state))
        read = tap("rnn/read", tf.nn.relu(self.read(tap("rnn/state", state))))
        return tf.reduce_mean((self.head(read) - target) ** 2)

    def sample(self, number):
        x = self.random.uniform(-1, 1, (number, self.length, 2))
        x[..., 1] = self.random.rand(number, self.length) < 0.4
        target = (x[..., 0] * x[..., 1]).sum(axis=1, keepdims=True)
        return x.astype(np.float32), target.astype(np.float32)
