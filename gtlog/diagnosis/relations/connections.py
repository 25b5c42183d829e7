"""What comes after what: whose outputs may be whose inputs, as far as the kernels' shapes tell.

The table knows variables in the order of the forward pass, but no graph. The last layer of one
network and the first of another stand side by side in it and say nothing about each other: each has
a loss of its own, or a weight of its own in one loss.
"""

import functools

import numpy as np

RECURRENT_KERNEL = "recurrent_kernel"
# Axes of a kernel of an attention's heads: to them, width, heads and their width; or from them.
AXES_OF_HEADS = 3
# How many of the kernels after a kernel come soon after it.
SOON = 3


class Connections:
    """Which kernels may feed which. Places are indices of the kernels in the forward pass.

    Args:
      rows: The `VariableRow`s of the kernels.
    """

    def __init__(self, rows):
        self._rows = list(rows)
        self._shapes = [row.shape for row in rows]

    @functools.cached_property
    def feeds_next(self):
        """Whether the outputs of a kernel can be the inputs of the next one, bool `[kernels]`."""
        fits = [_feeds(*pair) for pair in zip(self._rows, self._rows[1:])]
        return np.array([*fits, False][: len(self._rows)], bool)

    @functools.cached_property
    def feeds_soon(self):
        """Whether they can be the inputs of the next one or of one of the few after it."""
        fed = [self.fed_by(place)[:1] for place in range(len(self._rows))]
        soon = [bool(one) and one[0] <= place + SOON for place, one in enumerate(fed)]
        return self.feeds_next | np.array(soon, bool)

    def fed_by(self, place):
        """Places of later kernels whose inputs can be the outputs of a kernel, the next one first.

        The outputs of several layers of one shape may be joined to one input.
        """
        row, alike = self._rows[place], self._shapes.count(self._shapes[place])
        joined = alike * _units(row) if alike > 1 else None
        return [
            number
            for number, later in enumerate(self._rows[place + 1 :], place + 1)
            if later.role != RECURRENT_KERNEL
            and (_feeds(row, later) or joined in _widths_in(later.shape))
        ]

    def may_be_routed(self, place):
        """Whether a kernel may be of an expert: one of several that a router chooses from.

        An expert that no example is given to has no gradient, and nothing is wrong with it.
        """
        number = self._shapes.count(self._shapes[place])
        return any(
            self._shapes[router][-1] <= number and self._shapes.count(expert) == number
            for router, expert in self._routers
        )

    def may_route(self, place):
        """Whether a kernel may be that of a router."""
        return any(place == router for router, _ in self._routers)

    @functools.cached_property
    def _routers(self):
        """Places of kernels that may be routers, and the shapes of their experts.

        A router has the inputs that its experts have, and an output for each of them. There are as
        many alike, at least: other layers may have experts too.
        """
        return [
            (place, expert)
            for place, router in enumerate(self._shapes)
            for expert in dict.fromkeys(self._shapes[place + 1 :])
            if expert[-2] == router[-2] and expert != router
            if 1 < router[-1] <= self._shapes.count(expert)
        ]


def inputs_of(shape):
    """Number of inputs of each unit of a kernel: all its axes but the last.

    >>> inputs_of((3, 3, 16, 32))
    144
    """
    return int(np.prod(shape[:-1]))


def is_added(shape):
    """Whether it is added to each example of a batch, as positions and the token of a class are.

    >>> is_added((1, 10, 64)), is_added((3, 16, 64))
    (True, False)
    """
    return len(shape) > 2 and shape[0] == 1


def _units(row):
    """How many numbers a layer puts out; the last axis of a recurrent one counts its gates too."""
    return row.shape[-2] if row.role == RECURRENT_KERNEL else row.shape[-1]


def _feeds(row, later):
    """Whether a kernel can hand its outputs to a later one.

    The number of inputs may be a multiple of the number of channels, if an image is flattened.
    """
    if later.role == RECURRENT_KERNEL:
        return True
    units, inputs = _units(row), later.shape[-2]
    if units <= 1:
        return False
    is_flattened = len(row.shape) > 2 and len(later.shape) == 2 and inputs % units == 0
    return is_flattened or not _widths_out(row).isdisjoint(_widths_in(later.shape))


def _widths_out(row):
    has_heads = len(row.shape) == AXES_OF_HEADS and row.role != RECURRENT_KERNEL
    return {_units(row), int(np.prod(row.shape[1:]))} if has_heads else {_units(row)}


def _widths_in(shape):
    has_heads = len(shape) == AXES_OF_HEADS
    return {shape[-2], shape[0], inputs_of(shape)} if has_heads else {shape[-2]}
