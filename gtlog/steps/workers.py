"""A training job of several processes, of which one writes.

Under `tf.distribute.MultiWorkerMirroredStrategy` each worker runs the same program on its share of
the data. The tapes of one worker see a part, and the optimizer applies the sum over the workers. So
on each logged step all workers add up, at the same time, what their tapes saw. The chief writes.
"""

import contextlib
import threading

import tensorflow as tf

from gtlog import _compat

_PATIENCE_SECONDS = 60.0


class Workers:
    """The processes of a job. The variables of the job know its strategy.

    Args:
      registry: `VariableRegistry` of the logger.
      log_the_same_steps: Whether all workers are sure to log the same steps, as they are if the
        number of a step alone decides.
      failures: `Failures`.
      patience: Seconds after which a notice says that this worker waits for the others.
    """

    def __init__(self, registry, log_the_same_steps, failures, patience=_PATIENCE_SECONDS):
        self._registry = registry
        self._patience = patience
        self._log_the_same_steps = log_the_same_steps
        self._failures = failures

    @property
    def this_one_writes(self):
        """Whether this process is the only one, or the chief among several."""
        strategy = self._registry.strategy
        return strategy is None or _compat.is_chief(strategy)

    def total(self, losses, gradients, of_graph):
        """Sums over the workers.

        Args:
          losses: List of float.
          gradients: Dict from `KnownVariable` to gradient, in the same order in each worker.
          of_graph: Whether a graph has computed them.

        Returns:
          Losses and gradients of the whole job; none where they cannot be added up.
        """
        strategy = self._registry.strategy
        if strategy is None or not gradients or _compat.worker_count(strategy) == 1:
            return losses, gradients
        hindrance = self._hindrance(of_graph)
        if hindrance:
            self._failures.notice(hindrance)
            return [], {}
        parts = [tf.constant(losses, tf.float64), *gradients.values()]
        with self.said_if_alone(), _compat.stop_recording():
            total_losses, *totals = _total(strategy, parts)
        return total_losses.numpy().tolist(), dict(zip(gradients, totals))

    def _hindrance(self, of_graph):
        """Why the workers cannot meet here, as a message to the user. None if they can."""
        if not self._log_the_same_steps:
            return _TIMED
        if _compat.replicas_in_threads() > 1:
            return _ONE_OF_SEVERAL_REPLICAS
        if of_graph and not _compat.graphs_keep_parts_of_workers():
            return _OF_GRAPH
        return None

    @contextlib.contextmanager
    def said_if_alone(self):
        """Gives a notice of what the program waits for, if the other workers do not come."""
        timer = threading.Timer(self._patience, self._failures.notice, [_ALONE])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _total(strategy, parts):
    """Sums tensors over the workers, on the first device of each."""
    if tf.distribute.in_cross_replica_context() or not tf.distribute.has_strategy():
        # Without `strategy.run`: TensorFlow warns that it is slow eagerly.
        with strategy.scope():
            totals = _reduced(strategy, [_shares(strategy, part) for part in parts])
    else:
        context = tf.distribute.get_replica_context()
        totals = context.merge_call(_reduced, args=([_share(part) for part in parts],))
    return [strategy.experimental_local_results(total)[0] for total in totals]


def _reduced(strategy, parts):
    """Sums distributed values; each stays on the devices where its parts are."""
    pairs = [(part, part) for part in parts]
    return strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, pairs)


def _shares(strategy, part):
    """What each replica of this process adds to the sum, as one distributed value."""
    shares = []
    for device in strategy.extended.worker_devices:
        with tf.device(device):
            shares.append(_copy(part) if not shares else _zeros(part))
    return _compat.of_replicas(shares)


def _share(part):
    """What a replica adds: the first of a process the sum of all its replicas, the others zero."""
    return part if _compat.is_first_replica_of_worker() else _zeros(part)


def _copy(part):
    if isinstance(part, tf.IndexedSlices):
        values, indices = tf.identity(part.values), tf.identity(part.indices)
        return tf.IndexedSlices(values, indices, part.dense_shape)
    return tf.identity(part)


def _zeros(part):
    if isinstance(part, tf.IndexedSlices):
        return tf.IndexedSlices(tf.zeros_like(part.values), part.indices, part.dense_shape)
    return tf.zeros_like(part)


_TIMED = (
    "The job has several workers, which add up their gradients and losses on logged steps, so all "
    "of them must log the same steps. A schedule that asks the time, or a callable of your own, "
    "may tell each of them something else: gradients and loss are not logged. Pass an int as "
    "every, or gtlog.log_spaced(...)."
)
_ONE_OF_SEVERAL_REPLICAS = (
    "The function that each replica runs is decorated, in a job of several workers with several "
    "replicas each: from inside of one replica their gradients and losses cannot be added up, and "
    "are not logged. Decorate the function that calls strategy.run."
)
_OF_GRAPH = (
    "The job has several workers. In a tf.function, this version of TensorFlow sums their "
    "gradients in place, so that the part of each cannot be told: gradients and loss are not "
    "logged. Run the step eagerly to see them, or a later TensorFlow."
)
_ALONE = (
    "gtlog is still waiting for the other workers. On a logged step the workers of a job add up "
    "their gradients, so each of them must run the decorated step. Decorate it in every worker; "
    "the chief alone writes."
)
