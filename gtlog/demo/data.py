"""The handwritten digits that scikit-learn ships: real data without a download."""

import dataclasses

import numpy as np
import tensorflow as tf
from sklearn import datasets, model_selection

_WHITEST = 16.0  # scikit-learn's pixels are counts from 0 to 16


@dataclasses.dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits. Some of them are held out, so training never sees them.

    Attributes:
      images: float32 `[n, 8, 8]`, from 0 (black) to 1 (white).
      labels: int64 `[n]`, from 0 to 9.
      held_out_images: As `images`, for testing.
      held_out_labels: As `labels`, for testing.
    """

    images: np.ndarray
    labels: np.ndarray
    held_out_images: np.ndarray
    held_out_labels: np.ndarray

    def batches(self, size):
        """An endless `tf.data.Dataset` of (images, labels), shuffled anew in each epoch."""
        pairs = tf.data.Dataset.from_tensor_slices((self.images, self.labels))
        return _endless(pairs.shuffle(len(self.images), seed=0), size)

    def unmatched_batches(self, size):
        """As `batches`, but images and labels are shuffled independently."""
        images = tf.data.Dataset.from_tensor_slices(self.images).shuffle(len(self.images), seed=0)
        labels = tf.data.Dataset.from_tensor_slices(self.labels).shuffle(len(self.labels), seed=1)
        return _endless(tf.data.Dataset.zip((images, labels)), size)


def _endless(dataset, size):
    return dataset.repeat().batch(size, drop_remainder=True).prefetch(1)


def load_digits():
    """The 1797 digits; one in five is held out, the same ones each time."""
    bunch = datasets.load_digits()
    images = (bunch.images / _WHITEST).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    images, held_out_images, labels, held_out_labels = model_selection.train_test_split(
        images, labels, test_size=0.2, stratify=labels, random_state=0
    )
    return Digits(images, labels, held_out_images, held_out_labels)
