"""All rows of the report, in its order."""

from benchmarks.rows import (
    elements,
    event_file,
    importing,
    logged_step,
    many_variables,
    memory,
    tracing,
    unlogged_step,
    vitals,
)

# Functions from an `Effort` to a `Row`, by what the command line calls them.
ROWS = {
    "logged-mlp": logged_step.mlp,
    "logged-small": logged_step.small_variables,
    "logged-gradients": logged_step.gradients,
    "logged-small-gradients": logged_step.small_gradients,
    "vitals-mlp": vitals.large,
    "vitals-small": vitals.small,
    "per-element": elements.per_element,
    "memory": memory.memory,
    "unlogged-eager": unlogged_step.eager,
    "unlogged-small-layers": unlogged_step.small_layers,
    "unlogged-large-layers": unlogged_step.large_layers,
    "tracing": tracing.tracing,
    "tracing-resnet": tracing.tracing_resnet,
    "many-variables": many_variables.many_variables,
    "import": importing.importing,
    "event-file": event_file.event_file,
}
