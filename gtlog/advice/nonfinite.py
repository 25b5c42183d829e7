"""What is not finite in a step, and in which part of it that began, for the one warning."""

import math

from gtlog.graphs import loss_scale

_MOST_NAMES = 4


class FirstNonfinite:
    """Finds the first NaN or infinite value that a logger logs, and where it came from.

    It looks at the losses, and at the extremes that the summaries have asked for. While all is
    finite, it reads no tensor again.
    """

    def __init__(self):
        self._is_found = False
        self._last_step = None
        self._finite_after_it = frozenset()

    def find(self, record, several_updates=False):
        """Looks at one step.

        Args:
          record: `StepRecord` that all summaries have run on.
          several_updates: Whether the step changed a variable between two of its gradients.

        Returns:
          What was found in the first step that is not finite, as one text; None for all others.
        """
        if self._is_found:
            return None
        if not _has_any(record):
            self._last_step = record.step
            self._finite_after_it = frozenset(
                one.path for one in record.variables if "value_extremes" in vars(one)
            )
            return None
        self._is_found = True
        what, why = _first_of(record, several_updates, self._since)
        return (
            f"At step {record.step} {what}: the first NaN or infinite value that was logged. {why} "
            "Histograms, norms and images are those of the finite elements; "
            "gtlog.summaries.scalars() counts the others as nonfinite/<path>."
        )

    def _since(self, step, variables):
        """What is known of the time before a step whose values were not finite at its start."""
        if not self._finite_after_it.issuperset(one.path for one in variables):
            return "gtlog has not seen it after an earlier step, so where it came from is unknown."
        if self._last_step == step - 1:
            return (
                f"After step {self._last_step} it was finite, so it came between the two steps, "
                "from outside of them: a restored checkpoint, an assignment, a callback."
            )
        return (
            f"After step {self._last_step}, the last one that was logged, it was finite: it came "
            "since then, in a step that was not logged or from outside of the steps."
        )


def _has_any(record):
    return not all(map(math.isfinite, record.losses)) or any(
        extremes is not None and extremes.nonfinite
        for variable in record.variables
        for extremes in map(vars(variable).get, ("value_extremes", "gradient_extremes"))
    )


def _first_of(record, several_updates, since):
    """What is not finite in the earliest bad part of the step, and why it is that part."""
    before = _nonfinite(record, "before_extremes")
    if before:
        others = f" The same holds for {_listed(before[1:])}." if before[1:] else ""
        what = _elements(before[0], "before_extremes", "value that {} had before the step")
        return what, f"{since(record.step, before)}{others}"
    if not all(map(math.isfinite, record.losses)):
        what, why = _loss(record), _forward(record)
    elif _nonfinite(record, "gradient_extremes"):
        (first, *_) = _nonfinite(record, "gradient_extremes")
        what, why = _elements(first, "gradient_extremes", "gradient of {}"), _backward(record)
    else:
        first, why = _update(record, since)
        what = _elements(first, "value_extremes", "value of {}")
    return what, _SEVERAL_UPDATES if several_updates else why


def _loss(record):
    pairs = zip(record.loss_names, record.losses)
    name, loss = next((name, loss) for name, loss in pairs if not math.isfinite(loss))
    return f"loss/{name} is {loss}" if name else f"the loss is {loss}"


def _forward(record):
    known = [one for one in record.variables if one.before is not None]
    if not known:
        return (
            "gtlog has not seen the values before the step, so it cannot tell whether the forward "
            "pass made it or was given it."
        )
    why = (
        "The forward pass made it, or the data: before the step, the values of "
        f"{_counted(known)} that the tape was asked for were finite."
    )
    unseen = [one for one in _nonfinite(record, "value_extremes") if one.before is None]
    if unseen:
        why += (
            f" After the step {_listed(unseen)} is not finite either; its value before the step "
            "gtlog has not seen."
        )
    updated = _made_by_update(record)
    if updated:
        why += (
            f" In the same step the update of {_listed(updated)} made NaN or infinite values from "
            "finite gradients: which of the two came first cannot be told."
        )
    return why


def _backward(record):
    bad = _nonfinite(record, "gradient_extremes")
    good = [one for one in record.variables if one.gradient is not None and one not in bad]
    why = "The backward pass made it: the loss is finite, and so are the values before the step. "
    if not record.losses:
        why = "The backward pass made it, or the forward pass, whose loss gtlog has not seen. "
    why += f"Of {_counted(bad + good)} the gradients of {len(bad)} are not finite: {_listed(bad)}."
    why += f" Finite are those of {_listed(good)}." if good else ""
    if loss_scale.DIVIDED in record.gradient_note or loss_scale.UNKNOWN in record.gradient_note:
        why += (
            " With a dynamic loss scale that is expected now and then: the optimizer then skips "
            "the update and lowers the scale."
        )
    return why


def _update(record, since):
    """The variable to name and what is known, if only values after the step are not finite."""
    updated = _made_by_update(record)
    if updated:
        others = f" The same holds for {_listed(updated[1:])}." if updated[1:] else ""
        return updated[0], (
            "The update made it: loss, gradient and the value before the update are finite."
            + others
        )
    first = _nonfinite(record, "value_extremes")[0]
    if first.before is not None:
        return first, (
            "Its value before the step is finite, so this step made it. gtlog has seen no gradient "
            "of it, so it cannot tell whether the update did, or what came before it."
        )
    seen = "loss and gradients of the step are finite"
    if not record.losses:
        seen = "no loss and no gradients, which InstrumentedTape would show"
    return first, (
        f"gtlog has not seen its value before the step; {seen}. So which part of the step made it "
        f"cannot be told. {since(record.step, [first])}"
    )


def _made_by_update(record):
    """Variables that are not finite now, though they and their gradients were before."""
    bad_gradients = _nonfinite(record, "gradient_extremes")
    return [
        one
        for one in _nonfinite(record, "value_extremes")
        if one.before is not None and one.gradient is not None and one not in bad_gradients
    ]


def _nonfinite(record, kind):
    """The variables whose value or gradient is not finite."""
    extremes = [(one, getattr(one, kind)) for one in record.variables]
    return [one for one, known in extremes if known is not None and known.nonfinite]


def _elements(variable, kind, of):
    extremes = getattr(variable, kind)
    return (
        f"{extremes.nonfinite} of {extremes.size} elements of the "
        f"{of.format(repr(variable.path))} are NaN or infinite"
    )


def _counted(variables):
    return "the variable" if len(variables) == 1 else f"all {len(variables)} variables"


def _listed(variables):
    shown = ", ".join(repr(one.path) for one in variables[:_MOST_NAMES])
    more = len(variables) - _MOST_NAMES
    return shown if more <= 0 else f"{shown} and {more} more"


_SEVERAL_UPDATES = (
    "The values before the step are finite. The step made several updates: in which of them it "
    "came, and in which part, cannot be told."
)
