"""The variable of a source, its name, its home, and how gtlog makes variables of its own."""

import math
import weakref

import tensorflow as tf

from gtlog._compat.graphs import outside_graphs
from gtlog._compat.strategies import is_distributed


def own_variable(value, dtype, name):
    """A variable that belongs to gtlog alone, made eagerly wherever the program is.

    `tf.Variable` asks the creators around it, even in `tf.init_scope`. A `tf.function` that is
    being traced would take the variable for one of its own and trace again, and a distribution
    strategy would mirror it. The variable lives on the host, since the host reads it to decide.
    """
    from tensorflow.python.ops.resource_variable_ops import ResourceVariable

    with outside_graphs(), tf.device("/cpu:0"):
        return ResourceVariable(value, trainable=False, dtype=dtype, name=name)


def resource_variable(source):
    """The `tf.Variable` that a source of `tape.gradient` stands for; None for a tensor.

    Keras 3 wraps it in a variable of its own, Keras 2 under mixed precision in an
    `AutoCastVariable`, and the coordinator of parameter servers in a `CachingVariable`. A tape
    watches the inner variable.
    """
    if type(source).__name__ == "CachingVariable":
        source = source.get()
    for wrapped in ("_value", "_variable"):
        inner = getattr(source, wrapped, None)
        if isinstance(inner, tf.Variable):
            return _all_copies_of(inner)
    return _all_copies_of(source) if isinstance(source, tf.Variable) else None


def _all_copies_of(variable):
    """The variable itself, or the variable that stands for all copies on the replicas.

    A copy itself knows that variable, or the handle of the copy does.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/distribute/distribute_utils.py
    """
    if is_distributed(variable):  # TensorFlow 2.3 has no handle of all copies
        return variable
    for one in (variable, getattr(variable, "handle", None)):
        container = getattr(one, "_distributed_container", None)
        if container is not None:
            return container() if isinstance(container, weakref.ref) else container
    return variable


def shards_of(variable):
    """The shards of a variable that parameter servers keep in parts, in the order of its rows.

    Args:
      variable: `tf.Variable`. If the coordinator caches a shard, only the cache around the shard
        knows its container.

    Returns:
      Tuple of `tf.Variable`, unwrapped. Empty if the variable is no shard, or is kept in this
      process.
    """
    container = getattr(variable, "_sharded_container", lambda: None)()
    if container is None or not is_on_server(variable):
        return ()
    return tuple(resource_variable(shard) for shard in container.variables)


def is_on_server(variable):
    """Whether a parameter server keeps a variable."""
    return "/job:ps/" in variable.device


def is_of_graph(variable):
    """Whether a variable belongs to a graph alone, so that it has no value outside of it.

    Variables of `tf.compat.v1` do, and so do the copies that are made when a model is exported.
    """
    copies = variable.values if is_distributed(variable) else [variable]
    handle = getattr(copies[0], "handle", None)
    return handle is None or hasattr(handle, "graph")


def is_of_this_process(variable):
    """Whether a variable has one value, which this process reads outside of any graph."""
    return not (is_distributed(variable) or is_of_graph(variable) or is_on_server(variable))


def read_variables(variables):
    """Reads variables eagerly in one operation, in an eighth of the time of one operation each.

    The operation is TensorFlow's own, for its optimizer of graphs, and has no public name.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/kernels/resource_variable_ops.cc

    Args:
      variables: List of `tf.Variable`, each with a handle of its own.

    Returns:
      List of eager tensors.

    Raises:
      Exception: a variable cannot be read, they are on several devices, or the operation is gone.
    """
    from tensorflow.python.eager import context, execute

    dtypes = tuple(variable.dtype.as_datatype_enum for variable in variables)
    return execute.execute(
        b"_ReadVariablesOp",
        len(variables),
        inputs=[variable.handle for variable in variables],
        attrs=("N", len(variables), "dtypes", dtypes),
        ctx=context.context(),
    )


def creation_number(variable):
    """A number that is larger for variables that were made later; infinite if it is not known.

    TensorFlow numbers eager tensors, and handles of variables are among them.
    """
    copies = variable.values if is_distributed(variable) else [variable]
    return getattr(getattr(copies[0], "handle", None), "_id", math.inf)


def full_name(variable):
    """The name of a variable with its scopes, as Keras or else TensorFlow gives it.

    Keras 3 keeps the name as `path`. The name of the inner variable may have numbers in it that
    TensorFlow added when a graph was traced. So the path is used wherever the Keras variable is at
    hand.
    """
    path = getattr(variable, "path", None)
    return path if isinstance(path, str) else variable.name
