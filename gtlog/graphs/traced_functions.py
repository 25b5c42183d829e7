"""Which variables a `tf.function` uses, whether the logger saw it traced or not."""

import weakref

from gtlog import _compat


class TracedFunctions:
    """Follows the traces of the `tf.function` objects that one logger decorates."""

    def __init__(self):
        self._only_trace = weakref.WeakKeyDictionary()
        self._seen = weakref.WeakSet()
        self._strangers = weakref.WeakSet()
        self._latest = _nothing

    def before_call(self, function):
        """Notes whether a function was traced before the logger's first call of it."""
        if self._latest() is function:
            return
        self._latest = weakref.ref(function)
        if function not in self._seen:
            self._seen.add(function)
            if _compat.tracing_count(function):
                self._strangers.add(function)

    def was_traced_before(self, function):
        """Whether the function was traced before the logger's first call of it."""
        return function in self._strangers

    def variables_of(self, function, args, kwargs):
        """The trainable variables of the trace that has just run with these arguments.

        A function with a single trace is asked once. The step may change the arguments, and to look
        the trace up by changed arguments would trace anew.
        """
        count = _compat.tracing_count(function)
        if count == 1 and function in self._only_trace:
            return [one for one in map(_alive, self._only_trace[function]) if one is not None]
        captured = _compat.captured_variables(function, args, kwargs)
        self._only_trace[function] = [weakref.ref(variable) for variable in captured]
        return captured


def _nothing():
    return None


def _alive(reference):
    return reference()
