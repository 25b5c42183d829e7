"""Which losses a logger has met, and what each of them is called.

A loss keeps its name in all steps. It is known again by the name of its tape, or else by the first
variable that it was differentiated by. The order of the `gradient` calls would not do, since a step
may leave some of them out.
"""

from typing import NamedTuple, Tuple

MOST_OF_ONE_TAPE = 8
_MOST_NAMES = 32


class Target(NamedTuple):
    """What distinguishes one differentiated target from the others of a step.

    Attributes:
      name: The name of its tape, empty where it has none.
      sources: Paths of the variables that it was differentiated by, in the order of the sources.
      place: How many earlier targets of the same tape in the step have the same key.
    """

    name: str
    sources: Tuple[str, ...]
    place: int

    @property
    def key(self):
        """The name of the tape, or else the first variable. None if there is neither."""
        if self.name:
            return f"tape {self.name}"
        return self.sources[0] if self.sources else None


class Loss(NamedTuple):
    """One loss of a step.

    Attributes:
      target: `Target`.
      value: float, the last one of the step, summed over the replicas.
      times: How many there were in the step.
    """

    target: Target
    value: float
    times: int


class LossNames:
    """The table of one logger, in which each loss has its place for good.

    The first logged step that has losses decides. If it has one loss, that loss has no name. If it
    has several, each has a number. A loss that turns up later gets the next number.
    """

    def __init__(self):
        self._families = {}
        self._places = {}
        self._first_is_plain = None

    def of(self, targets):
        """Names the losses of a step.

        Args:
          targets: List of `Target`, in the order of the `gradient` calls, no two with the same key
            and place.

        Returns:
          List of str: for each loss the part of its tag after `loss/`, empty for the tag `loss`.
          None for a loss of a tape without a name, if 32 such losses have tags already.
        """
        places = self._places_of([target for target in targets if not target.name])
        if self._first_is_plain is None and places:
            self._first_is_plain = len(places) == 1
        remaining = iter(places)
        return [_named(one) if one.name else self._numbered(next(remaining)) for one in targets]

    def _numbered(self, place):
        if place is None:
            return None
        return "" if place == 0 and self._first_is_plain else str(place)

    def _places_of(self, targets):
        known = [self._families.get(target.key) for target in targets]
        taken = {(id(family), target.place) for family, target in zip(known, targets) if family}
        places = []
        for target, family in zip(targets, known):
            place = self._place(target, family or self._family_of(target, taken))
            if place is not None and place in places:  # two that were taken for one so far
                self._families[target.key] = _Family()
                place = self._place(target, self._families[target.key])
            places.append(place)
        return places

    def _family_of(self, target, taken):
        """The family that a new key belongs to, as when more or less of a model is trained now.

        It is the only family that shares a variable with the target and has no loss at that place
        in this step. If there is none, or several, it is a new family.
        """
        shares = {
            id(family): family
            for family in self._families.values()
            if not family.variables.isdisjoint(target.sources)
            and (id(family), target.place) not in taken
        }
        family = next(iter(shares.values())) if len(shares) == 1 else _Family()
        taken.add((id(family), target.place))
        return self._families.setdefault(target.key, family)

    def _place(self, target, family):
        family.variables.update(target.sources)
        slot = family, target.place
        if slot not in self._places and len(self._places) >= _MOST_NAMES:
            return None
        return self._places.setdefault(slot, len(self._places))


class _Family:
    """The keys that stand for losses of one thing."""

    def __init__(self):
        self.variables = set()


def told_apart(target):
    """What distinguishes a loss from others, as the end of a phrase. Empty if nothing does."""
    if target.name:
        return f" of the tape {target.name!r}"
    return f" differentiated by {target.sources[0]!r}" if target.sources else ""


def _named(target):
    return f"{target.name}/{target.place}" if target.place else target.name


def description_of(loss, is_alone):
    """What a loss is, as Markdown."""
    tape, sources = loss.target.name, loss.target.sources
    who = f"the tape `{tape}`" if tape else "`tape.gradient`"
    words = f"What {who} differentiated"
    if not is_alone and sources and not tape:
        more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        words += f" by `{sources[0]}`{more}"
    last = " The last one, where a step has several." if loss.times > 1 else ""
    return f"{words}.{last}"
