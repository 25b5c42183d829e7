"""The rows of the table, a module for each group."""

from . import fit, functions, loops, replicas, servers, workers, xla

GROUPS = (functions, xla, loops, fit, replicas, workers, servers)
MODES = tuple(mode for group in GROUPS for mode in group.MODES)
