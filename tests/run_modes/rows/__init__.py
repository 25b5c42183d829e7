"""The rows of the table, a module for each group."""

from . import functions, replicas, servers, workers

GROUPS = (functions, replicas, workers, servers)
MODES = tuple(mode for group in GROUPS for mode in group.MODES)
