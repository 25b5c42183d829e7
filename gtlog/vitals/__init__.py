"""One table a step, variables x statistics: what everything that answers a question reads.

`columns` names the statistics, `measures` computes them from arrays, `table` is what all readers
look at. Nothing here needs TensorFlow.
"""
