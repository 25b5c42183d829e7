"""A DCGAN that learns to draw digits: two networks, two tapes, two optimizers in one step."""

import argparse
import random

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import gtlog

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--logdir", default="logs/dcgan")
parser.add_argument("--steps", type=int, default=1500)
args = parser.parse_args()

BATCH, NOISE = 64, 32

random.seed(0)
np.random.seed(0)
tf.random.set_seed(0)

# 1,797 handwritten digits of 8 x 8 pixels, from -1 to 1
images = (load_digits().images[..., np.newaxis] / 8.0 - 1.0).astype("float32")
dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(2000, seed=0).repeat()
dataset = dataset.batch(BATCH, drop_remainder=True)

generator = tf.keras.Sequential(
    [
        tf.keras.Input((NOISE,)),
        tf.keras.layers.Dense(2 * 2 * 64, use_bias=False),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.LeakyReLU(),
        tf.keras.layers.Reshape((2, 2, 64)),
        tf.keras.layers.Conv2DTranspose(32, 4, strides=2, padding="same", use_bias=False),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.LeakyReLU(),
        tf.keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
    ],
    name="generator",
)
discriminator = tf.keras.Sequential(
    [
        tf.keras.Input((8, 8, 1)),
        tf.keras.layers.Conv2D(32, 4, strides=2, padding="same"),
        tf.keras.layers.LeakyReLU(),
        tf.keras.layers.Dropout(0.3),
        tf.keras.layers.Conv2D(64, 4, strides=2, padding="same"),
        tf.keras.layers.LeakyReLU(),
        tf.keras.layers.Dropout(0.3),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(1),
    ],
    name="discriminator",
)
cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
generator_optimizer = tf.keras.optimizers.Adam(1e-3, beta_1=0.5)
discriminator_optimizer = tf.keras.optimizers.Adam(1e-3, beta_1=0.5)


@gtlog.logged_step(args.logdir, every=50)
@tf.function
def train_step(real):
    noise = tf.random.normal([BATCH, NOISE])
    with gtlog.InstrumentedTape() as gen_tape, gtlog.InstrumentedTape() as disc_tape:
        fake = generator(noise, training=True)
        real_output = discriminator(real, training=True)
        fake_output = discriminator(fake, training=True)
        gen_loss = cross_entropy(tf.ones_like(fake_output), fake_output)
        real_loss = cross_entropy(tf.ones_like(real_output), real_output)
        fake_loss = cross_entropy(tf.zeros_like(fake_output), fake_output)
        disc_loss = real_loss + fake_loss

    gen_gradients = gen_tape.gradient(gen_loss, generator.trainable_variables)
    disc_gradients = disc_tape.gradient(disc_loss, discriminator.trainable_variables)
    generator_optimizer.apply_gradients(zip(gen_gradients, generator.trainable_variables))
    discriminator_optimizer.apply_gradients(
        zip(disc_gradients, discriminator.trainable_variables)
    )
    return gen_loss, disc_loss


for step, real in enumerate(dataset.take(args.steps), start=1):
    gen_loss, disc_loss = train_step(real)
    if step % 50 == 0 or step == args.steps:
        print(f"step {step}: generator loss {gen_loss:.6f}, discriminator loss {disc_loss:.6f}")

drawn = generator(tf.random.normal([4, NOISE]), training=False)[..., 0]
for row in np.concatenate(list(drawn), axis=1):
    print("".join(" .:+#@"[int(3 * pixel + 2.999)] for pixel in row))
