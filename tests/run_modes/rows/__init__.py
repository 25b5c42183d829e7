"""The rows of the table, a module for each group."""

from . import functions, gradients, precision, variables

GROUPS = (functions, gradients, precision, variables)
MODES = tuple(mode for group in GROUPS for mode in group.MODES)
