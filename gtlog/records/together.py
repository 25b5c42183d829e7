"""Statistics of all small variables of a step in one go, for the summaries that ask each for them.

A failure in this module costs nothing: the variable is computed alone later, and fails there.
"""

import numpy as np

from gtlog.statistics import together


def know_extremes(variables):
    """Finds the extremes of values and gradients that are small; each record keeps its own.

    Args:
      variables: Iterable of `VariableRecord`.
    """
    for of, name in _KINDS:
        _know_extremes(_small(_without(name, variables), of), name)


def not_known_finite(variables):
    """The variables whose value or gradient may have elements that are not finite.

    Args:
      variables: Iterable of `VariableRecord`, of which `know_extremes` may know some.

    Returns:
      List of `VariableRecord`.
    """
    return [
        one
        for one in variables
        if _may_be_nonfinite(one, "value_extremes")
        or (one.gradient is not None and _may_be_nonfinite(one, "gradient_extremes"))
    ]


def _may_be_nonfinite(variable, name):
    known = vars(variable).get(name)
    return known is None or known.nonfinite


def know_norms(variables):
    """As `know_extremes`; finds the norms of values, gradients and updates as well."""
    for of, name in _KINDS:
        norm = name.replace("extremes", "norm")
        small = _known(_small(_without(norm, variables), of), name)
        extremes = [known for _, _, known in small]
        arrays = [array for _, array, _ in small]
        _know(norm, [one for one, _, _ in small], together.norms(arrays, extremes))
    small = _small(_without("update_norm", variables), _before)
    pairs = [(one, before) for one, before in small if _is_like(one, before)]
    afters = [one.value_array for one, _ in pairs]
    norms = together.norms_of_differences(afters, [before for _, before in pairs])
    _know("update_norm", [one for one, _ in pairs], norms)


def histograms(variables, buckets):
    """The histograms of values and gradients that are small.

    Args:
      variables: Iterable of `VariableRecord`.
      buckets: Positive number of buckets.

    Returns:
      Two dicts from `VariableRecord` to `[buckets, 3]` rows, of values and of gradients, without
      those that must be asked alone.
    """
    return tuple(_histograms(_known(_small(variables, of), name), buckets) for of, name in _KINDS)


def _histograms(small, buckets):
    arrays, extremes = [array for _, array, _ in small], [known for _, _, known in small]
    rows = together.histograms(arrays, extremes, buckets)
    return {one: of_one for (one, _, _), of_one in zip(small, rows) if of_one is not None}


def _without(name, variables):
    return [one for one in variables if name not in vars(one)]


def _know_extremes(small, name):
    unknown = [(one, array) for one, array in small if name not in vars(one)]
    found = together.extremes([array for _, array in unknown])
    _know(name, [one for one, _ in unknown], found)


def _known(small, name):
    """Triples of a variable, its array and its extremes, of those whose extremes are found."""
    _know_extremes(small, name)
    triples = [(one, array, vars(one).get(name)) for one, array in small]
    return [triple for triple in triples if triple[2] is not None]


def _know(name, variables, numbers):
    for variable, number in zip(variables, numbers):
        if number is not None:
            variable.know(name, number)


def _small(variables, of):
    """Pairs of a variable and its array, of those that have a small one that can be read."""
    pairs = []
    for variable in variables:
        try:
            array = of(variable)
        except Exception:  # computed alone, the variable fails again, and that is reported
            continue
        if isinstance(array, np.ndarray) and together.is_small(array):
            pairs.append((variable, array))
    return pairs


def _value(variable):
    return variable._value_elements


def _gradient(variable):
    return None if variable.gradient is None else variable._gradient_elements


def _before(variable):
    is_compared = variable.before is not None and isinstance(_value(variable), np.ndarray)
    return variable.before_array if is_compared else None


def _is_like(variable, before):
    value = variable.value_array
    return value.shape == before.shape and value.dtype == before.dtype


_KINDS = ((_value, "value_extremes"), (_gradient, "gradient_extremes"))
