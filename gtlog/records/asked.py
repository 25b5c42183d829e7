"""What a step's tapes were asked for, beside the numbers that they returned."""

import weakref

from gtlog import _compat


class Asked:
    """The sources of one `tape.gradient` call, and the variables that its tape had seen read.

    Args:
      known_variables: `KnownVariable`s among the sources.
      tape: The tape.

    A graph keeps this object for ever, so it holds no tensor, and variables only weakly.
    """

    def __init__(self, known_variables, tape):
        self._is_missing = dict.fromkeys(known_variables)
        self._seen = None
        if getattr(tape, "watches_what_is_read", False):
            seen = map(_compat.resource_variable, tape.watched_variables())
            self._seen = {id(variable): weakref.ref(variable) for variable in seen}

    def answered(self, with_gradient):
        """Notes which variables a gradient was returned for."""
        with_gradient = set(with_gradient)
        self._is_missing = {known: known not in with_gradient for known in self._is_missing}

    def is_missing(self, known):
        """Whether `gradient` returned None for a variable. None if it was not asked for."""
        return self._is_missing.get(known)

    @property
    def known_variables(self):
        """The `KnownVariable`s among the sources."""
        return self._is_missing.keys()

    def was_asked(self, known):
        """Whether the gradient of a variable was asked for."""
        return known in self._is_missing

    def was_read(self, known):
        """Whether the tape saw a variable read. None if that is unknown."""
        if self._seen is None:
            return None
        variable = known.variable
        if variable is None:
            return None
        seen = self._seen.get(id(variable))
        if seen is not None and seen() is variable:
            return True
        return False if variable.trainable else None

    def facts(self, known):
        """What `facts` gives for this call alone."""
        was_asked = known in self._is_missing
        is_missing = self._is_missing[known] if was_asked else None
        return {
            "was_asked": was_asked,
            "is_missing": is_missing,
            "was_read": self.was_read(known),
        }


def facts(calls, known):
    """Combines what the `gradient` calls of a step know of one variable.

    Args:
      calls: List of `Asked`.
      known: `KnownVariable`.

    Returns:
      Dict of `was_asked`, `is_missing` and `was_read`, each True, False or None for unknown.
    """
    if not calls:
        return {}
    if len(calls) == 1:
        return calls[0].facts(known)
    missing = [call.is_missing(known) for call in calls]
    missing = [one for one in missing if one is not None]
    read = [call.was_read(known) for call in calls]
    return {
        "was_asked": any(call.was_asked(known) for call in calls),
        "is_missing": all(missing) if missing else None,
        "was_read": True if True in read else None if None in read else False,
    }
