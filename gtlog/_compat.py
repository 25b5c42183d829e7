"""Every question about versions of TensorFlow and Keras, and every use of what they keep private.

Nothing here compares version numbers: each function asks for the feature itself.
"""

import sys

try:
    import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise ModuleNotFoundError(
        "gtlog needs TensorFlow 2.3 or later, which is not installed: "
        "pip install 'gtlog[cpu]' (or 'gtlog[tensorflow]' for the GPU build).",
        name="tensorflow",
    ) from None

from tensorflow.python.autograph.impl import api as _autograph
from tensorflow.python.ops import control_flow_util as _control_flow
from tensorflow.python.ops.resource_variable_ops import ResourceVariable as _ResourceVariable

try:
    from tensorflow.python.eager.record import VariableWatcher, stop_recording
except ImportError:  # before TensorFlow 2.12
    from tensorflow.python.eager.tape import VariableWatcher, stop_recording

_TF_FUNCTION = type(tf.function(lambda: None))

__all__ = [
    "VariableWatcher",
    "called_by_autograph",
    "captured_variable",
    "captured_variables",
    "compiles_with_xla",
    "computes_in_float16",
    "full_name",
    "is_distributed",
    "is_tf_function",
    "layers_of",
    "own_variable",
    "python_function_of",
    "resource_variable",
    "stop_recording",
    "tracing_count",
    "unconverted",
    "variables_of",
    "writer_is_closed",
]


def own_variable(value, dtype, name):
    """A variable that belongs to gtlog alone, made eagerly wherever the program is.

    `tf.Variable` asks the creators around it, even in `tf.init_scope`: a `tf.function` that is
    being traced would take the variable for one of its own and trace again, and a distribution
    strategy would mirror it. It lives on the host, which decides by it.
    """
    with tf.init_scope(), tf.device("/cpu:0"):
        return _ResourceVariable(value, trainable=False, dtype=dtype, name=name)


def resource_variable(source):
    """The `tf.Variable` that a source of `tape.gradient` stands for, None for a tensor.

    Keras 3 wraps it in a variable of its own, Keras 2 under mixed precision in an
    `AutoCastVariable`; a tape watches the inner one.
    """
    for wrapped in ("_value", "_variable"):
        inner = getattr(source, wrapped, None)
        if isinstance(inner, tf.Variable):
            return inner
    return source if isinstance(source, tf.Variable) else None


def is_distributed(variable):
    """Whether a `tf.distribute` strategy keeps a copy of a variable for each replica.

    A variable that stands for its copies is one, and so is each copy.
    """
    if isinstance(variable, tf.distribute.DistributedValues):
        return True
    # A copy, or in later versions its handle, knows the variable that it is a copy of.
    return any(hasattr(one, "_distributed_container") for one in (variable, variable.handle))


def full_name(variable):
    """The name of a variable with its scopes, as Keras or else TensorFlow gives it.

    Keras 3 keeps it as `path`. The name of its inner variable may carry numbers that TensorFlow
    added when a graph was traced, so the path is asked wherever the Keras variable is at hand.
    """
    path = getattr(variable, "path", None)
    return path if isinstance(path, str) else variable.name


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


def captured_variable(handle):
    """The variable whose handle a tensor in a graph is, None where it is no captured handle.

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


def computes_in_float16():
    """Whether the global policy of the Keras that the program has loaded computes in float16."""
    for name in ("tf_keras", "keras", "tensorflow.keras"):
        mixed_precision = getattr(sys.modules.get(name), "mixed_precision", None)
        if not hasattr(mixed_precision, "global_policy"):  # before TensorFlow 2.4
            mixed_precision = getattr(mixed_precision, "experimental", None)
        if hasattr(mixed_precision, "global_policy"):
            if mixed_precision.global_policy().compute_dtype == "float16":
                return True
    return False


def called_by_autograph():
    """How AutoGraph would have converted the function that it just called as it is.

    AutoGraph does not look into callables made by wrapt and calls them unconverted. The wrapper
    then converts what it wraps itself, exactly if AutoGraph is its caller:
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/autograph/impl/api.py

    Returns:
      None where Python called; else a function `(target, args, kwargs) -> result` that calls the
      target as AutoGraph would have called the wrapper.
    """
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in ("gtlog", "wrapt"):
        frame = frame.f_back
    if frame and type(frame.f_locals.get("self")).__name__ == "TfMethodTarget":
        frame = frame.f_back  # between AutoGraph and a method that tf.function has bound
    if frame is None or frame.f_globals.get("__name__") != _autograph.__name__:
        return None
    options = frame.f_locals.get("options")
    if options is None:
        return None
    return lambda target, args, kwargs: _autograph.converted_call(
        target, args, kwargs, options=options
    )


def compiles_with_xla():
    """Whether the graph that is being traced will be compiled by XLA."""
    graph = tf.compat.v1.get_default_graph()
    return bool(_control_flow.GraphOrParentsInXlaContext(graph))


def unconverted(function):
    """Marks a function of gtlog's for AutoGraph to call as it is, as it calls TensorFlow's own.

    Converting takes time at each trace. `tf.autograph.experimental.do_not_convert` would not do:
    it keeps AutoGraph from what the function calls as well, the user's code among it.
    """
    function.autograph_info__ = "gtlog is called as it is"
    return function


def writer_is_closed(writer):
    """Whether a `tf.summary.SummaryWriter` was closed."""
    return bool(getattr(writer, "_closed", False))


def variables_of(model):
    """All variables of a Keras model or `tf.Module`, moving statistics included.

    A model that is not built has none yet; Keras 2 raises a ValueError where it is asked for them.
    The `variables` of Keras 3 hold the states of random generators as well, its `weights` do not.
    """
    attribute = "weights" if hasattr(model, "_flatten_layers") else "variables"
    try:
        return tuple(getattr(model, attribute, ()))
    except ValueError:
        return ()


def layers_of(model):
    """All layers or modules of a Keras model or `tf.Module`, the model itself first."""
    if hasattr(model, "_flatten_layers"):
        return tuple(model._flatten_layers())
    return (model, *getattr(model, "submodules", ()))
