"""The rows of the table, a module for each group."""

from . import functions, xla

GROUPS = (functions, xla)
MODES = tuple(mode for group in GROUPS for mode in group.MODES)
