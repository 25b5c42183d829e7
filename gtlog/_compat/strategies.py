"""Replicas, workers and servers of `tf.distribute`, and variable creators in their threads."""

import threading

import tensorflow as tf

_PARAMETER_SERVER_STRATEGY = tf.distribute.experimental.ParameterServerStrategy
_TRAINING_JOBS = ("chief", "worker")
_CREATOR_PRIORITY = 100  # the default of `tf.variable_creator_scope`


def is_distributed(variable):
    """Whether a `tf.distribute` strategy keeps a copy of a variable for each replica."""
    return isinstance(variable, tf.distribute.DistributedValues)


def runs_on_workers():
    """Whether the graph that is being traced here is to run in worker processes."""
    return isinstance(tf.distribute.get_strategy(), _PARAMETER_SERVER_STRATEGY)


def replica_id():
    """Number of the replica whose code runs or is being traced now; 0 outside of replicas."""
    context = tf.distribute.get_replica_context()
    number = None if context is None else tf.get_static_value(context.replica_id_in_sync_group)
    return 0 if number is None else int(number)


def replicas_in_threads():
    """How many replicas of a strategy run this code, each in its own thread; 1 outside of replicas.

    If a strategy has one replica here, or traces one function for all of them, the code runs in
    the thread that called it.
    """
    # Asking the strategy takes a long time, compared with a step that is not logged.
    if threading.current_thread() is threading.main_thread() or not tf.distribute.has_strategy():
        return 1
    if tf.distribute.in_cross_replica_context():
        return 1
    return len(tf.distribute.get_strategy().extended.worker_devices)


def worker_count(strategy):
    """How many processes of a job train a copy of the model each; 1 if that is not known."""
    jobs = _jobs_of(strategy)
    return max(1, sum(len(jobs.get(job, ())) for job in _TRAINING_JOBS))


def is_chief(strategy):
    """Whether this process writes for all processes that train a copy of the model."""
    if worker_count(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    first = next(job for job in _TRAINING_JOBS if job in _jobs_of(strategy))
    return (resolver.task_type, resolver.task_id) == (first, 0)


def graphs_keep_parts_of_workers():
    """Whether a graph keeps the numbers of one worker unchanged while it sums them over all.

    Older versions sum in place, although the numbers of the worker still have other readers. And in
    them each thread numbers the operations that all workers take part in from the beginning, so
    none of these may run in a callback.
    https://github.com/tensorflow/tensorflow/blob/v2.3.0/tensorflow/core/grappler/optimizers/scoped_allocator_optimizer.h
    https://github.com/tensorflow/tensorflow/blob/v2.3.0/tensorflow/python/distribute/cross_device_utils.py
    """
    from tensorflow.python.distribute import cross_device_utils

    return not hasattr(cross_device_utils.CollectiveKeys, "_get_thread_local_object")


def _jobs_of(strategy):
    """Dict from names of jobs to addresses, from `TF_CONFIG`; empty for a single process."""
    resolver = getattr(strategy, "cluster_resolver", None)
    return {} if resolver is None else resolver.cluster_spec().as_dict()


def is_first_replica_of_worker():
    """Whether the code that runs now is that of the first replica in this process."""
    local = len(tf.distribute.get_strategy().extended.worker_devices)
    return replica_id() % local == 0


def of_replicas(values):
    """One distributed value, made of one value for each replica of this process in their order."""
    from tensorflow.python.distribute import distribute_utils

    return distribute_utils.regroup(tuple(values), always_wrap=True)


def variable_creators():
    """The creators of variables that are in force here, the innermost first.

    TensorFlow hands them on to the threads of replicas and into the graphs that it traces.
    """
    stack = getattr(tf.compat.v1.get_default_graph(), "_variable_creator_stack", ())
    return [creator for _, creator in reversed(stack)]


def enter_variable_creator(creator):
    """Puts a creator in force, as `tf.variable_creator_scope` does.

    That scope raises an exception if scopes are left in an order that is not nested, as coroutines
    do that wait inside. No scope notices a change of the list itself.
    """
    _creator_stack().append((_CREATOR_PRIORITY, creator))


def leave_variable_creator(creator):
    """Takes a creator out again, at whatever place in the list it now is."""
    stack = _creator_stack()
    stack[:] = [one for one in stack if one[1] is not creator]


def _creator_stack():
    return tf.compat.v1.get_default_graph()._variable_creator_stack
