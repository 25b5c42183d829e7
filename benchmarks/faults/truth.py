"""What really happened in a run, from its own variables and gradients; nothing of gtlog's."""

import numpy as np


class Truth:
    """Norms of kernels, gradients and movements at every step, copied by numpy.

    Attributes:
      layers: Names of the layers, `[L]`.
      loss: The loss that was differentiated, `[T]`.
      value, gradient, moved: Norms, `[L, T]`; `moved` is from the end of one step to that of the
        next, before anything is written in between counts to the step after.
      uphill: Cosine of movement and gradient, `[L, T]`.
      dead: Share of units with a gradient of exactly zero, `[L, T]`.
      nonfinite: Whether a kernel has a number that is not finite, `[L, T]`.
      first, last: Kernels before the first and after the last step.
    """

    def __init__(self, kernels):
        self.layers = list(kernels)
        self._kernels = list(kernels.values())
        self._before = self._copies()
        self.first = self._before
        self._rows = []

    def _copies(self):
        return [kernel.numpy() for kernel in self._kernels]

    def add(self, loss, gradients):
        """Takes in a step: its loss, and the gradients of the kernels; None where there is none."""
        values = self._copies()
        with np.errstate(all="ignore"):
            numbers = [
                _measured(value, before, None if gradient is None else np.asarray(gradient))
                for value, before, gradient in zip(values, self._before, gradients)
            ]
        self._rows.append((float(loss), numbers))
        self._before = values

    def closed(self):
        """The record with its arrays."""
        self.last = self._before
        self.loss = np.array([loss for loss, _ in self._rows])
        numbers = np.array([numbers for _, numbers in self._rows])
        names = ("value", "gradient", "moved", "uphill", "dead", "nonfinite")
        for place, name in enumerate(names):
            setattr(self, name, numbers[:, :, place].T)
        del self._kernels, self._before
        return self

    def of(self, layer):
        """The place of a layer."""
        return self.layers.index(layer)


def _measured(value, before, gradient):
    step = (value - before).ravel()
    if gradient is None:
        gradient = np.zeros_like(value)
    slope = gradient.ravel()
    product = np.linalg.norm(step) * np.linalg.norm(slope)
    axes = tuple(range(value.ndim - 1))
    return (
        np.linalg.norm(value),
        np.linalg.norm(slope),
        np.linalg.norm(step),
        step @ slope / product if product > 0 else 0.0,
        np.mean(np.all(gradient == 0, axis=axes)),
        float(not np.isfinite(value).all()),
    )
