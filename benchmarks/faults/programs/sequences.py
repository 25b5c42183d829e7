"""Recurrent networks and transformers."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.programs.base import Program, cross_entropy, untouched


class _Signals(Program):
    """Sequences of which the channel with the largest sum is the class."""

    length, classes = 10, 5

    def sample(self, number):
        x = self.random.randn(number, self.length, self.classes)
        labels = x.sum(axis=1).argmax(axis=1)
        x[np.arange(number), :, labels] += 0.3
        return x.astype(np.float32), labels.astype(np.int32)


class LstmClassifier(_Signals):
    """One LSTM and two dense layers, on its last output."""

    units = 20
    taps = ("project", "lstm", "hidden")
    shifted = ("project", "hidden")
    rates = {"sgd": 0.2, "adam": 6e-3, "adamw": 6e-3, "rmsprop": 4e-3}
    quality = 0.85

    def __init__(self, seed):
        super().__init__(seed)
        self.project = self.dense("project", self.classes, 16)
        layer = tf.keras.layers.LSTM(self.units, name="lstm")
        self.lstm = self.built(layer, (None, self.length, 16))
        self.hidden = self.dense("hidden", self.units, 16, kernel_initializer="he_normal")
        self.head = self.dense("head", 16, self.classes)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tap("project", tf.nn.relu(self.project(x)))
        x = tap("lstm", self.lstm(x))
        x = tap("hidden", tf.nn.relu(self.hidden(x)))
        return cross_entropy(labels, self.head(x))


class StackedGru(_Signals):
    """Two GRUs, of which the first hands on its whole sequence, and two dense layers."""

    length, classes = 8, 6
    taps = ("gru_0", "gru_1", "merge")
    shifted = ("merge",)
    rates = {"sgd": 0.2, "adam": 6e-3, "adamw": 6e-3, "rmsprop": 4e-3}
    quality = 0.85

    def __init__(self, seed):
        super().__init__(seed)
        first = tf.keras.layers.GRU(18, return_sequences=True, name="gru_0")
        self.first = self.built(first, (None, self.length, self.classes))
        second = tf.keras.layers.GRU(18, name="gru_1")
        self.second = self.built(second, (None, self.length, 18))
        self.merge = self.dense("merge", 18, 24, kernel_initializer="he_normal")
        self.head = self.dense("scores", 24, self.classes)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tap("gru_0", self.first(x))
        x = tap("gru_1", self.second(x))
        x = tap("merge", tf.nn.relu(self.merge(x)))
        return cross_entropy(labels, self.head(x))


class _Attention(Program):
    """What the two transformers share: attention with separate projections."""

    width, heads, blocks = 24, 2, 2

    def attention(self, prefix):
        """Query, key, value and output projection."""
        names = ("query", "key", "value", "out")
        return [self.dense(f"{prefix}/{name}", self.width, self.width) for name in names]

    def attended(self, parts, x, mask, tap):
        """What attention makes of a sequence [batch, length, width]."""
        query, key, value, out = parts
        q, k, v = (self._split(tap(one.full_name, one(x))) for one in (query, key, value))
        scores = tf.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(self.width // self.heads)
        scores = scores if mask is None else scores + mask
        mixed = tf.einsum("bhqk,bkhd->bqhd", tf.nn.softmax(scores), v)
        return out(tf.reshape(mixed, (-1, self.length, self.width)))

    def _split(self, x):
        return tf.reshape(x, (-1, self.length, self.heads, self.width // self.heads))

    def norm(self, name):
        """A normalisation of each place of a sequence."""
        return self.layer_norm(name, (None, self.length, self.width))

    def embedding(self, tokens):
        """Embedding of tokens and of places; they are no kernels."""
        layer = tf.keras.layers.Embedding(tokens, self.width, name="tokens")
        layer.build((None, self.length))
        self.variables.extend(layer.trainable_variables)
        places = tf.keras.layers.Embedding(self.length, self.width, name="places")
        places.build((self.length,))
        self.variables.extend(places.trainable_variables)
        return layer, places


class Encoder(_Attention):
    """Two blocks of a transformer, normalised after; says which of some marks is in the text."""

    length, tokens, classes = 8, 16, 4
    taps = ("block_0/value", "block_0/up", "block_1/value", "block_1/up")
    shifted = ("block_0/up", "block_1/up")
    pairs = (("block_0/up", "block_0/down"), ("block_1/up", "block_1/down"))
    rates = {"sgd": 0.1, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}

    def __init__(self, seed):
        super().__init__(seed)
        self.embed, self.places = self.embedding(self.tokens)
        self.parts = [self._block(f"block_{number}") for number in range(self.blocks)]
        self.head = self.dense("head", self.width, self.classes)

    def _block(self, prefix):
        return (
            self.attention(prefix),
            self.norm(f"{prefix}/norm_0"),
            self.dense(f"{prefix}/up", self.width, 2 * self.width),
            self.dense(f"{prefix}/down", 2 * self.width, self.width),
            self.norm(f"{prefix}/norm_1"),
        )

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = self.embed(x) + self.places(tf.range(self.length))
        for attention, norm_0, up, down, norm_1 in self.parts:
            x = norm_0(x + self.attended(attention, x, None, tap))
            x = norm_1(x + down(tap(up.full_name, tf.nn.relu(up(x)))))
        return cross_entropy(labels, self.head(tf.reduce_mean(x, axis=1)))

    def sample(self, number):
        x = self.random.randint(self.classes, self.tokens, size=(number, self.length))
        labels = self.random.randint(self.classes, size=number)
        for _ in range(2):
            x[np.arange(number), self.random.randint(self.length, size=number)] = labels
        return x.astype(np.int32), labels.astype(np.int32)


class Decoder(_Attention):
    """Language model of two blocks, causal, normalised before; the text is a Markov chain."""

    length, tokens = 10, 14
    classes = tokens
    taps = ("layer_0/value", "layer_0/wide", "layer_1/value", "layer_1/wide")
    shifted = ("layer_0/wide", "layer_1/wide")
    pairs = (("layer_0/wide", "layer_0/narrow"), ("layer_1/wide", "layer_1/narrow"))
    rates = {"sgd": 0.2, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed):
        super().__init__(seed)
        self.embed, self.places = self.embedding(self.tokens)
        self.parts = [self._block(f"layer_{number}") for number in range(self.blocks)]
        self.last_norm = self.norm("last_norm")
        self.head = self.dense("vocabulary", self.width, self.tokens)
        self.next = np.random.RandomState(5).permutation(self.tokens)

    def _block(self, prefix):
        return (
            self.norm(f"{prefix}/before_attention"),
            self.attention(prefix),
            self.norm(f"{prefix}/before_wide"),
            self.dense(f"{prefix}/wide", self.width, 3 * self.width),
            self.dense(f"{prefix}/narrow", 3 * self.width, self.width),
        )

    def loss(self, batch, tap=untouched):
        x, labels = batch
        mask = (tf.linalg.band_part(tf.ones((self.length, self.length)), -1, 0) - 1.0) * 1e9
        x = self.embed(x) + self.places(tf.range(self.length))
        for norm_0, attention, norm_1, wide, narrow in self.parts:
            x = x + self.attended(attention, norm_0(x), mask, tap)
            x = x + narrow(tap(wide.full_name, tf.nn.relu(wide(norm_1(x)))))
        return cross_entropy(labels, self.head(self.last_norm(x)))

    def sample(self, number):
        text = self.random.randint(self.tokens, size=(number, self.length + 1))
        for place in range(self.length):
            follows = self.random.rand(number) < 0.75
            text[follows, place + 1] = self.next[text[follows, place]]
        return text[:, :-1].astype(np.int32), text[:, 1:].astype(np.int32)
