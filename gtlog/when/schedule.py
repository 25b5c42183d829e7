"""When a step is logged: asked with its number, before it runs."""

import contextlib
import decimal
import inspect
import math
import numbers
import time
from typing import Callable, Optional

import tensorflow as tf

from gtlog import _compat

_LARGEST_STEP = 2**63 - 1
_MOST_PER_DECADE = 1000
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Schedule:
    """Called with the number (int) of a step, returns whether it is logged.

    Attributes:
      is_told_by_number: Whether the number alone decides, so that all who ask get one answer.
    """

    is_told_by_number = False

    def __call__(self, step):
        raise NotImplementedError

    def in_graph(self, step):
        """As `__call__`, for a symbolic int64: a symbolic bool. None if only Python can decide."""
        return None

    def logging(self):
        """A context manager that surrounds the work of each logged step."""
        return contextlib.nullcontext()


class EverySteps(Schedule):
    """True for the steps 0, n, 2n, …"""

    is_told_by_number = True

    def __init__(self, n):
        self._n = n

    def __repr__(self):
        return f"every_steps({self._n})"

    def __call__(self, step):
        return step % self._n == 0

    def in_graph(self, step):
        """Symbolic bool."""
        return self(step)


class ListedSteps(Schedule):
    """True for the steps in a list, and for every `gap`-th after its last one.

    Args:
      steps: Ascending list of ints.
      gap: Positive int; None ends with the list.
      text: What its `repr` is.
    """

    is_told_by_number = True

    def __init__(self, steps, gap=None, text="listed steps"):
        self._listed = frozenset(steps)
        self._steps = steps
        self._gap = gap
        self._text = text

    def __repr__(self):
        return self._text

    def __call__(self, step):
        later = step - self._steps[-1]
        return step in self._listed or bool(self._gap and later > 0 and later % self._gap == 0)

    def in_graph(self, step):
        """Symbolic bool."""
        is_listed = tf.reduce_any(tf.equal(step, tf.constant(self._steps, tf.int64)))
        if not self._gap:
            return is_listed
        later = step - self._steps[-1]
        return is_listed | ((later > 0) & (later % self._gap == 0))


class EverySeconds(Schedule):
    """True the first time, and each time that `seconds` have passed since it was last true."""

    def __init__(self, seconds, clock):
        self._seconds = seconds
        self._clock = clock
        self._last = None

    def __repr__(self):
        return f"every_seconds({self._seconds:g})"

    def __call__(self, step):
        now = self._clock()
        if self._last is not None and now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Overhead(Schedule):
    """True once training has gone on long enough to make up for the step that was logged last.

    The first step that is logged builds and opens what the later ones use, so it says nothing about
    their cost: nothing has to make up for it.
    """

    def __init__(self, fraction, clock):
        self._fraction = fraction
        self._clock = clock
        self._is_first = True
        self._made_up_at = -math.inf

    def __repr__(self):
        return f"overhead({self._fraction:g})"

    def __call__(self, step):
        return self._clock() >= self._made_up_at

    @contextlib.contextmanager
    def logging(self):
        """Measures what a logged step costs."""
        begin = self._clock()
        try:
            yield
        finally:
            end = self._clock()
            if not self._is_first:
                self._made_up_at = end + (end - begin) / self._fraction
            self._is_first = False


class AskedSchedule(Schedule):
    """A callable of the user's."""

    def __init__(self, function):
        self._function = function

    def __call__(self, step):
        return bool(self._function(step))


def every_steps(n: int) -> Callable[[int], bool]:
    """Logs the steps 0, n, 2n, …: the same as `every=n`.

    Args:
      n: Positive int.

    Returns:
      A schedule to pass as `every`. It is a function of the step number alone, so it may be shared.

    Raises:
      TypeError: `n` is no int.
      ValueError: `n` is below 1.

    >>> [step for step in range(10) if every_steps(4)(step)]
    [0, 4, 8]
    """
    _check_int(n, "n must be a positive int")
    return EverySteps(int(n))


def every_seconds(
    t: float, *, clock: Callable[[], float] = time.monotonic
) -> Callable[[int], bool]:
    """Logs a step every `t` seconds: the first, and each that begins `t` after the one before it.

    Args:
      t: Positive number of seconds. Time that passes outside of steps counts.
      clock: Callable without arguments that returns seconds (float) and never runs backwards.

    Returns:
      A schedule to pass as `every`. It remembers when it last said yes, so make one for each logger
      (and for each `gtlog.summaries.less_often`): two that share one take turns.

    Raises:
      TypeError: `t` is no number, or `clock` cannot be called.
      ValueError: `t` is not positive, or infinite or NaN.

    >>> seconds = iter([0.0, 40.0, 61.0, 120.0])
    >>> due = every_seconds(60, clock=lambda: next(seconds))
    >>> [step for step in range(4) if due(step)]
    [0, 2]
    """
    rule = "t must be a positive, finite number of seconds"
    _check_real(t, rule)
    if not 0 < t < math.inf:
        raise ValueError(f"{rule}, got {t!r}. Write every_seconds(60) to log once a minute.")
    _check_clock(clock)
    return EverySeconds(float(t), clock)


def log_spaced(per_decade: int = 20, *, max_gap: Optional[int] = None) -> Callable[[int], bool]:
    """Logs many steps when training starts and ever fewer later, evenly on a logarithmic axis.

    Logged are step 0 and the steps `10 ** (k / per_decade)`, rounded, for k = 0, 1, 2, …, each of
    them once: with 20 the steps 0 to 11, 13, 14, 16, 18, 20, 22, …, of a million steps 110.

    Args:
      per_decade: Int from 1 to 1000: how many steps are logged while the step number grows tenfold.
        Where there are not as many steps, each is logged.
      max_gap: Positive int: as soon as two logged steps would lie further apart, each `max_gap`-th
        step is logged instead. None thins out without end.

    Returns:
      A schedule to pass as `every`. It is a function of the step number alone: a resumed run logs
      the steps that it would have logged without the break. It may be shared.

    Raises:
      TypeError: a parameter is no int.
      ValueError: a parameter is out of its range.

    >>> [step for step in range(101) if log_spaced(10)(step)]
    [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 79, 100]
    >>> [step for step in range(50) if log_spaced(10, max_gap=5)(step)]
    [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 35, 40, 45]
    """
    rule = f"per_decade must be an int from 1 to {_MOST_PER_DECADE}"
    _check_int(per_decade, rule, most=_MOST_PER_DECADE)
    steps = _log_spaced_steps(int(per_decade))
    if max_gap is None:
        return ListedSteps(steps, text=f"log_spaced({per_decade})")
    _check_int(max_gap, "max_gap must be a positive int, or None")
    listed = _up_to_gap(steps, max_gap)
    gap = None if listed == steps else int(max_gap)
    return ListedSteps(listed, gap, text=f"log_spaced({per_decade}, max_gap={max_gap})")


def overhead(
    fraction: float, *, clock: Callable[[], float] = time.monotonic
) -> Callable[[int], bool]:
    """Logs as often as keeps logging below a fraction of the training time.

    At each logged step gtlog measures how long its own work takes: reading the variables,
    statistics, summaries, writing. It logs the next step once training has gone on for that time
    divided by `fraction`. So logging follows the speed of the machine, the size of the model and
    the summaries. After a pause (a validation) one step is logged, not many.

    The first logged step, which traces and builds, is not measured, so the step after it is logged
    too. What a logged step costs inside the training step itself, where gradients are handed over
    and values before the update are kept, is not measured either: 5 to 20 % of the whole, on a CPU.

    Args:
      fraction: Number above 0 and at most 1: 0.02 keeps logging below 2 % of the training time.
      clock: Callable without arguments that returns seconds (float) and never runs backwards.

    Returns:
      A schedule to pass as `every`. It remembers the cost, so make one for each logger (and for
      each `gtlog.summaries.less_often`, where it measures that summary alone).

    Raises:
      TypeError: `fraction` is no number, or `clock` cannot be called.
      ValueError: `fraction` is not above 0, or above 1.
    """
    rule = "fraction must be a number above 0 and at most 1"
    _check_real(fraction, rule)
    if not 0 < fraction <= 1:
        raise ValueError(f"{rule}, got {fraction!r}. Write overhead(0.02) for 2 %.")
    _check_clock(clock)
    return Overhead(float(fraction), clock)


def as_schedule(every):
    """The `Schedule` that the parameter `every` stands for.

    Args:
      every: Positive int N, a `Schedule`, or a callable from the step number (int) to a bool.

    Raises:
      TypeError: `every` is neither an int nor a callable, or is the step that is to be logged. A
        bool counts as no int here.
      ValueError: `every` is an int below 1.
    """
    if isinstance(every, Schedule):
        return every
    if any(every is make for make in (every_steps, every_seconds, log_spaced, overhead)):
        raise TypeError(
            f"every: {every.__name__} makes a schedule and is none itself. "
            f"Write every=gtlog.{every.__name__}(...) with parentheses."
        )
    if callable(every):
        _check_not_the_step(every)
        return AskedSchedule(every)
    if isinstance(every, bool) or not isinstance(every, numbers.Integral):
        raise TypeError(
            "every must be a positive int N (steps 0, N, 2N, … are logged) or a callable from "
            f"the step number to a bool, got {every!r} ({type(every).__name__}). "
            "Write every=100, or every=lambda step: step < 10 or step % 100 == 0."
        )
    if every < 1:
        raise ValueError(
            f"every must be a positive int, got {every!r}. "
            "Write every=1 to log each step; to log none, leave the decorator out."
        )
    return EverySteps(int(every))


def _check_not_the_step(every):
    what = _kind_of_step(every)
    if what:
        raise TypeError(
            f"every must be a positive int, or a callable from the step number to a bool, got "
            f"{every!r}, {what}. Is it what is to be logged? Then write "
            "gtlog.logged_step(writer, every=100)(step), or @gtlog.logged_step(writer, every=100) "
            "above the function."
        )


def _kind_of_step(every):
    """Why a callable is no schedule, as part of a sentence. None if it may be one."""
    if _compat.is_tf_function(every):
        return "a tf.function"
    if hasattr(every, "trainable_variables"):
        return "which has variables to train"
    parameters = _parameters_of(every)
    if parameters is None:
        return None
    required = [one for one in parameters if one.default is one.empty]
    positional = [one for one in required if one.kind in _POSITIONAL]
    names = ", ".join(one.name for one in required if one.kind not in _VARIADIC)
    if len(positional) > 1 or any(one.kind is one.KEYWORD_ONLY for one in required):
        return f"which takes more than one number: {names}"
    if not any(one.kind in _POSITIONAL or one.kind is one.VAR_POSITIONAL for one in parameters):
        return "which takes no number"
    return None


def _parameters_of(function):
    """The parameters of a callable. None if it has no signature, like many written in C."""
    try:
        return inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None


def _log_spaced_steps(per_decade):
    # Decimals, since powers of floats differ in the last digit from machine to machine.
    with decimal.localcontext(decimal.Context(prec=40)):
        exponents = [decimal.Decimal(k) / per_decade for k in range(per_decade)]
        powers = [decimal.Decimal(10) ** exponent for exponent in exponents]
        spaced = [round(power.scaleb(decade)) for decade in range(19) for power in powers]
    return [0] + sorted({step for step in spaced if step <= _LARGEST_STEP})


def _up_to_gap(steps, max_gap):
    """The steps before the first gap that is too wide."""
    for index in range(1, len(steps)):
        if steps[index] - steps[index - 1] > max_gap:
            return steps[:index]
    return steps


def _check_int(value, rule, most=math.inf):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{rule}, got {value!r} ({type(value).__name__}).")
    if not 1 <= value <= most:
        raise ValueError(f"{rule}, got {value!r}.")


def _check_real(value, rule):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{rule}, got {value!r} ({type(value).__name__}).")


def _check_clock(clock):
    if not callable(clock):
        raise TypeError(
            "clock must be a callable that returns seconds, such as time.monotonic, got "
            f"{clock!r} ({type(clock).__name__})."
        )
