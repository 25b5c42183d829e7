"""A language model: an Embedding and an LSTM that guess the next word of small sentences."""

import argparse
import random

import numpy as np
import tensorflow as tf

import gtlog

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--logdir", default="logs/text-lstm")
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()

BATCH, LENGTH = 32, 12

random.seed(0)
np.random.seed(0)
tf.random.set_seed(0)

GRAMMAR = {
    "sentence": ["subject verb object .", "subject verb object and verb object ."],
    "subject": ["the noun", "a adjective noun"],
    "object": ["the noun", "a adjective noun"],
    "noun": ["cat", "dog", "bird", "fish"],
    "adjective": ["small", "red", "sleepy"],
    "verb": ["sees", "hears", "follows"],
}


def words_of(symbol):
    if symbol not in GRAMMAR:
        return [symbol]
    return [word for part in random.choice(GRAMMAR[symbol]).split() for word in words_of(part)]


text = [word for _ in range(4000) for word in words_of("sentence")]
vocabulary = sorted(set(text))
numbers = np.array([vocabulary.index(word) for word in text], "int32")

windows = tf.data.Dataset.from_tensor_slices(numbers).batch(LENGTH + 1, drop_remainder=True)
dataset = windows.map(lambda window: (window[:-1], window[1:]))
dataset = dataset.shuffle(10000, seed=0).repeat().batch(BATCH)

model = tf.keras.Sequential(
    [
        tf.keras.layers.Embedding(len(vocabulary), 16),
        tf.keras.layers.LSTM(48, return_sequences=True),
        tf.keras.layers.Dense(len(vocabulary)),
    ]
)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam(1e-2)


@gtlog.logged_step(args.logdir, every=20)
@tf.function
def train_step(inputs, targets):
    with gtlog.InstrumentedTape() as tape:
        loss = loss_fn(targets, model(inputs, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


for step, (inputs, targets) in enumerate(dataset.take(args.steps), start=1):
    loss = float(train_step(inputs, targets))
    if step % 20 == 0 or step == args.steps:
        print(f"step {step}: loss {loss:.6f}, perplexity {np.exp(loss):.2f}")

sentence = ["the"]
while len(sentence) < LENGTH and sentence[-1] != ".":
    known = tf.constant([[vocabulary.index(word) for word in sentence]])
    probabilities = tf.nn.softmax(model(known)[0, -1]).numpy().astype("float64")
    sentence.append(np.random.choice(vocabulary, p=probabilities / probabilities.sum()))
print(" ".join(sentence))
