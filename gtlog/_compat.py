"""Every question about versions of TensorFlow and Keras, and every use of what they keep private.

Nothing here compares version numbers: each function asks for the feature itself.
"""

import contextlib
import math
import sys
import threading
import weakref

try:
    import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise ModuleNotFoundError(
        "gtlog needs TensorFlow 2.3 or later, which is not installed: "
        "pip install tensorflow-cpu (or tensorflow, for the GPU build).",
        name="tensorflow",
    ) from None

from tensorflow.python.autograph.impl import api as _autograph
from tensorflow.python.distribute import cross_device_utils as _cross_device
from tensorflow.python.eager import context as _context
from tensorflow.python.framework import ops as _ops
from tensorflow.python.ops import control_flow_util as _control_flow
from tensorflow.python.ops import summary_ops_v2 as _summary_ops
from tensorflow.python.ops.parallel_for import control_flow_ops as _parallel_for
from tensorflow.python.ops.resource_variable_ops import ResourceVariable as _ResourceVariable
from tensorflow.python.util import tf_decorator as _tf_decorator

try:
    from tensorflow.python.eager.record import VariableWatcher, stop_recording
except ImportError:  # before TensorFlow 2.12
    from tensorflow.python.eager.tape import VariableWatcher, stop_recording

_TF_FUNCTION = type(tf.function(lambda: None))
_PARAMETER_SERVER_STRATEGY = tf.distribute.experimental.ParameterServerStrategy
_TRAINING_JOBS = ("chief", "worker")
_CREATOR_PRIORITY = 100  # the default of `tf.variable_creator_scope`

__all__ = [
    "VariableWatcher",
    "asked_by_tf_convert",
    "called_by_autograph",
    "captured_variable",
    "captured_variables",
    "compiles_with_xla",
    "computes_in_float16",
    "computes_on_host_alone",
    "creation_number",
    "enter_variable_creator",
    "full_name",
    "function_like",
    "graphs_keep_parts_of_workers",
    "is_chief",
    "is_compiled",
    "is_converted",
    "is_distributed",
    "is_first_replica_of_worker",
    "is_generated_by_autograph",
    "is_keras_model",
    "is_fit",
    "is_nested_graph",
    "is_of_graph",
    "is_plain_graph",
    "is_optimizer",
    "is_tf_function",
    "is_vectorized",
    "keep_whole",
    "keras_callback_class",
    "layers_of",
    "leave_variable_creator",
    "of_replicas",
    "outside_graphs",
    "own_variable",
    "python_function_of",
    "replica_id",
    "replicas_in_threads",
    "resource_variable",
    "runs_on_workers",
    "shards_of",
    "stop_recording",
    "summaries_of_any_replica",
    "tracing_count",
    "trained_variables_of",
    "unconverted",
    "updates_made",
    "variable_creators",
    "variables_of",
    "worker_count",
    "writer_is_closed",
    "writer_is_of_graph",
]


def own_variable(value, dtype, name):
    """A variable that belongs to gtlog alone, made eagerly wherever the program is.

    `tf.Variable` asks the creators around it, even in `tf.init_scope`: a `tf.function` that is
    being traced would take the variable for one of its own and trace again, and a distribution
    strategy would mirror it. It lives on the host, which decides by it.
    """
    with outside_graphs(), tf.device("/cpu:0"):
        return _ResourceVariable(value, trainable=False, dtype=dtype, name=name)


def resource_variable(source):
    """The `tf.Variable` that a source of `tape.gradient` stands for, None for a tensor.

    Keras 3 wraps it in a variable of its own, Keras 2 under mixed precision in an
    `AutoCastVariable`; a tape watches the inner one.
    """
    for wrapped in ("_value", "_variable"):
        inner = getattr(source, wrapped, None)
        if isinstance(inner, tf.Variable):
            return _all_copies_of(inner)
    return _all_copies_of(source) if isinstance(source, tf.Variable) else None


def _all_copies_of(variable):
    """The variable itself, or the one that stands for all copies that replicas have of it.

    A copy knows it: by its handle, or where it has none of its own, itself.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/distribute/distribute_utils.py
    """
    for one in (variable, getattr(variable, "handle", None)):
        container = getattr(one, "_distributed_container", None)
        if container is not None:
            return container() if isinstance(container, weakref.ref) else container
    return variable


def shards_of(variable):
    """The shards of a variable that parameter servers keep in parts, in the order of its rows.

    Args:
      variable: `tf.Variable`.

    Returns:
      Tuple of `tf.Variable`; empty where the variable is no shard, or is kept in this process.
    """
    container = getattr(variable, "_sharded_container", lambda: None)()
    if container is None or not is_on_server(variable):
        return ()
    return tuple(container.variables)


def is_on_server(variable):
    """Whether a parameter server keeps a variable."""
    return "/job:ps/" in variable.device


def runs_on_workers():
    """Whether the graph that is traced here is to run in processes of workers."""
    return isinstance(tf.distribute.get_strategy(), _PARAMETER_SERVER_STRATEGY)


def is_distributed(variable):
    """Whether a `tf.distribute` strategy keeps a copy of a variable for each replica."""
    return isinstance(variable, tf.distribute.DistributedValues)


def replica_id():
    """Number of the replica whose code runs or is traced now; 0 outside of replicas."""
    context = tf.distribute.get_replica_context()
    number = None if context is None else tf.get_static_value(context.replica_id_in_sync_group)
    return 0 if number is None else int(number)


def replicas_in_threads():
    """How many replicas of a strategy run this code, each in a thread of its own; 1 outside.

    A strategy that has one replica here, or traces one function for all of them, runs it in the
    thread that called it.
    """
    # Asking the strategy takes long beside a step that is not logged.
    if threading.current_thread() is threading.main_thread() or not tf.distribute.has_strategy():
        return 1
    if tf.distribute.in_cross_replica_context():
        return 1
    return len(tf.distribute.get_strategy().extended.worker_devices)


def worker_count(strategy):
    """How many processes of a job train a copy of the model each; 1 for any that does not say."""
    jobs = _jobs_of(strategy)
    return max(1, sum(len(jobs.get(job, ())) for job in _TRAINING_JOBS))


def is_chief(strategy):
    """Whether this process is the one that writes, for all that train a copy of the model."""
    if worker_count(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    first = next(job for job in _TRAINING_JOBS if job in _jobs_of(strategy))
    return (resolver.task_type, resolver.task_id) == (first, 0)


def graphs_keep_parts_of_workers():
    """Whether a graph leaves alone what one worker has computed while it is summed over all.

    Older versions sum in place, where the part still has other readers; and each thread numbers the
    operations that all workers take part in from the beginning, so that none may run in a callback.
    https://github.com/tensorflow/tensorflow/blob/v2.3.0/tensorflow/core/grappler/optimizers/scoped_allocator_optimizer.h
    https://github.com/tensorflow/tensorflow/blob/v2.3.0/tensorflow/python/distribute/cross_device_utils.py
    """
    return not hasattr(_cross_device.CollectiveKeys, "_get_thread_local_object")


def _jobs_of(strategy):
    """Addresses by the name of a job, as `TF_CONFIG` names them; empty for a single process."""
    resolver = getattr(strategy, "cluster_resolver", None)
    return {} if resolver is None else resolver.cluster_spec().as_dict()


def is_first_replica_of_worker():
    """Whether the code that runs now is that of the first replica in this process."""
    local = len(tf.distribute.get_strategy().extended.worker_devices)
    return replica_id() % local == 0


def creation_number(variable):
    """A number that is larger for variables that were made later; infinite where it is not known.

    Eager tensors are numbered, the handles of variables among them.
    """
    copies = variable.values if is_distributed(variable) else [variable]
    return getattr(getattr(copies[0], "handle", None), "_id", math.inf)


def of_replicas(values):
    """One value for each replica of this process, in their order, as one distributed value."""
    from tensorflow.python.distribute import distribute_utils

    return distribute_utils.regroup(tuple(values), always_wrap=True)


def variable_creators():
    """The creators of variables that are in force here, the innermost first.

    TensorFlow hands them on to the threads of replicas and into the graphs that it traces.
    """
    return [creator for _, creator in reversed(_creator_stack())]


def enter_variable_creator(creator):
    """Puts a creator in force, as `tf.variable_creator_scope` does.

    That scope raises where another one was left before it in an order that is not nested, as by
    coroutines that wait inside; a change of the list itself is noticed by no scope around it.
    """
    _creator_stack().append((_CREATOR_PRIORITY, creator))


def leave_variable_creator(creator):
    """Takes a creator out again, wherever it stands by now."""
    stack = _creator_stack()
    stack[:] = [one for one in stack if one[1] is not creator]


def _creator_stack():
    return _ops.get_default_graph()._variable_creator_stack


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


def is_compiled(function):
    """Whether a `tf.function` object asks XLA to compile it, and is not made to run eagerly."""
    asks = getattr(function, "_jit_compile", None) or getattr(
        function, "_experimental_compile", None  # before TensorFlow 2.5
    )
    return bool(asks) and not tf.config.functions_run_eagerly()


def function_like(function, call):
    """A `tf.function` object with all options of another one, whose traces `call` surrounds.

    AutoGraph converts the Python function as it does for the other one: TensorFlow itself puts
    its own wrappers around a function in this way before it is traced, and AutoGraph reaches
    through them.

    Args:
      function: `tf.function` object, bound or not. Its Python function is kept, itself it is not.
      call: Function `(body, args, kwargs) -> result` that runs instead of the Python function.
    """

    def traced(*args, **kwargs):
        return call(traced_weakly().__wrapped__, args, kwargs)

    traced_weakly = weakref.ref(traced)
    return function._clone(_tf_decorator.make_decorator(function.python_function, traced))


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


def asked_by_tf_convert():
    """Whether `tf_convert` of AutoGraph asks for the attribute that is being computed.

    Strategies and datasets convert a function by it before they call it, in threads of their own.
    What carries `autograph_info__` it passes on as it is, for good.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/autograph/impl/api.py
    """
    frame = sys._getframe(3)
    return (
        frame.f_code.co_name == "tf_convert" and frame.f_globals["__name__"] == _autograph.__name__
    )


def is_converted(function):
    """Whether a function needs no conversion by AutoGraph, as a `tf.function` does its own."""
    return hasattr(function, "autograph_info__") or hasattr(function, "_tf_decorator")


def is_generated_by_autograph(frame):
    """Whether a stack frame runs code that AutoGraph wrote to a file of its own.

    Its functions have the globals of the user's, so that their module does not tell; but all that
    they call, they call through this name.
    """
    code = frame.f_code
    return "ag__" in code.co_freevars or "ag__" in code.co_varnames or "ag__" in code.co_names


def compiles_with_xla():
    """Whether the graph that is being traced will be compiled by XLA."""
    graph = tf.compat.v1.get_default_graph()
    return bool(_control_flow.GraphOrParentsInXlaContext(graph))


def is_plain_graph():
    """Whether the program builds a graph of `tf.compat.v1`, or traces a function for one."""
    if tf.executing_eagerly():
        return False
    with tf.init_scope():  # it leaves the functions that are being traced, and no other graph
        return not tf.executing_eagerly()


@contextlib.contextmanager
def outside_graphs():
    """Runs the block eagerly, wherever the program is.

    `tf.init_scope` leaves the graph of a function, and not a plain `tf.Graph`.
    """
    with tf.init_scope():
        if tf.executing_eagerly():
            yield
        else:
            with _context.eager_mode():
                yield


def is_of_graph(variable):
    """Whether a variable belongs to a graph alone, so that it has no value outside of it.

    Such are those of `tf.compat.v1`, and the copies that are made where a model is exported.
    """
    copies = variable.values if is_distributed(variable) else [variable]
    handle = getattr(copies[0], "handle", None)
    return handle is None or hasattr(handle, "graph")


def is_nested_graph():
    """Whether the graph that is being traced is called by another one, as a branch or a loop is."""
    outer = getattr(tf.compat.v1.get_default_graph(), "outer_graph", None)
    return bool(getattr(outer, "building_function", False))


def is_vectorized():
    """Whether what is being traced is the body of `tf.vectorized_map`.

    From that body TensorFlow makes operations on all elements at once. What has a side effect runs
    where it stands as well, for the first element alone.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/ops/parallel_for/control_flow_ops.py
    """
    frame = sys._getframe(1)
    while frame is not None:
        is_from_there = frame.f_globals.get("__name__") == _parallel_for.__name__
        if is_from_there and frame.f_code.co_name == "_pfor_impl":
            return True
        frame = frame.f_back
    return False


def computes_on_host_alone():
    """Whether there is no accelerator, and no strategy distributes what is traced here."""
    kinds = {device.device_type for device in tf.config.list_logical_devices()}
    return kinds == {"CPU"} and not tf.distribute.has_strategy()


def keep_whole(outcome):
    """Has TensorFlow run a `tf.cond` as one operation.

    By default it takes the `tf.cond` apart, into a `Switch` for each tensor that its branches use,
    and these run on each step, whichever branch does. One operation runs on one device.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/common_runtime/lower_if_op.cc

    Args:
      outcome: Tensor that `tf.cond` returned.
    """
    for operation in (tensor.op for tensor in outcome.op.inputs):
        if operation.type in ("If", "StatelessIf"):
            no = tf.compat.v1.AttrValue(b=False)
            operation._set_attr("_lower_using_switch_merge", no)


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


def writer_is_of_graph(writer):
    """Whether a `tf.summary.SummaryWriter` belongs to a graph of `tf.compat.v1`."""
    return hasattr(getattr(writer, "_resource", None), "graph")


@contextlib.contextmanager
def summaries_of_any_replica():
    """Lets the code of any replica write summaries, which TensorFlow allows to the first alone."""
    state = _summary_ops._summary_state
    allowed, state.is_recording_distribution_strategy = (
        state.is_recording_distribution_strategy,
        True,
    )
    try:
        yield
    finally:
        state.is_recording_distribution_strategy = allowed


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


def trained_variables_of(model):
    """The trainable variables of a Keras model; none where it is not built."""
    try:
        return tuple(model.trainable_variables)
    except ValueError:
        return ()


def is_keras_model(value):
    """Whether an object is a model of any Keras, which `fit` can train."""
    return hasattr(type(value), "train_step") and hasattr(type(value), "fit")


def is_fit(function):
    """Whether a function is the bound method `fit` of a Keras model."""
    owner = getattr(function, "__self__", None)
    return getattr(function, "__name__", None) == "fit" and is_keras_model(owner)


def is_optimizer(value):
    """Whether an object is an optimizer of any Keras, which counts its updates."""
    return hasattr(type(value), "apply_gradients") and hasattr(type(value), "iterations")


def updates_made(optimizer):
    """How many updates an optimizer of Keras has counted.

    The property `iterations` would make the counter where there is none yet, and another one around
    it (for a loss scale) may count what it skips.
    """
    attributes = vars(optimizer)
    for name in ("inner_optimizer", "_optimizer"):
        if is_optimizer(attributes.get(name)):
            return updates_made(attributes[name])
    iterations = attributes.get("_iterations")
    return 0 if iterations is None else int(iterations.numpy())


def keras_callback_class():
    """The callback class of the Keras in use; it imports Keras where nobody has.

    A program may train with `tf_keras` although `tf.keras` is Keras 3. Keras 3 takes callbacks of
    `tf_keras`, which does not take those of Keras 3.
    """
    keras = sys.modules.get("tf_keras", tf.keras)
    return keras.callbacks.Callback
