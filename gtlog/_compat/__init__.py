"""Every question about versions of TensorFlow and Keras, and every use of their private parts.

No function here compares version numbers: each one asks for the feature itself. A private module is
imported only where it is used. So if it moves, one feature is lost, and gtlog still imports.
"""

try:
    import tensorflow  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise ModuleNotFoundError(
        "gtlog needs TensorFlow 2.3 or later, which is not installed: "
        "pip install tensorflow-cpu (or tensorflow, for the GPU build).",
        name="tensorflow",
    ) from None

from gtlog._compat.autograph import (
    as_autograph_calls,
    asked_by_tf_convert,
    called_by_autograph,
    is_converted,
    is_generated_by_autograph,
    unconverted,
)
from gtlog._compat.functions import (
    captured_variables,
    function_like,
    is_compiled,
    is_tf_function,
    python_function_of,
    side_effects,
    tracing_count,
)
from gtlog._compat.graphs import (
    are_unwritten,
    captured_variable,
    compiles_with_xla,
    computes_on_host_alone,
    is_nested_graph,
    is_plain_graph,
    is_vectorized,
    keep_whole,
    outside_graphs,
    packed,
)
from gtlog._compat.keras import (
    computes_in_float16,
    has_keras_train_step,
    is_fit,
    is_keras_layer,
    is_keras_model,
    is_optimizer,
    is_trained_on_workers,
    keras_callback_class,
    layers_of,
    optimizers_of,
    steps_per_execution,
    trained_variables_of,
    updates_made,
    variables_of,
)
from gtlog._compat.optimizers import (
    innermost_optimizer,
    is_schedule,
    iterations_variable,
    learning_rate_parts,
    scheduled_rate,
    slots_of,
)
from gtlog._compat.recording import stop_recording, variable_watcher
from gtlog._compat.strategies import (
    enter_variable_creator,
    graphs_keep_parts_of_workers,
    is_chief,
    is_distributed,
    is_first_replica_of_worker,
    leave_variable_creator,
    of_replicas,
    replica_id,
    replicas_in_threads,
    runs_on_workers,
    variable_creators,
    worker_count,
)
from gtlog._compat.variables import (
    creation_number,
    full_name,
    is_of_graph,
    is_of_this_process,
    is_on_server,
    own_variable,
    read_variables,
    resource_variable,
    shards_of,
)
from gtlog._compat.writers import summaries_of_any_replica, writer_is_closed, writer_is_of_graph
