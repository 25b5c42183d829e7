"""An image classifier: augmentation, a custom loop, validation after each epoch, checkpoints."""

import argparse
import random

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import gtlog

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--logdir", default="logs/image-classifier")
parser.add_argument("--checkpoints", default="checkpoints/image-classifier")
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--steps-per-epoch", type=int, default=100)
args = parser.parse_args()

random.seed(0)
np.random.seed(0)
tf.random.set_seed(0)

# 1,797 handwritten digits of 8 x 8 pixels
digits = load_digits()
images = (digits.images[..., np.newaxis] / 16.0).astype("float32")
labels = digits.target.astype("int32")


def augment(image, label):
    image = tf.image.resize_with_crop_or_pad(image, 10, 10)
    image = tf.image.random_crop(image, [8, 8, 1])
    image = tf.image.random_brightness(image, 0.2)
    return image, label


train_data = tf.data.Dataset.from_tensor_slices((images[:1500], labels[:1500]))
train_data = train_data.shuffle(1500, seed=0).repeat().map(augment).batch(32).prefetch(1)
test_data = tf.data.Dataset.from_tensor_slices((images[1500:], labels[1500:])).batch(99)

model = tf.keras.Sequential(
    [
        tf.keras.Input((8, 8, 1)),
        tf.keras.layers.Conv2D(16, 3, padding="same", use_bias=False),
        tf.keras.layers.BatchNormalization(momentum=0.9),
        tf.keras.layers.ReLU(),
        tf.keras.layers.MaxPooling2D(),
        tf.keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dropout(0.2),
        tf.keras.layers.Dense(10),
    ]
)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam(3e-3)
train_loss = tf.keras.metrics.Mean()
train_accuracy = tf.keras.metrics.SparseCategoricalAccuracy()
test_accuracy = tf.keras.metrics.SparseCategoricalAccuracy()


@gtlog.logged_step(args.logdir, every=20, model=model)
@tf.function
def train_step(images, labels):
    with gtlog.InstrumentedTape() as tape:
        logits = model(images, training=True)
        loss = loss_fn(labels, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    train_loss.update_state(loss)
    train_accuracy.update_state(labels, logits)


@tf.function
def test_step(images, labels):
    test_accuracy.update_state(labels, model(images, training=False))


checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
manager = tf.train.CheckpointManager(checkpoint, args.checkpoints, max_to_keep=2)

for step, (image_batch, label_batch) in enumerate(train_data.take(args.steps), start=1):
    train_step(image_batch, label_batch)
    if step % args.steps_per_epoch == 0 or step == args.steps:
        for test_images, test_labels in test_data:
            test_step(test_images, test_labels)
        print(
            f"step {step}: loss {float(train_loss.result()):.6f}, "
            f"training accuracy {float(train_accuracy.result()):.4f}, "
            f"test accuracy {float(test_accuracy.result()):.4f}"
        )
        manager.save()
        for metric in (train_loss, train_accuracy, test_accuracy):
            for variable in metric.variables:
                variable.assign(tf.zeros_like(variable))
