"""The rows of the table, a module for each group."""

from . import fit, functions, loops, xla

GROUPS = (functions, xla, loops, fit)
MODES = tuple(mode for group in GROUPS for mode in group.MODES)
