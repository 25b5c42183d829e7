"""Notices about a step that takes several gradients, or losses, of the same variables."""


def say_repeats(failures, capture, losses, names):
    """Reports once that a step makes several updates, or that one number stands for several losses.

    Args:
      failures: `Failures`.
      capture: `Capture` of the step.
      losses: List of `Loss`.
      names: List of str, the name of each loss; None for a loss that is not logged.
    """
    if capture.changed_between:
        message = _several_updates(capture.step, capture.changed_between)
        failures.notice(message, once=SEVERAL_UPDATES)
    elif any(loss.times > 1 for loss in losses):
        failures.notice(_several_losses(capture.step, losses, names), once="several losses")
    if None in names:
        failures.notice(_TOO_MANY)


def _several_updates(step, changes):
    known = max(changes, key=changes.get)
    others = f" (and of {len(changes) - 1} more variables)" if len(changes) > 1 else ""
    return (
        f"Step {step} took the gradient of {known.path!r}{others} at {changes[known] + 1} "
        "different values: it changed the weights in between. gtlog takes each call of the "
        "decorated function for one step: of its losses and gradients the last ones are logged, "
        "and update_ratio is that of all its updates together. " + WHAT_TO_DECORATE
    )


def _several_losses(step, losses, names):
    number, name = next(
        (loss.times, name) for loss, name in zip(losses, names) if loss.times > 1
    )
    return (
        f"Step {step} differentiated {number} losses by the same variables: the last one is logged "
        f"as {f'loss/{name}' if name else 'loss'}. Their gradients are logged as a sum. To have "
        'the losses apart, name their tapes: InstrumentedTape(name="critic") writes loss/critic.'
    )


SEVERAL_UPDATES = "several updates"
WHAT_TO_DECORATE = (
    "If these are several training steps, decorate the function that makes one update, or write "
    "`with log.step():` around each. To have the losses of one step apart, name its tapes: "
    'InstrumentedTape(name="critic") writes loss/critic.'
)
_TOO_MANY = (
    "The steps of this logger differentiate more than 32 losses, each by other variables or at "
    "another place of its tape: those after the first 32 are not logged. Name the tapes: "
    'InstrumentedTape(name="critic") writes each loss of that name as loss/critic.'
)
