"""Watches which variables are read, and keeps tapes from recording."""

import sys


def variable_watcher():
    """A context manager. Its `watched_variables()` are the trainable ones read inside it."""
    return _record().VariableWatcher()


def stop_recording():
    """A context manager that keeps all tapes of this thread from recording."""
    return _record().stop_recording()


def _record():
    # The second is the module before TensorFlow 2.12. TensorFlow has imported one of them by now.
    for name in ("tensorflow.python.eager.record", "tensorflow.python.eager.tape"):
        module = sys.modules.get(name)
        if hasattr(module, "VariableWatcher"):
            return module
    raise ImportError("TensorFlow has no VariableWatcher where gtlog knows it")
