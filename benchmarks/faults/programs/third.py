"""Networks of a third set: neither half has anything like them, and their data are others."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.programs.base import Program, cross_entropy, untouched
from benchmarks.faults.programs.images import Patterns
from benchmarks.faults.programs.modules import ByHand


class TemporalConvolutions(Program):
    """Dilated causal convolutions with paths around them, that forecast a wave; a mean square."""

    length, channels = 24, 16
    taps = ("lift", "dilated_0", "dilated_1", "dilated_2")
    shifted = ("dilated_0", "dilated_1", "dilated_2")
    rates = {"sgd": 0.05, "adam": 3e-3, "rmsprop": 2e-3}
    quality = 0.6

    def __init__(self, seed):
        super().__init__(seed)
        self.lift = self._convolution("lift", 1, 1)
        self.parts = [
            self._convolution(f"dilated_{n}", self.channels, 3, dilation_rate=2**n)
            for n in range(3)
        ]
        self.forecast = self.dense("forecast", self.channels, 1)

    def _convolution(self, name, inputs, width, **options):
        layer = tf.keras.layers.Conv1D(
            self.channels, width, padding="causal", name=name, **options
        )
        return self.built(layer, (None, self.length, inputs), name)

    def loss(self, batch, tap=untouched):
        x, target = batch
        x = tap("lift", self.lift(x))
        for layer in self.parts:
            x = x + tap(layer.name, tf.nn.relu(layer(x)))
        return tf.reduce_mean((self.forecast(x) - target) ** 2)

    def sample(self, number):
        time = np.arange(self.length + 1) + self.random.uniform(0, 50, (number, 1))
        wave = np.sin(0.7 * time) + 0.6 * np.sin(1.9 * time + 1)
        wave = (wave + 0.1 * self.random.randn(*wave.shape))[..., None].astype(np.float32)
        return wave[:, :-1], wave[:, 1:]


class Mixer(Program):
    """Two blocks that mix patches and then channels, with GELU, normalised before."""

    patches, width, classes = 16, 20, 4
    taps = ("patch", "mix_0/tokens", "mix_0/channels", "mix_1/tokens", "mix_1/channels")
    pairs = (("mix_0/channels", "mix_0/back"), ("mix_1/channels", "mix_1/back"))
    rates = {"sgd": 0.1, "adam": 5e-3, "rmsprop": 2e-3}
    quality = 0.9

    def __init__(self, seed):
        super().__init__(seed)
        self.patch = self.dense("patch", 9, self.width)
        self.parts = [self._block(f"mix_{n}") for n in range(2)]
        self.head = self.dense("answer", self.width, self.classes)
        self.patterns = Patterns(self.random, 12, self.classes, 0.4)

    def _block(self, name):
        return (
            self._norm(f"{name}/norm_tokens"),
            self.dense(f"{name}/tokens", self.patches, self.patches),
            self._norm(f"{name}/norm_channels"),
            self.dense(f"{name}/channels", self.width, 2 * self.width),
            self.dense(f"{name}/back", 2 * self.width, self.width),
        )

    def _norm(self, name):
        return self.layer_norm(name, (None, self.patches, self.width))

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tf.reshape(x, (-1, 4, 3, 4, 3))
        x = tf.reshape(tf.transpose(x, (0, 1, 3, 2, 4)), (-1, self.patches, 9))
        x = tap("patch", self.patch(x))
        for norm_0, tokens, norm_1, channels, back in self.parts:
            mixed = tf.transpose(tokens(tf.transpose(norm_0(x), (0, 2, 1))), (0, 2, 1))
            x = x + tf.nn.gelu(tap(tokens.full_name, mixed))
            x = x + back(tap(channels.full_name, tf.nn.gelu(channels(norm_1(x)))))
        return cross_entropy(labels, self.head(tf.reduce_mean(x, axis=1)))

    def sample(self, number):
        return self.patterns.sample(number)


class Tagger(Program):
    """An embedding, an LSTM in each direction, and a tag for each word; no kernel is square."""

    length, tokens, classes = 9, 18, 6
    taps = ("forward_lstm", "backward_lstm", "tag_hidden")
    shifted = ("tag_hidden",)
    rates = {"sgd": 0.5, "adam": 6e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed):
        super().__init__(seed)
        self.embed = tf.keras.layers.Embedding(self.tokens, 12, name="words")
        self.embed.build((None, self.length))
        self.variables.extend(self.embed.trainable_variables)
        self.directions = [self._lstm("forward_lstm", False), self._lstm("backward_lstm", True)]
        self.hidden = self.dense("tag_hidden", 28, 22)
        self.head = self.dense("tags", 22, self.classes)
        self.kind = np.random.RandomState(8).randint(3, size=self.tokens)

    def _lstm(self, name, is_backward):
        layer = tf.keras.layers.LSTM(
            14, return_sequences=True, go_backwards=is_backward, name=name
        )
        return self.built(layer, (None, self.length, 12))

    def loss(self, batch, tap=untouched):
        words, labels = batch
        x = self.embed(words)
        forward, backward = (tap(one.name, one(x)) for one in self.directions)
        x = tf.concat([forward, tf.reverse(backward, [1])], axis=-1)
        return cross_entropy(labels, self.head(tap("tag_hidden", tf.nn.relu(self.hidden(x)))))

    def sample(self, number):
        words = self.random.randint(self.tokens, size=(number, self.length))
        kinds = self.kind[words]
        before = np.concatenate([np.zeros((number, 1), int), kinds[:, :-1]], axis=1)
        after = np.concatenate([kinds[:, 1:], np.zeros((number, 1), int)], axis=1)
        labels = kinds + 3 * ((before + after) % 2)
        return words.astype(np.int32), labels.astype(np.int32)


class Graph(ByHand):
    """Three graph convolutions by hand, with ReLU, that tell groups and roles of nodes."""

    nodes, inputs, width, classes = 12, 6, 20, 6
    taps = ("gcn/0", "gcn/1", "gcn/2")
    shifted = taps
    pairs = ()
    rates = {"sgd": 0.2, "adam": 4e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed):
        super().__init__(seed)
        self.start = np.random.RandomState(70 + seed)
        sizes = (self.inputs, self.width, self.width, self.width)
        self.layers = [
            self.affine(name, *size, gain=1.4, names=("theta", "beta0"))
            for name, *size in zip(self.taps, sizes, sizes[1:])
        ]
        self.head = self.affine("gcn/out", self.width, self.classes, names=("theta", "beta0"))
        self.role = np.random.RandomState(9).randn(self.inputs, 3)

    def loss(self, batch, tap=untouched):
        x, links, labels = batch
        for name, layer in zip(self.taps, self.layers):
            x = tap(name, tf.nn.relu(links @ layer(x) + 0.5 * layer(x)))
        return cross_entropy(labels, self.head(x))

    def sample(self, number):
        group = self.random.randint(2, size=(number, self.nodes))
        x = self.random.randn(number, self.nodes, self.inputs)
        role = (x @ self.role).argmax(-1)
        x[..., 0] += 1.2 * (2 * group - 1)
        same = group[:, :, None] == group[:, None, :]
        links = self.random.rand(*same.shape) < np.where(same, 0.7, 0.1)
        links = links / np.maximum(links.sum(-1, keepdims=True), 1)
        labels = 3 * group + role
        return x.astype(np.float32), links.astype(np.float32), labels.astype(np.int32)


class Recommender(Program):
    """Embeddings of users and of goods, a tower on each, and the product of both; two classes."""

    users, goods = tokens = 60, 50
    taps = ("user_tower", "goods_tower")
    shifted = taps
    pairs = (("user_tower", "user_top"), ("goods_tower", "goods_top"))
    batch_size = 48
    rates = {"sgd": 1.0, "adam": 6e-3, "rmsprop": 2e-3}
    quality = 0.9

    def __init__(self, seed):
        super().__init__(seed)
        self.tables = [self._table("users", self.users), self._table("goods", self.goods)]
        self.towers = [
            (self.dense(f"{name}_tower", 12, 24), self.dense(f"{name}_top", 24, 10))
            for name in ("user", "goods")
        ]
        fixed = np.random.RandomState(11)
        self.tastes = fixed.randn(self.users, 3), fixed.randn(self.goods, 3)

    def _table(self, name, rows):
        layer = tf.keras.layers.Embedding(rows, 12, name=name, embeddings_initializer="normal")
        layer.build((None,))
        layer.embeddings.assign(8.0 * layer.embeddings)
        self.variables.extend(layer.trainable_variables)
        return layer

    def loss(self, batch, tap=untouched):
        sides = []
        for table, (tower, top), rows in zip(self.tables, self.towers, batch):
            sides.append(top(tap(tower.name, tf.nn.relu(tower(table(rows))))))
        score = tf.reduce_sum(sides[0] * sides[1], axis=-1)
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=batch[2], logits=score)
        )

    def sample(self, number):
        users = self.random.randint(self.users, size=number)
        goods = self.random.randint(self.goods, size=number)
        liking = (self.tastes[0][users] * self.tastes[1][goods]).sum(-1)
        labels = liking + 0.3 * self.random.randn(number) > 0
        return users.astype(np.int32), goods.astype(np.int32), labels.astype(np.float32)


class Concatenated(Program):
    """Convolutions of which each sees the outputs of all before it, normalised before."""

    size, growth, classes = 8, 8, 4
    taps = ("entry", "grow_0", "grow_1", "grow_2")
    shifted = ("entry",)
    rates = {"sgd": 0.1, "adam": 3e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed):
        super().__init__(seed)
        self.entry = self._convolution("entry", 2, self.growth)
        self.parts = []
        for number in range(3):
            channels = self.growth * (number + 1)
            norm = tf.keras.layers.BatchNormalization(name=f"norm_{number}", momentum=0.9)
            self.built(norm, (None, None, None, channels))
            self.parts.append((norm, self._convolution(f"grow_{number}", channels, self.growth)))
        self.head = self.dense("labels", 4 * self.growth, self.classes)

    def _convolution(self, name, inputs, filters):
        layer = tf.keras.layers.Conv2D(
            filters, 3, padding="same", name=name, kernel_initializer="he_uniform"
        )
        return self.built(layer, (None, self.size, self.size, inputs), name)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tap("entry", tf.nn.relu(self.entry(x)))
        for norm, layer in self.parts:
            new = tap(layer.name, layer(tf.nn.relu(norm(x, training=True))))
            x = tf.concat([x, new], axis=-1)
        return cross_entropy(labels, self.head(tf.reduce_mean(tf.nn.relu(x), axis=(1, 2))))

    def sample(self, number):
        """Two channels of stripes; the class says which way they run in each."""
        ways = self.random.randint(2, size=(number, 2))
        phase = self.random.uniform(0, 6.3, (number, 2, 1))
        stripes = np.sin(1.6 * np.arange(self.size) + phase)
        rows = np.repeat(stripes[:, :, :, None], self.size, axis=3)
        columns = np.swapaxes(rows, 2, 3)
        images = np.where(ways[:, :, None, None] == 1, rows, columns)
        images = np.moveaxis(images + 0.9 * self.random.randn(*images.shape), 1, -1)
        return images.astype(np.float32), (2 * ways[:, 0] + ways[:, 1]).astype(np.int32)


class Selu(Program):
    """Seven layers with SELU that fit a rugged function; the loss is Huber's."""

    inputs, width = 8, 28
    taps = tuple(f"selu_{n}" for n in range(6))
    pairs = tuple(zip(taps[:-1], taps[1:]))
    rates = {"sgd": 0.02, "adam": 2e-3, "rmsprop": 2e-3}
    quality = 0.6

    def __init__(self, seed):
        super().__init__(seed)
        sizes = (self.inputs, *[self.width] * 6)
        self.layers = [
            self.dense(name, *size, kernel_initializer="lecun_normal")
            for name, *size in zip(self.taps, sizes, sizes[1:])
        ]
        self.head = self.dense("value", self.width, 1)

    def loss(self, batch, tap=untouched):
        x, target = batch
        for layer in self.layers:
            x = tap(layer.name, tf.nn.selu(layer(x)))
        error = tf.abs(self.head(x) - target)
        return tf.reduce_mean(tf.where(error < 1, 0.5 * error**2, error - 0.5))

    def sample(self, number):
        x = self.random.randn(number, self.inputs)
        target = np.abs(x[:, :1]) + x[:, 1:2] * x[:, 2:3] + np.sin(2 * x[:, 3:4])
        return x.astype(np.float32), (target + 1).astype(np.float32)


class VisionTransformer(Program):
    """Patches with a token for the class, and attention whose kernels have an axis of heads."""

    width, heads, patches, classes = 20, 4, 9, 5
    taps = ("embed", "block_0/value", "block_0/expand", "block_1/value", "block_1/expand")
    pairs = (("block_0/expand", "block_0/contract"), ("block_1/expand", "block_1/contract"))
    rates = {"sgd": 0.1, "adam": 3e-3, "rmsprop": 2e-3}
    quality = 0.85

    def __init__(self, seed):
        super().__init__(seed)
        self.embed = self.dense("embed", 16, self.width)
        start = np.random.RandomState(seed).randn(1, self.patches + 1, self.width)
        self.token = tf.Variable(tf.zeros((1, 1, self.width)), name="class_token")
        self.places = tf.Variable(0.02 * start.astype(np.float32), name="positions")
        self.variables.extend([self.token, self.places])
        self.parts = [self._block(f"block_{n}") for n in range(2)]
        self.last_norm = self._norm("last_norm")
        self.head = self.dense("logits", self.width, self.classes)
        self.patterns = Patterns(self.random, 12, self.classes, 0.2)

    def _block(self, name):
        return (
            self._norm(f"{name}/before_attention"),
            [self._to_heads(f"{name}/{one}") for one in ("query", "key", "value")],
            self._from_heads(f"{name}/output"),
            self._norm(f"{name}/before_expand"),
            self.dense(f"{name}/expand", self.width, 3 * self.width),
            self.dense(f"{name}/contract", 3 * self.width, self.width),
        )

    def _norm(self, name):
        return self.layer_norm(name, (None, None, self.width))

    def _to_heads(self, name):
        shape = (None, self.heads, self.width // self.heads)
        layer = tf.keras.layers.EinsumDense(
            "btd,dhk->bthk", shape, bias_axes="hk", name=name.rpartition("/")[2]
        )
        return self.built(layer, (None, self.patches + 1, self.width), name)

    def _from_heads(self, name):
        layer = tf.keras.layers.EinsumDense(
            "bthk,hkd->btd", (None, self.width), bias_axes="d", name=name.rpartition("/")[2]
        )
        inputs = (None, self.patches + 1, self.heads, self.width // self.heads)
        return self.built(layer, inputs, name)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tf.transpose(tf.reshape(x, (-1, 3, 4, 3, 4)), (0, 1, 3, 2, 4))
        x = tap("embed", self.embed(tf.reshape(x, (-1, self.patches, 16))))
        token = tf.repeat(self.token, tf.shape(x)[0], axis=0)
        x = tf.concat([token, x], axis=1) + self.places
        for norm_0, projections, output, norm_1, expand, contract in self.parts:
            x = x + output(self._attended(norm_0(x), projections, tap))
            x = x + contract(tap(expand.full_name, tf.nn.gelu(expand(norm_1(x)))))
        return cross_entropy(labels, self.head(self.last_norm(x)[:, 0]))

    def _attended(self, x, projections, tap):
        query, key, value = (one(x) for one in projections)
        value = tap(projections[2].full_name, value)
        scores = tf.einsum("bqhk,bthk->bhqt", query, key) / np.sqrt(self.width // self.heads)
        return tf.einsum("bhqt,bthk->bqhk", tf.nn.softmax(scores), value)

    def sample(self, number):
        return self.patterns.sample(number)
