"""What the rules share: the vitals of a run as arrays, and what they mean together."""

import functools

import numpy as np

from gtlog.diagnosis.relations.connections import RECURRENT_KERNEL, Connections, inputs_of, is_added
from gtlog.diagnosis.relations.leap import leap_of
from gtlog.diagnosis.robust import carried, finite, log10, median, median_of_others, smooth, typical
from gtlog.vitals.columns import SKETCHES

KERNELS = ("kernel", RECURRENT_KERNEL)
OTHER = "other"

# A run whose first logged step is lower than this shows how it began.
BEGINNING = 2
# Logged steps at the start; their median shows what a variable was like at first. Long runs take a
# twentieth of their steps.
FEWEST_OF_BEGINNING = 5
# Relative difference below which a bias is as large as its first update; share of such biases.
EQUAL, MOST_BIASES = 1e-3, 0.5
# Kernels after a kernel with which its gradient is compared.
NEXT = 3

# Decades: how far the gradients of queries and keys may lie apart; how far they lie below those of
# the next kernel; how far the gradient of the keys' bias, which is rounding, lies below that of its
# kernel. Then the most axes: dense kernels have two, kernels of heads have three.
ALIKE, FAR_SMALLER, NO_BIAS = 1.0, 0.5, 2.0
MOST_AXES_OF_SCORES = 3
# Of a kernel. A line that is fitted to noise moves its two weights about, and odd behaviour of a
# network of a few units is no sign of a fault.
LEAST_ELEMENTS = 16
# Share of saturated outputs from which on they are the cause of a missing gradient.
MANY_SATURATED = 0.5


class Evidence:
    """The vitals of a run, and what several rules read from them. Arrays are `[variables, steps]`.

    Args:
      table: A `VitalsTable`, or an object with the same steps, variables, columns and step values.
      is_whole: Whether the run is over: then nothing that has not happened will happen.
      is_lost: Whether NaN ended the run. The table then holds the steps before the NaN.
    """

    def __init__(self, table, is_whole=True, is_lost=False):
        self.table = table
        self.is_whole = is_whole
        self.is_lost = is_lost
        self.rows = table.variables
        self.steps = np.asarray(table.steps, np.int64)
        self._columns = {}

    def __len__(self):
        return len(self.steps)

    def column(self, name):
        """A column of the vitals, float64; NaN where the number is not known."""
        if name not in self._columns:
            self._columns[name] = np.asarray(self.table.column(name), np.float64)
        return self._columns[name]

    def logarithm(self, name):
        """The column's logarithm to the base of ten; minus infinity where it is zero."""
        key = ("log10", name)
        if key not in self._columns:
            self._columns[key] = log10(self.column(name))
        return self._columns[key]

    @functools.cached_property
    def sketch(self):
        """The projections of the values, `[projections, variables, steps]`; NaN if not finite."""
        return finite(np.stack([self.column(name) for name in SKETCHES]))

    @functools.cached_property
    def has_beginning(self):
        """Whether the first steps of the run were logged."""
        return len(self) > 0 and self.steps[0] < BEGINNING

    @functools.cached_property
    def is_from_scratch(self):
        """Whether the biases were zero at first, so that the first update is all of them."""
        if not self.has_beginning or self.steps[0] > 0:
            return False
        biases = [row for row in map(self.bias_of, map(int, self.kernels)) if row is not None]
        ratio = self.column("update_ratio")[biases, 0]
        return bool(len(ratio) and (np.abs(ratio - 1) < EQUAL).mean() > MOST_BIASES)

    # Which variables, and in which steps

    @functools.cached_property
    def is_asked(self):
        """Where the tape was asked for the variable. Its answer may have been None."""
        asked = self.column("asked")
        return np.where(np.isnan(asked), ~np.isnan(self.column("gradient_rms")), asked == 1)

    @functools.cached_property
    def is_trained(self):
        """Which variables the step trains, as far as it is known, `[variables]`."""
        return self.is_asked.any(axis=1)

    @functools.cached_property
    def kernels(self):
        """Rows of the trained kernels in the order of the forward pass."""
        is_kernel = [self._is_kernel(row) for row in self.rows]
        return np.flatnonzero(np.array(is_kernel, bool) & self.is_trained)

    @staticmethod
    def _is_kernel(row):
        # In a hand-written module names do not show the role of a matrix.
        is_matrix = len(row.shape) >= 2 and np.prod(row.shape) >= LEAST_ELEMENTS
        is_matrix &= row.role != OTHER or not is_added(row.shape)
        return is_matrix and row.role in (*KERNELS, OTHER)

    @functools.cached_property
    def changed(self):
        """Where the step changed the variable, so far as that is known."""
        update = self.column("update_rms")
        return np.where(np.isnan(update), self.moved, update > 0)

    @functools.cached_property
    def travelled(self):
        """Distance of the value from the value at the logged step before, as a root mean square."""
        distance = np.full(self.column("value_rms").shape, np.nan)
        difference = np.diff(self.sketch, axis=2)
        distance[:, 1:] = np.sqrt(np.mean(difference**2, axis=0))
        return distance

    def distance_from(self, place):
        """Distance of the value from the value at one logged step, as a root mean square."""
        difference = self.sketch - self.sketch[:, :, place : place + 1]
        return np.sqrt(np.mean(difference**2, axis=0))

    @functools.cached_property
    def moved(self):
        """Where the value differs from the value at the logged step before."""
        differs = np.zeros(self.travelled.shape, bool)
        differs[:, 1:] = self.travelled[:, 1:] > 0
        differs[:, 1:] |= np.abs(np.diff(self.column("value_rms"), axis=1)) > 0
        return differs

    @functools.cached_property
    def applied(self):
        """The steps in which an update was applied to anything, `[steps]`."""
        return (self.changed & self.is_trained[:, None]).any(axis=0)

    @functools.cached_property
    def is_trained_now(self):
        """Where the tape was asked for the variable in a step that applied an update."""
        return self.is_asked & self.applied

    # The kernels: arrays [kernels, steps]

    def of_kernels(self, name):
        """The logarithm of a column of the kernels, in steps that asked for them."""
        values = self.logarithm(name)[self.kernels]
        return np.where(self.is_asked[self.kernels], values, np.nan)

    @functools.cached_property
    def gradient(self):
        """Logarithm of the kernels' gradients; NaN where not finite, and for queries and keys.

        The gradient of an attention's queries and keys is small while its scores are all alike, and
        once one of them has won: a thousandth of the other kernels' gradients. It shows no fault.
        """
        unknown = self.column("gradient_nonfinite")[self.kernels] > 0
        unknown |= self.are_scores[:, None]
        return np.where(unknown, np.nan, self.of_kernels("gradient_rms"))

    @functools.cached_property
    def are_scores(self):
        """Which kernels make the scores of an attention, so far as the table shows it.

        These are two neighbours of one shape. Their gradients are alike, and far smaller than the
        gradients of the next kernels. The second makes the keys; a softmax does not see its bias.
        """
        gradient = median(self.of_kernels("gradient_rms"))
        found = np.zeros(len(self.kernels), bool)
        for place in range(len(found) - 2):
            if not found[place] and self._is_pair(place, gradient):
                found[place : place + 2] = True
        return found

    def _is_pair(self, place, gradient):
        queries, keys = (self.rows[row] for row in self.kernels[place : place + 2])
        if queries.shape != keys.shape or len(keys.shape) > MOST_AXES_OF_SCORES:
            return False
        first, second = gradient[place : place + 2]
        next_ones = gradient[place + 2 : place + 2 + NEXT].max()
        if not abs(first - second) <= ALIKE or not max(first, second) <= next_ones - FAR_SMALLER:
            return False
        bias = self.bias_of(int(self.kernels[place + 1]))
        if bias is None:
            return place > 0
        return bool(median(self.logarithm("gradient_rms")[bias]) <= second - NO_BIAS)

    @functools.cached_property
    def norm_of_gradient(self):
        """Logarithm of the norms of the kernels' gradients; NaN where not finite.

        A layer of few units, such as the last one, has a large root mean square, but no large norm.
        """
        sizes = [np.prod(self.rows[row].shape, dtype=float) for row in self.kernels]
        return self.gradient + 0.5 * np.log10(np.array(sizes))[:, None]

    @functools.cached_property
    def peers_gradient(self):
        """For each kernel the median of the others' gradients above zero, in decades."""
        gradient = np.where(np.isneginf(self.gradient), np.nan, self.gradient)
        return median_of_others(gradient)

    @functools.cached_property
    def gradient_gap(self):
        """Decades by which a kernel's gradient lies above that of its peers, smoothed."""
        return smooth(self.gradient - self.peers_gradient)

    @functools.cached_property
    def change_of_gradient(self):
        """Decades by which a kernel's gradient changed since its beginning, smoothed."""
        gradient = smooth(np.where(np.isneginf(self.gradient), np.nan, self.gradient))
        number = max(FEWEST_OF_BEGINNING, gradient.shape[1] // 20)
        return gradient - median(gradient[:, :number])[:, None]

    @functools.cached_property
    def strongest_after(self):
        """For each kernel the largest gradient of those after it, in decades; NaN for the last."""
        return _highest_after(finite(self.gradient))

    @functools.cached_property
    def above_those_after(self):
        """Decades by which a kernel's gradient lies above the strongest after it.

        It is measured as a root mean square and as a norm, and the smaller result counts.
        """
        norm = finite(self.norm_of_gradient)
        of_norms = norm - _highest_after(norm)
        return np.minimum(finite(self.gradient) - self.strongest_after, of_norms)

    @functools.cached_property
    def step_of_gradient(self):
        """Decades from a kernel, or the strongest kernel before it, up to the few kernels after it.

        It is the least of three measures: the root mean square, the norm, and the norm times the
        norm of the weights. Each measure alone is uneven in some healthy network.
        """
        norm = self.norm_of_gradient
        weights = norm + self.logarithm("value_rms")[self.kernels] + norm - self.gradient
        return np.min(
            [_step_after(smooth(finite(one))) for one in (self.gradient, norm, weights)], axis=0
        )

    @functools.cached_property
    def lost_gradient(self):
        """Decades that a kernel's gradient lost beyond the kernels after it that lost least.

        One of three or more is left out: a branch that opens gains far more than the others.
        """
        change = self.change_of_gradient
        return _high_after(change) - change

    @functools.cached_property
    def gained_gradient(self):
        """Decades that a kernel's gradient gained beyond the kernel after it that gained most."""
        change = self.change_of_gradient
        return change - _highest_after(change)

    @functools.cached_property
    def excess_update(self):
        """Decades by which a kernel's updates lie above those of its peers, smoothed.

        What is usual depends on the optimizer: SGD's updates follow the gradient, Adam's are all of
        one size, and LAMB's follow the weight. So three measures have to agree, and the least of
        them counts.
        """
        size = self.of_kernels("update_rms")
        size = np.where(self.applied & np.isfinite(size), size, np.nan)
        measures = (size, size - self.of_kernels("gradient_rms"), self.update)
        excess = np.stack([smooth(one - median_of_others(finite(one))) for one in measures])
        least, most = excess.min(axis=0), excess.max(axis=0)
        return np.where(least > 0, least, np.where(most < 0, most, 0 * least))

    @functools.cached_property
    def update(self):
        """Logarithm of the kernels' update ratios; NaN in steps that applied no update."""
        ratio = self.of_kernels("update_ratio")
        is_known = self.applied & np.isfinite(ratio)
        return np.where(is_known, ratio, np.nan)

    @functools.cached_property
    def leap(self):
        """The `Leap` by which updates replaced most of the weights; None if there is none."""
        return leap_of(self)

    @functools.cached_property
    def scale(self):
        """Root mean square of the kernels' values times the root of their number of inputs."""
        inputs = np.array([inputs_of(self.rows[row].shape) for row in self.kernels], float)
        return self.column("value_rms")[self.kernels] * np.sqrt(inputs)[:, None]

    @functools.cached_property
    def change_of_value(self):
        """Decades by which a kernel grew since it was first seen."""
        size = smooth(finite(self.logarithm("value_rms")[self.kernels]))
        known = ~np.isnan(size)
        first = size[np.arange(len(size)), known.argmax(axis=1)]
        return size - first[:, None]

    @functools.cached_property
    def connections(self):
        """What the shapes of the kernels tell of what comes after what: `Connections`."""
        return Connections([self.rows[row] for row in self.kernels])

    def leads_on(self, place, start=0):
        """Whether something that a kernel feeds gets a gradient from a column on.

        A head that the loss does not use feeds nothing, and its layers feed nothing that does.
        """
        fed = self.connections.fed_by(place)
        if not fed:
            return False
        row = int(self.kernels[fed[0]])
        rows = [one for one in (row, self.bias_of(row)) if one is not None]
        return bool((self.column("gradient_rms")[rows, start:] > 0).any())

    def way(self):
        """How far the kernels moved in all, as a share of their size; the median of the kernels."""
        ratio = 10.0**self.update
        number = np.diff(self.steps, prepend=self.steps[0] - 1)
        return typical(np.nansum(ratio * np.sqrt(number), axis=1)) if ratio.size else 0.0

    @functools.cached_property
    def scaling(self):
        """The share of an update that only scales the kernel, 0 to 1, smoothed.

        A gradient turns a kernel: in many dimensions hardly any of its updates lies along the
        kernel itself. A decay only scales the kernel.
        """
        size = self.logarithm("value_rms")[self.kernels] * np.log(10.0)
        ratio = self.column("update_ratio")[self.kernels]
        number = np.maximum(np.diff(self.steps, prepend=self.steps[0]), 1)
        share = np.full(size.shape, np.nan)
        reach = number[1:] * np.sqrt(ratio[:, 1:] * ratio[:, :-1])
        share[:, 1:] = np.abs(np.diff(size, axis=1)) / reach
        return smooth(np.minimum(finite(share), 1.0), 5)

    @functools.cached_property
    def inward(self):
        """The share of a kernel's way since the logged step before that made the kernel smaller.

        A kernel that learns turns: hardly any of its way leads straight to zero, however many steps
        lie between two logged steps.
        """
        size = self.column("value_rms")[self.kernels]
        share = np.full(size.shape, np.nan)
        share[:, 1:] = -np.diff(size, axis=1) / self.travelled[self.kernels][:, 1:]
        return finite(share)

    @property
    def late_scaling(self):
        """The share of updates that only scale a kernel, in the last third of the steps."""
        return median(self.scaling[:, -max(3, len(self) // 3) :])

    @property
    def first_scale(self):
        """The scale of each kernel when it was first logged."""
        known = ~np.isnan(self.scale)
        return self.scale[np.arange(len(known)), known.argmax(axis=1)]

    @functools.cached_property
    def biases(self):
        """Root mean square of the bias of each kernel; NaN for a kernel without a bias."""
        rows = [self.bias_of(int(row)) for row in self.kernels]
        value = self.column("value_rms")
        unknown = np.full(len(self), np.nan)
        found = [unknown if row is None else value[row] for row in rows]
        return np.stack(found) if found else np.empty((0, len(self)))

    # The outputs of the kernels' layers for a fixed batch, if the run has logged them

    @functools.cached_property
    def silent_units(self):
        """The share of units that put out zero for all of the batch, `[kernels, steps]`."""
        return carried(self.column("silent_units")[self.kernels])

    def share_saturated(self, place, start):
        """The share of a kernel's outputs that are saturated from a column on.

        None if the share is small or not known.
        """
        share = typical(carried(self.column("saturation")[self.kernels])[place, start:])
        return share if share >= MANY_SATURATED else None

    # The losses

    @functools.cached_property
    def losses(self):
        """The losses by name, those that are known at any step."""
        series = self.table.step_values
        names = [name for name in series if name == "loss" or name.startswith("loss/")]
        arrays = {name: np.asarray(series[name], np.float64) for name in names}
        return {name: array for name, array in arrays.items() if np.isfinite(array).any()}

    @functools.cached_property
    def loss(self):
        """The loss, if there is exactly one; None otherwise."""
        return next(iter(self.losses.values())) if len(self.losses) == 1 else None

    def loss_at_ends(self):
        """Medians of the one loss over its first and its last fifth; NaN if there is none."""
        loss = self.loss
        if loss is None:
            return np.nan, np.nan
        known = loss[np.isfinite(loss)]
        if not len(known):
            return np.nan, np.nan
        fifth = max(1, len(known) // 5)
        return float(np.median(known[:fifth])), float(np.median(known[-fifth:]))

    @property
    def outputs(self):
        """Number of units of the last kernel. In a classifier these are the classes."""
        return int(self.rows[self.kernels[-1]].shape[-1])

    def loss_around(self, column):
        """Medians of the one loss before a column and of its last fifth; NaN if there is none.

        At the beginning the first losses take the place of earlier ones.
        """
        loss = self.loss
        if loss is None:
            return np.nan, np.nan
        before = typical(loss[max(0, column - 5) : max(2, column)])
        known = loss[column:][np.isfinite(loss[column:])]
        after = float(np.median(known[-max(1, len(known) // 5) :])) if len(known) else np.nan
        return before, after

    # Parts

    def before(self, column):
        """The evidence of the steps before a column from which on nothing is finite."""
        return Evidence(_Beginning(self.table, column), self.is_whole, is_lost=True)

    # Names

    def layer_of(self, row):
        """The layer of a row, as a finding names it. A bare variable is its own layer."""
        return self.rows[row].layer or self.rows[row].path

    def bias_of(self, row):
        """The row of the bias that belongs to a kernel; None if it has none."""
        for other in range(row + 1, len(self.rows)):
            if self.rows[other].layer != self.rows[row].layer or self._is_kernel(self.rows[other]):
                return None
            if self.rows[other].role == "bias" or len(self.rows[other].shape) == 1:
                return other
        return None

    def rows_beside(self, kernel):
        """Rows that are trained with a kernel: up to the next kernel, and past a recurrent one."""
        beside = []
        for row in range(kernel + 1, len(self.rows)):
            if self._is_kernel(self.rows[row]) and self.rows[row].role != RECURRENT_KERNEL:
                break
            if self.is_trained[row] and not self._is_kernel(self.rows[row]):
                beside.append(row)
        return beside

    def has_live_bias(self, kernel, start=0):
        """Whether something between a kernel and the next one gets a gradient from `start` on."""
        gradient = self.column("gradient_rms")
        return any((gradient[row, start:] > 0).any() for row in self.rows_beside(kernel))


class _Beginning:
    """The first columns of a table."""

    def __init__(self, table, number):
        self._table, self._number = table, number
        self.variables = table.variables
        self.steps = table.steps[:number]
        self.step_values = {name: one[:number] for name, one in table.step_values.items()}

    def column(self, name):
        return self._table.column(name)[:, : self._number]


def _highest_after(values):
    """For each row the highest of the rows after it; NaN if none of these is known."""
    known = np.where(np.isnan(values), -np.inf, values)
    highest = np.maximum.accumulate(known[::-1], axis=0)[::-1]
    after = np.full(values.shape, np.nan)
    after[:-1] = np.where(np.isneginf(highest[1:]), np.nan, highest[1:])
    return after


def _high_after(values):
    """For each row the second highest after it if three are known, and else the highest."""
    after = np.empty(values.shape)
    best, second = np.full((2, values.shape[1]), -np.inf)
    number = np.zeros(values.shape[1], int)
    for row in reversed(range(len(values))):
        after[row] = np.where(number > 2, second, best)
        known = np.where(np.isfinite(values[row]), values[row], -np.inf)
        second = np.maximum(second, np.minimum(best, known))
        best = np.maximum(best, known)
        number += np.isfinite(values[row])
    return np.where(np.isneginf(after), np.nan, after)


def _step_after(values):
    """How far the few rows after each row lie above it and above all rows before it."""
    known = np.where(np.isnan(values), -np.inf, values)
    before = np.maximum.accumulate(known, axis=0)
    after = np.full((NEXT, *values.shape), np.nan)
    for number in range(min(NEXT, len(values) - 1)):
        after[number, : len(values) - number - 1] = values[number + 1 :]
    step = finite(np.fmin(after[0], median(after, axis=0)) - before)
    return np.where(np.isnan(values), np.nan, step)
