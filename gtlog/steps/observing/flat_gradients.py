"""Gradients as one flat list of dense tensors, which a graph can hand over."""

import tensorflow as tf


class FlatGradients:
    """How gradients, `tf.IndexedSlices` among them, lie in a flat list. It holds no tensor."""

    def __init__(self, is_sparse):
        self._is_sparse = is_sparse

    @classmethod
    def of(cls, gradients):
        """Flattens gradients.

        Args:
          gradients: List of tensors and `tf.IndexedSlices`.

        Returns:
          A `FlatGradients`, and the list of tensors that it describes.
        """
        is_sparse = [isinstance(gradient, tf.IndexedSlices) for gradient in gradients]
        tensors = []
        for gradient, sparse in zip(gradients, is_sparse):
            tensors += [gradient.values, gradient.indices] if sparse else [gradient]
        return cls(is_sparse), tensors

    def gradients(self, tensors):
        """The gradients made again from eager tensors in the order of the flat list."""
        remaining = iter(tensors)
        return [
            tf.IndexedSlices(next(remaining), next(remaining)) if sparse else next(remaining)
            for sparse in self._is_sparse
        ]
