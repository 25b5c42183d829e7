"""Reads log directories, also while they grow, with numpy and the standard library alone.

`records` finds the records of a file, `protos` their fields, `events` the values under them; `run`
is one whole run.
"""
