"""What a step costs that gtlog logs, and one that it does not log, beside the alternatives.

`python -m benchmarks` measures everything; `python -m benchmarks --help` tells the rest. One figure
at a time, in Python:

    from benchmarks.effort import QUICK
    from benchmarks.rows import unlogged_step

    print(unlogged_step.eager(QUICK).figures)
"""
