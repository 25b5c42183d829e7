"""`tf.function` objects: what they wrap, how often they were traced, what they capture."""

import weakref

import tensorflow as tf

_TF_FUNCTION = type(tf.function(lambda: None))


def is_tf_function(function):
    """Whether a callable is what `tf.function` returns, bound or not."""
    return isinstance(function, _TF_FUNCTION)


def python_function_of(function):
    """The Python function beneath a `tf.function` object, or the function itself."""
    return function.python_function if is_tf_function(function) else function


def tracing_count(function):
    """How often a `tf.function` object was traced."""
    count = getattr(function, "experimental_get_tracing_count", None)
    return count() if count else function._get_tracing_count()


def captured_variables(function, args, kwargs):
    """The trainable variables that the trace of a `tf.function` for these arguments captures."""
    graph = function.get_concrete_function(*args, **kwargs).graph
    return tuple(variable for variable in graph.variables if variable.trainable)


def side_effects(function):
    """What a concrete function does besides computing its outputs from arguments and variables.

    Returns:
      Set of the types of operations that change a state, draw numbers or call the host. The
      functions that it calls count too. Empty if it only computes.
    """
    from tensorflow.python.framework import op_def_registry

    graph_def = function.graph.as_graph_def()
    functions = graph_def.library.function
    names = {one.signature.name for one in functions}
    types = {node.op for node in graph_def.node}
    types.update(node.op for one in functions for node in one.node_def)
    found = set()
    for kind in types - names - _HARMLESS:
        definition = op_def_registry.get(kind)
        if definition is None or definition.is_stateful:
            found.add(kind)
    return found


# Operations that TensorFlow calls stateful although they change nothing: reads of variables, and
# calls of functions, whose operations are looked at separately. Recurrent layers on a GPU keep a
# state only for their dropout, which Keras does not ask for.
_HARMLESS = frozenset(
    {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "Assert"}
    | {"PartitionedCall", "StatefulPartitionedCall", "If", "While", "Case"}
    | {"CudnnRNN", "CudnnRNNV2", "CudnnRNNV3", "CudnnRNNBackprop", "CudnnRNNBackpropV2"}
    | {"CudnnRNNBackpropV3", "LookupTableFindV2", "LookupTableSizeV2"}
)


def is_compiled(function):
    """Whether a `tf.function` object asks XLA to compile it, and is not made to run eagerly."""
    asks = getattr(function, "_jit_compile", None) or getattr(
        function, "_experimental_compile", None  # before TensorFlow 2.5
    )
    return bool(asks) and not tf.config.functions_run_eagerly()


def function_like(function, call):
    """A `tf.function` object with all options of another one. `call` runs around its traces.

    AutoGraph converts the Python function as it does for the other one: TensorFlow itself puts
    wrappers of its own around a function in this way before tracing it, and AutoGraph reaches
    through them.

    Args:
      function: `tf.function` object, bound or not. Only its Python function is kept alive.
      call: Function `(body, args, kwargs) -> result` that runs instead of the Python function.
    """

    from tensorflow.python.util import tf_decorator

    def traced(*args, **kwargs):
        return call(traced_weakly().__wrapped__, args, kwargs)

    traced_weakly = weakref.ref(traced)
    return function._clone(tf_decorator.make_decorator(function.python_function, traced))
