"""A variational autoencoder trained by Keras's `fit`, with a `train_step` of its own."""

import argparse
import random

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import gtlog

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--logdir", default="logs/fit-train-step")
parser.add_argument("--steps", type=int, default=450)
args = parser.parse_args()

BATCH, LATENT, STEPS_PER_EPOCH = 32, 4, 45

random.seed(0)
np.random.seed(0)
tf.random.set_seed(0)


class Autoencoder(tf.keras.Model):
    """Digits to a few numbers and back."""

    def __init__(self):
        super().__init__()
        self.encoder = tf.keras.Sequential(
            [
                tf.keras.Input((8, 8, 1)),
                tf.keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
                tf.keras.layers.Flatten(),
                tf.keras.layers.Dense(2 * LATENT),
            ],
            name="encoder",
        )
        self.decoder = tf.keras.Sequential(
            [
                tf.keras.Input((LATENT,)),
                tf.keras.layers.Dense(4 * 4 * 16, activation="relu"),
                tf.keras.layers.Reshape((4, 4, 16)),
                tf.keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
            ],
            name="decoder",
        )
        self.loss_mean = tf.keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_mean]

    def call(self, images):
        mean, _ = tf.split(self.encoder(images), 2, axis=1)
        return tf.sigmoid(self.decoder(mean))

    @gtlog.logged_step(args.logdir, every=30)
    def train_step(self, images):
        with gtlog.InstrumentedTape() as tape:
            mean, log_variance = tf.split(self.encoder(images, training=True), 2, axis=1)
            noise = tf.random.normal(tf.shape(mean))
            logits = self.decoder(mean + tf.exp(0.5 * log_variance) * noise, training=True)
            errors = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
            divergence = tf.square(mean) + tf.exp(log_variance) - log_variance - 1.0
            loss = tf.reduce_mean(
                tf.reduce_sum(errors, axis=[1, 2, 3]) + 0.5 * tf.reduce_sum(divergence, axis=1)
            )
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.loss_mean.update_state(loss)
        return {"loss": self.loss_mean.result()}


# 1,797 handwritten digits of 8 x 8 pixels
images = (load_digits().images[..., np.newaxis] / 16.0).astype("float32")
dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(2000, seed=0).repeat().batch(BATCH)

model = Autoencoder()
model.compile(optimizer=tf.keras.optimizers.Adam(3e-3))
steps_per_epoch = min(args.steps, STEPS_PER_EPOCH)
history = model.fit(
    dataset, steps_per_epoch=steps_per_epoch, epochs=args.steps // steps_per_epoch, verbose=0
)
for epoch, loss in enumerate(history.history["loss"], start=1):
    print(f"epoch {epoch}: loss {loss:.6f}")
