"""Which variable of one run is which of another; `looking/page/data.js` has the same rule."""


def counterparts(variables, others):
    """Matches the variables of two runs.

    Args:
      variables: `VariableRow`s of one run.
      others: `VariableRow`s of another.

    Returns:
      List of ints and None: for each variable the place of its counterpart. No place comes twice.
    """
    by_recounted = _pairs(variables, others, lambda row: row.recounted)
    by_path = _pairs(variables, others, lambda row: row.path)
    found = {}
    for pairs, rivals in ((by_recounted, by_path), (by_path, by_recounted)):
        of_others = {other: one for one, other in rivals.items()}
        for one, other in pairs.items():
            contested = {(one, rivals.get(one, other)), (of_others.get(other, one), other)}
            contested.discard((one, other))
            if contested:
                alike = [_are_alike(variables[a], others[b]) for a, b in contested]
                if any(alike) or not _are_alike(variables[one], others[other]):
                    continue
            found.setdefault(one, other)
    return [found.get(place) for place in range(len(variables))]


def _pairs(variables, others, name_of):
    """Dict from places to places, of the rows with one name."""
    places = {name_of(row): place for place, row in enumerate(others)}
    places.pop(None, None)
    named = {place: places.get(name_of(row)) for place, row in enumerate(variables)}
    return {place: other for place, other in named.items() if other is not None}


def _are_alike(one, other):
    return (one.role, tuple(one.shape)) == (other.role, tuple(other.shape))
