"""The rows of the table, a module for each group."""

from . import functions, replicas, workers

GROUPS = (functions, replicas, workers)
MODES = tuple(mode for group in GROUPS for mode in group.MODES)
