"""Which number a step has: counted, or read from what the user counts with."""

import numbers
import threading

import numpy as np
import tensorflow as tf

from gtlog import _compat


class OwnCounter:
    """Counts the steps itself; a step set by `tf.summary.experimental.set_step` wins over it.

    Args:
      start: Number of the first step.
      warn: Called with a message where a set step cannot be followed.
    """

    def __init__(self, start, follow_set_step, warn):
        self._next = start
        self._lock = threading.Lock()  # threads may share a logger
        self._follow_set_step = follow_set_step
        self._warn = warn
        self._variable = None
        self._is_set_in_graph = False
        self._get_step = tf.summary.experimental.get_step  # to look it up takes as long as a call

    @property
    def advice_on_repeats(self):
        """Why a number may come again, and what to do."""
        is_set = self._follow_set_step and tf.summary.experimental.get_step() is not None
        return _STANDS_STILL if is_set or self._is_set_in_graph else _RESTORED

    def read(self):
        """The number of the step that begins now."""
        with self._lock:
            if self._variable is None:
                number = self._next
                self._next = number + 1
            else:
                number = self._count()
                self._add(1)
        set_step = self._get_step() if self._follow_set_step else None
        return number if set_step is None else int(set_step)

    def peek(self):
        """The number of the step that begins next."""
        set_step = self._set_step()
        return self._count() if set_step is None else set_step

    def latest(self):
        """The number of the step that began last; -1 before the first."""
        set_step = self._set_step()
        return self._count() - 1 if set_step is None else set_step

    def skip(self, count):
        """Counts steps that have begun."""
        self._add(count)

    def _count(self):
        """How far it has counted: once a graph counts, it counts for eager calls as well."""
        return self._next if self._variable is None else int(self._variable.numpy())

    def _add(self, count):
        if self._variable is None:
            self._next += count
        else:
            self._variable.assign_add(count)

    def _set_step(self):
        set_step = self._get_step() if self._follow_set_step else None
        return None if set_step is None else int(set_step)

    def read_in_graph(self):
        """As `read`, but an int64 tensor, counted each time that the graph runs."""
        set_step = self._get_step() if self._follow_set_step else None
        if set_step is not None and tf.is_tensor(set_step):
            self._is_set_in_graph = True
            return tf.cast(set_step, tf.int64)
        if set_step is not None:
            self._warn(
                f"The step {set_step!r} set by tf.summary.experimental.set_step is a Python "
                "number, which a tf.function reads only when it is traced; gtlog counts the steps "
                "itself. Set a tf.Variable(..., dtype=tf.int64) instead, or pass step=."
            )
        if self._variable is None:
            self._variable = _compat.own_variable(self._next, tf.int64, "gtlog_step")
        number = self._variable.read_value()
        with tf.control_dependencies([number]):
            self._variable.assign_add(1)
        return number


class _UsersNumber:
    """What the user counts: nothing is counted here."""

    @property
    def advice_on_repeats(self):
        """Why a number may come again, and what to do."""
        return _PASSED

    def peek(self):
        """The number of the step that begins next."""
        return self.read()

    def latest(self):
        """What the user's number is now."""
        return self.read()

    def skip(self, count):
        """Does nothing."""


class VariableStep(_UsersNumber):
    """Reads a variable that the user counts with, such as `optimizer.iterations`."""

    def __init__(self, variable):
        self._variable = _compat.resource_variable(variable)

    def read(self):
        """The variable's value before the step runs."""
        return int(self._variable.numpy())

    def read_in_graph(self):
        """As `read`, but an int64 tensor."""
        return tf.cast(self._variable.read_value(), tf.int64)


class CallableStep(_UsersNumber):
    """Asks the user's function."""

    def __init__(self, function):
        self._function = function

    def read(self):
        """What the function returns before the step runs."""
        return int(self._function())

    def read_in_graph(self):
        """As `read`, but an int64 tensor; the host asks each time that the graph runs."""
        number = tf.py_function(lambda: np.int64(self.read()), [], tf.int64)
        number.set_shape(())
        return number


def as_step_number(step, warn):
    """The source of step numbers that the parameter `step` stands for.

    Raises:
      TypeError: `step` is none of None, an int, a variable, a callable.
      ValueError: `step` is a negative int.
    """
    if step is None:
        return OwnCounter(0, True, warn)
    if _compat.resource_variable(step) is not None:
        return VariableStep(step)
    if callable(step):
        return CallableStep(step)
    if isinstance(step, bool) or not isinstance(step, numbers.Integral):
        raise TypeError(
            "step must be None (count from 0), an int to start from, a tf.Variable such as "
            f"optimizer.iterations, or a callable, got {step!r} ({type(step).__name__})."
        )
    if step < 0:
        raise ValueError(
            f"step must not be negative, got {step!r}. It is the number of the first step, "
            "0 for a new run."
        )
    return OwnCounter(int(step), False, warn)


_RESTORED = (
    "After a restored checkpoint, log into a new directory or pass the step that training resumes "
    "from as step=."
)
_STANDS_STILL = (
    "The number is the one set by tf.summary.experimental.set_step(...) or "
    "writer.as_default(step=...), which goes before gtlog's own count: set it anew before each "
    "step. Or pass step=0 to have gtlog count from 0, whatever is set."
)
_PASSED = (
    "The number comes from what was passed as step=, which must grow with each step: of "
    "optimizer.iterations, apply_gradients of that optimizer must be part of the step. After a "
    "restored checkpoint, log into a new directory."
)
