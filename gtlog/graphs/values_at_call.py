"""Values before the update that the host reads before the call of a `tf.function`.

As long as a graph has written none of the variables that it differentiates, they have the values
that they had before its call. So on logged steps the host reads them before the call. The graph,
which runs at each step, needs no branch for them.
"""

import weakref

import tensorflow as tf

from gtlog import _compat
from gtlog.variables.reading import BEFORE_UPDATE, read_each
from gtlog.variables.registry import KnownShards


class ValuesAtCall:
    """Which variables the host reads before the calls of the functions of one logger.

    Args:
      failures: `Failures`.
    """

    def __init__(self, failures):
        self._failures = failures
        self._known_variables = weakref.WeakKeyDictionary()

    def of(self, function):
        """The `KnownVariable`s whose values the traces of a `tf.function` leave to the host."""
        known_variables = self._known_variables.get(function, ())
        return [known for known in known_variables if known.variable is not None]

    def read(self, known_variables, capture):
        """Reads variables into the capture of a logged step, whose function is called next."""
        with _compat.stop_recording():
            pairs = read_each(known_variables, self._failures, BEFORE_UPDATE, capture.step)
        capture.at_call.update(pairs)

    def take_over(self, function, known_variables, capture):
        """Whether the host has the values that variables have at this point of a trace.

        Args:
          function: The `tf.function` object that is being traced, as it was called.
          known_variables: List of `KnownVariable`.
          capture: `Capture` of the step that makes the call, None if it is not logged.

        Returns:
          False if there are no variables, if the host cannot read one of them, or if the graph may
          have written one by now. The graph then has to hand the values over itself.
        """
        if not known_variables or _compat.is_nested_graph():
            return False
        if not all(map(_is_of_this_process, known_variables)):
            return False
        if not _compat.are_unwritten([known.variable for known in known_variables]):
            return False
        if capture is not None and not self._read_while_traced(known_variables, capture):
            return False
        kept = self._known_variables.setdefault(function, {})
        kept.update(dict.fromkeys(known_variables))
        return True

    def _read_while_traced(self, known_variables, capture):
        """Reads the variables that are new in this trace. Returns whether all could be read."""
        new = [known for known in known_variables if known not in capture.at_call]
        with tf.init_scope():
            if not all(known.variable.is_initialized() for known in new):
                return False
            self.read(new, capture)
        return all(known in capture.at_call for known in new)


def _is_of_this_process(known):
    return not isinstance(known, KnownShards) and _compat.is_of_this_process(known.variable)
