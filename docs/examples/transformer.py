"""A small transformer that learns to sort the digits of a sequence."""

import argparse
import dataclasses
import random

import numpy as np
import tensorflow as tf

import gtlog
from gtlog.summaries import Image, histograms, kernel_images, scalars

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--logdir", default="logs/transformer")
parser.add_argument("--steps", type=int, default=600)
args = parser.parse_args()

BATCH, LENGTH, SYMBOLS, WIDTH, HEADS = 64, 8, 10, 32, 4

random.seed(0)
np.random.seed(0)
tf.random.set_seed(0)


class Attention(tf.keras.layers.Layer):
    """Multi-head attention of a sequence to itself."""

    def __init__(self, **options):
        super().__init__(**options)
        self.query = tf.keras.layers.Dense(WIDTH, name="query")
        self.key = tf.keras.layers.Dense(WIDTH, name="key")
        self.value = tf.keras.layers.Dense(WIDTH, name="value")
        self.out = tf.keras.layers.Dense(WIDTH, name="out")

    def call(self, x):
        def by_head(y):
            return tf.transpose(tf.reshape(y, [-1, LENGTH, HEADS, WIDTH // HEADS]), [0, 2, 1, 3])

        query, key, value = by_head(self.query(x)), by_head(self.key(x)), by_head(self.value(x))
        scores = tf.matmul(query, key, transpose_b=True) / (WIDTH // HEADS) ** 0.5
        attended = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
        return self.out(tf.reshape(attended, [-1, LENGTH, WIDTH]))


class Block(tf.keras.layers.Layer):
    """Attention and two dense layers, each added to what it was given."""

    def __init__(self, **options):
        super().__init__(**options)
        self.attention = Attention(name="attention")
        self.hidden = tf.keras.layers.Dense(2 * WIDTH, activation="relu", name="hidden")
        self.out = tf.keras.layers.Dense(WIDTH, name="out")
        self.first_norm = tf.keras.layers.LayerNormalization(name="first_norm")
        self.second_norm = tf.keras.layers.LayerNormalization(name="second_norm")

    def call(self, x):
        x = self.first_norm(x + self.attention(x))
        return self.second_norm(x + self.out(self.hidden(x)))


class Transformer(tf.keras.Model):
    """Symbols and their positions through two blocks, to the symbols in order."""

    def __init__(self):
        super().__init__()
        self.symbols = tf.keras.layers.Embedding(SYMBOLS, WIDTH, name="symbols")
        self.positions = tf.keras.layers.Embedding(LENGTH, WIDTH, name="positions")
        self.blocks = [Block(name=f"block_{k}") for k in range(2)]
        self.logits = tf.keras.layers.Dense(SYMBOLS, name="logits")

    def call(self, x):
        x = self.symbols(x) + self.positions(tf.range(LENGTH))
        for block in self.blocks:
            x = block(x)
        return self.logits(x)


def attention_heads(record):
    """The kernels of queries, keys and values as pictures, with a tile for each head."""
    for variable in record.variables:
        if variable.path.endswith(("query/kernel", "key/kernel", "value/kernel")):
            tiles = tf.reshape(variable.value, [WIDTH, HEADS, WIDTH // HEADS])
            tiles = tf.transpose(tiles, [0, 2, 1])[:, :, tf.newaxis, :]
            split = dataclasses.replace(variable, value=tiles)
            (image,) = kernel_images()(gtlog.StepRecord(record.step, variables=(split,)))
            note = f"{HEADS} heads; rows are features, columns the {WIDTH // HEADS} of a head."
            yield Image(f"heads/{variable.path}", image.pixels, note)


model = Transformer()
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam(3e-3)


@gtlog.logged_step(args.logdir, every=50, summaries=[histograms(), scalars(), attention_heads])
@tf.function
def train_step(x, y):
    with gtlog.InstrumentedTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), y)
    return loss, tf.reduce_mean(tf.cast(right, tf.float32))


for step in range(1, args.steps + 1):
    digits = np.random.randint(SYMBOLS, size=[BATCH, LENGTH]).astype("int32")
    loss, right = train_step(tf.constant(digits), tf.constant(np.sort(digits)))
    if step % 50 == 0 or step == args.steps:
        print(f"step {step}: loss {loss:.6f}, digits in their place {right:.4f}")
