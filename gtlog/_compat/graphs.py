"""What graph the program is building, and how an operation of it is to run."""

import contextlib
import sys

import tensorflow as tf

_PARALLEL_FOR = "tensorflow.python.ops.parallel_for.control_flow_ops"


def compiles_with_xla():
    """Whether the graph that is being traced will be compiled by XLA."""
    from tensorflow.python.ops import control_flow_util

    graph = tf.compat.v1.get_default_graph()
    return bool(control_flow_util.GraphOrParentsInXlaContext(graph))


def is_plain_graph():
    """Whether the program builds a graph of `tf.compat.v1`, or traces a function for one."""
    if tf.executing_eagerly():
        return False
    with tf.init_scope():  # leaves the functions that are being traced, but no other graph
        return not tf.executing_eagerly()


@contextlib.contextmanager
def outside_graphs():
    """Runs the block eagerly, wherever the program is.

    `tf.init_scope` leaves the graph of a function, but not a plain `tf.Graph`.
    """
    with tf.init_scope():
        if tf.executing_eagerly():
            yield
            return
        from tensorflow.python.eager import context

        with context.eager_mode():
            yield


def is_nested_graph():
    """Whether the graph that is being traced is called by another one, as a branch or a loop is."""
    outer = getattr(tf.compat.v1.get_default_graph(), "outer_graph", None)
    return bool(getattr(outer, "building_function", False))


def is_vectorized():
    """Whether the body of `tf.vectorized_map` is being traced.

    From that body TensorFlow makes operations on all elements at once. An operation with a side
    effect runs in the body as well, for the first element alone.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/ops/parallel_for/control_flow_ops.py
    """
    frame = sys._getframe(1)
    while frame is not None:
        is_from_there = frame.f_globals.get("__name__") == _PARALLEL_FOR
        if is_from_there and frame.f_code.co_name == "_pfor_impl":
            return True
        frame = frame.f_back
    return False


def computes_on_host_alone():
    """Whether there is no accelerator, and no strategy distributes what is traced here."""
    kinds = {device.device_type for device in tf.config.list_logical_devices()}
    return kinds == {"CPU"} and not tf.distribute.has_strategy()


def packed(tensors):
    """Packs tensors of the current graph into one, which an inner graph takes as one input.

    TensorFlow has the operation since 2.4, for the CPU alone. Before 2.4 the tensors are not
    packed.

    Args:
      tensors: List of symbolic tensors.

    Returns:
      A function without arguments that makes a list of the same tensors in the graph where it is
      called.
    """
    pack = getattr(tf.raw_ops, "CompositeTensorVariantFromComponents", None)
    if pack is None:
        return lambda: tensors
    one, dtypes = pack(components=tensors, metadata=b""), [tensor.dtype for tensor in tensors]
    return lambda: tf.raw_ops.CompositeTensorVariantToComponents(
        encoded=one, metadata=b"", Tcomponents=dtypes
    )


def keep_whole(outcome):
    """Makes TensorFlow run a `tf.cond` as one operation.

    By default TensorFlow takes a `tf.cond` apart into a `Switch` for each tensor that its branches
    use. The switches run on each step, whichever branch runs. One operation runs on one device.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/common_runtime/lower_if_op.cc

    Args:
      outcome: Tensor that `tf.cond` returned.
    """
    for operation in (tensor.op for tensor in outcome.op.inputs):
        if operation.type in ("If", "StatelessIf"):
            no = tf.compat.v1.AttrValue(b=False)
            operation._set_attr("_lower_using_switch_merge", no)


def are_unwritten(variables):
    """Whether the graph that is being traced has no operation yet that may have written to them.

    An operation with the handle of a variable as input reads or writes the variable. TensorFlow
    marks the inputs that calls, branches and loops only read.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/framework/auto_control_deps_utils.py

    Args:
      variables: List of `tf.Variable`, made outside of the graph.
    """
    graph = tf.compat.v1.get_default_graph()
    inner = {id(outer): inner for outer, inner in graph.captures}
    captured = [inner[id(one.handle)] for one in variables if id(one.handle) in inner]
    return all(_only_reads(op, handle) for handle in captured for op in handle.consumers())


def _only_reads(operation, handle):
    if operation.type in _READS:
        return True
    try:
        only_read = operation.get_attr("_read_only_resource_inputs")
    except ValueError:
        return False
    return all(at in only_read for at, one in enumerate(operation.inputs) if one is handle)


_READS = frozenset(
    {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"}
    | {"VarIsInitializedOp"}
)


def captured_variable(handle):
    """The variable whose handle a tensor in a graph is; None if it is no captured handle.

    Args:
      handle: Symbolic tensor of dtype resource, from any depth of nested graphs.
    """
    watched = getattr(handle.graph, "_watched_variables", ())
    while hasattr(handle, "graph") and hasattr(handle.graph, "captures"):
        outer = [outer for outer, inner in handle.graph.captures if inner is handle]
        if not outer:
            return None
        handle = outer[0]
    copies = [one for one in watched if not isinstance(one, tf.distribute.DistributedValues)]
    return next((variable for variable in copies if variable.handle is handle), None)
