"""The demo's training loop, with what gtlog adds to it: a decorator, a tape, and a summary."""

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import gtlog

_BATCH_SIZE = 64
_LEARNING_RATE = 5e-3


def train(model, digits, logdir, steps, every):
    """Trains a model, and logs what happens inside it.

    Args:
      model: Keras model from `[n, 8, 8]` images to `[n, 10]` logits.
      digits: `gtlog.demo.data.Digits`.
      logdir: Directory of the event file.
      steps: Number of training steps.
      every: Steps 0, `every`, 2 `every`, … are logged.

    Returns:
      The accuracy on the held-out digits after the last step.
    """
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = tf.keras.optimizers.Adam(_LEARNING_RATE)
    summaries = [
        gtlog.summaries.histograms(),
        gtlog.summaries.kernel_images(),
        gtlog.summaries.recurrent_gates(),
        gtlog.summaries.vitals(),
        gtlog.summaries.scalars(per_variable=True),
        held_out_accuracy(model, digits),
    ]

    @gtlog.logged_step(logdir, every=every, summaries=summaries, on_error="raise")
    @tf.function
    def train_step(images, labels):
        with gtlog.InstrumentedTape() as tape:
            loss = loss_of(labels, model(images, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    batches = digits.batches(_BATCH_SIZE).take(steps)
    with train_step.step_logger:  # closes the event file in the end
        # disable=None: no bar where the output is no terminal
        for images, labels in tqdm(batches, desc=model.name, total=steps, disable=None):
            train_step(images, labels)
    return accuracy(model, digits)


def held_out_accuracy(model, digits):
    """A summary of our own. Any callable from a `StepRecord` to values can be a summary."""

    def summarize(record):
        yield gtlog.summaries.Scalar(
            "held_out_accuracy",
            accuracy(model, digits),
            f"Share of {len(digits.held_out_labels)} digits held out that are classified rightly.",
        )

    return summarize


def accuracy(model, digits):
    """The share of the held-out digits that the model classifies rightly, from 0 to 1."""
    logits = model(digits.held_out_images, training=False)
    return np.mean(np.argmax(logits, axis=-1) == digits.held_out_labels)
