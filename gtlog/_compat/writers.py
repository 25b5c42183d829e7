"""TensorFlow's own `SummaryWriter`."""

import contextlib


def writer_is_closed(writer):
    """Whether a `tf.summary.SummaryWriter` was closed."""
    return bool(getattr(writer, "_closed", False))


def writer_is_of_graph(writer):
    """Whether a `tf.summary.SummaryWriter` belongs to a graph of `tf.compat.v1`."""
    return hasattr(getattr(writer, "_resource", None), "graph")


@contextlib.contextmanager
def summaries_of_any_replica():
    """Lets the code of any replica write summaries. TensorFlow allows it to the first one alone."""
    from tensorflow.python.ops import summary_ops_v2

    state = summary_ops_v2._summary_state
    allowed, state.is_recording_distribution_strategy = (
        state.is_recording_distribution_strategy,
        True,
    )
    try:
        yield
    finally:
        state.is_recording_distribution_strategy = allowed
