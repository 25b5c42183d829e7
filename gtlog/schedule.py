"""When a step is logged: a question about its number alone."""

import numbers


class EverySteps:
    """True for the steps 0, N, 2N, …

    Args:
      n: Positive number of steps from one logged step to the next.

    >>> [step for step in range(10) if EverySteps(4)(step)]
    [0, 4, 8]
    """

    def __init__(self, n):
        self.n = n

    def __call__(self, step):
        return step % self.n == 0


def as_schedule(every):
    """The schedule that the parameter `every` stands for.

    Args:
      every: Positive int N, or a callable from the step number (int) to a bool.

    Returns:
      A callable from the step number to a bool. It works on symbolic int64 tensors as well where
      it is an `EverySteps`.

    Raises:
      TypeError: `every` is neither an int nor a callable. A bool is no number of steps.
      ValueError: `every` is an int below 1.
    """
    if callable(every):
        return every
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
