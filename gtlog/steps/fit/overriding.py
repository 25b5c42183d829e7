"""Attributes of single objects, replaced for a while."""

import contextlib

_MISSING = object()


@contextlib.contextmanager
def overridden(overrides):
    """Replaces attributes of objects, not of their classes, while the block runs.

    The values go straight into the object's `__dict__`, since Keras follows what is assigned to a
    model or an optimizer.

    Args:
      overrides: Iterable of (object, name, value).
    """
    with contextlib.ExitStack() as stack:
        for owner, name, value in overrides:
            own = vars(owner)
            stack.callback(_put_back, own, name, own.get(name, _MISSING))
            own[name] = value
        yield


def _put_back(own, name, value):
    if value is _MISSING:
        own.pop(name, None)
    else:
        own[name] = value
