"""What sees which variables are read, and what keeps tapes from recording."""


def variable_watcher():
    """A context manager whose `watched_variables()` are the trainable ones read inside it."""
    return _record().VariableWatcher()


def stop_recording():
    """A context manager that keeps all tapes of this thread from recording."""
    return _record().stop_recording()


def _record():
    try:
        from tensorflow.python.eager import record
    except ImportError:  # before TensorFlow 2.12
        from tensorflow.python.eager import tape as record
    return record
