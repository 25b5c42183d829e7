"""How tensors leave a graph: through a gate, or under XLA as outputs of a second function."""
