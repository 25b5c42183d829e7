"""Where a run may be changed: what plants faults, and what healthy runs do that is unusual."""


class Hook:
    """A change of a training; each method stands for a place where programs go wrong.

    Methods that are part of the traced step get `level`, a float32 scalar tensor: the `level` of
    this hook at the step, 0 before its onset.
    """

    def prepare(self, training):
        """Before the first step: weights, optimizer."""

    def level(self, step):
        """How strong the change is at a step, 0 to 1."""
        return 1.0

    def batch(self, training, step, batch):
        """The batch that the step is given instead, arrays."""
        return batch

    def tap(self, layer, value, level):
        """The output of a layer that the next one is given instead."""
        return value

    def loss(self, loss, level):
        """The loss that is differentiated instead."""
        return loss

    def gradients(self, training, gradients, level):
        """The gradients that the optimizer is given instead, as many."""
        return gradients

    def updated(self, training, before, level):
        """After the optimizer, inside the step; `before` has the values by position."""

    def between(self, training, step):
        """After a step, outside of it."""
