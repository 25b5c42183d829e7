"""Row 9: `MirroredStrategy` on two devices."""

import functools

import tensorflow as tf

from ..modes import Mode
from ..tasks import Steady


@functools.lru_cache(maxsize=None)
def mirrored_strategy():
    """One for the process: several would take each other's collective operations."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


class Replicated(Steady):
    """Half of each batch to each of two replicas, whose gradients add up to those of the whole.

    Run without the strategy, it takes the batch as a whole.
    """

    def __init__(self, stateful=False, strategy=None):
        self.strategy = strategy or mirrored_strategy()
        with self.strategy.scope():
            super().__init__(stateful)

    def share(self, x):
        """The replica's part of a batch that each of them is given whole."""
        size = len(x) // tf.distribute.get_strategy().num_replicas_in_sync
        begin = size * tf.distribute.get_replica_context().replica_id_in_sync_group
        return x[begin : begin + size]

    def loss(self, x, y):
        """The replica's share of the mean squared error of the whole batch."""
        loss = super().loss(self.share(x), self.share(y))
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def update(self, gradients):
        """Gradient descent with the sum of the replicas' gradients, as an optimizer does it."""
        if tf.distribute.has_strategy():
            tf.distribute.get_replica_context().merge_call(self._update, args=(gradients,))
        else:
            super().update(gradients)

    def _update(self, strategy, gradients):
        pairs = list(zip(gradients, self.variables))
        totals = strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, pairs)
        for variable, total in zip(self.variables, totals):
            strategy.extended.update(variable, _descend, args=(total,))

    def total(self, losses):
        """The loss of the whole batch."""
        return float(self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None))


def _descend(variable, gradient):
    variable.assign_sub(0.1 * gradient + 0.01 * variable)


class Distributed(Replicated):
    """Given batches that are split already."""

    def share(self, x):
        """What the replica was given."""
        return x


def over_batches(step, task):
    """Calls a step of all replicas on each batch; returns the losses of the whole batches."""
    return [task.total(step(tf.constant(x), tf.constant(y))) for x, y in task.batches()]


def outer_eager(task, instruments):
    """The decorator on the Python function that calls `strategy.run`."""

    @instruments.decorate
    def train_step(x, y):
        return task.strategy.run(lambda x, y: task.train(instruments.tape, x, y), args=(x, y))

    return over_batches(train_step, task)


def outer_above(task, instruments):
    """The decorator above the `tf.function` that calls `strategy.run`."""

    @instruments.decorate
    @tf.function
    def train_step(x, y):
        return task.strategy.run(lambda x, y: task.train(instruments.tape, x, y), args=(x, y))

    return over_batches(train_step, task)


def outer_beneath(task, instruments):
    """The decorator beneath the `tf.function` that calls `strategy.run`."""

    @tf.function
    @instruments.decorate
    def train_step(x, y):
        return task.strategy.run(lambda x, y: task.train(instruments.tape, x, y), args=(x, y))

    return over_batches(train_step, task)


def replica_eager(task, instruments):
    """The decorator on the function of the replicas, run eagerly."""

    @instruments.decorate
    def replica_step(x, y):
        return task.train(instruments.tape, x, y)

    return over_batches(lambda x, y: task.strategy.run(replica_step, args=(x, y)), task)


def replica_in_function(task, instruments):
    """The decorator on the function of the replicas, inside a `tf.function`."""

    @instruments.decorate
    def replica_step(x, y):
        return task.train(instruments.tape, x, y)

    @tf.function
    def train_step(x, y):
        return task.strategy.run(replica_step, args=(x, y))

    return over_batches(train_step, task)


def distributed_dataset(task, instruments):
    """The decorator above a `tf.function`, over `experimental_distribute_dataset`."""
    xs, ys = zip(*task.batches())
    dataset = tf.data.Dataset.from_tensor_slices((tf.concat(xs, 0), tf.concat(ys, 0))).batch(8)

    @instruments.decorate
    @tf.function
    def train_step(x, y):
        return task.strategy.run(lambda x, y: task.train(instruments.tape, x, y), args=(x, y))

    batches = task.strategy.experimental_distribute_dataset(dataset)
    return [task.total(train_step(x, y)) for x, y in batches]


WAYS = {
    "around `strategy.run`": outer_eager,
    "above `tf.function`": outer_above,
    "beneath `tf.function`": outer_beneath,
    "on the replica function": replica_eager,
    "on the replica function, graph": replica_in_function,
}
MODES = (
    *(Mode(9, f"`MirroredStrategy`, {name}", Replicated, way) for name, way in WAYS.items()),
    Mode(9, "`MirroredStrategy`, a distributed dataset", Distributed, distributed_dataset),
)
