"""The rows of the table, a module for each group."""

from . import (
    fit,
    functions,
    gradients,
    loops,
    precision,
    replicas,
    servers,
    variables,
    workers,
    xla,
)

GROUPS = (functions, xla, loops, fit, gradients, precision, variables, replicas, workers, servers)
MODES = tuple(
    sorted((mode for group in GROUPS for mode in group.MODES), key=lambda mode: mode.row)
)
