"""Which variables a `tf.function` uses that was traced out of the logger's sight."""

import weakref

from gtlog import _compat


class TracedFunctions:
    """Follows the traces of the `tf.function` objects that one logger decorates.

    A step that traces shows its variables while it does so. One that was traced before (by a call
    before it was decorated, or on a step that was not logged) shows nothing when it is called, but
    its trace has captured them.

    Args:
      registry: `VariableRegistry` that the variables go to.
    """

    def __init__(self, registry):
        self._registry = registry
        self._seen = weakref.WeakKeyDictionary()
        self._strangers = weakref.WeakSet()

    def before_call(self, function):
        """Notes whether a function comes with a trace that is not the logger's."""
        if function not in self._seen:
            self._seen[function] = 0
            if _compat.tracing_count(function):
                self._strangers.add(function)

    def was_traced_before(self, function):
        """Whether the function was traced before the logger's first call of it."""
        return function in self._strangers

    def after_call(self, function, args, kwargs):
        """Makes the variables of a trace known that came about since the last time."""
        count = _compat.tracing_count(function)
        if self._seen[function] != count:
            self._registry.add_all(_compat.captured_variables(function, args, kwargs))
            self._seen[function] = count
