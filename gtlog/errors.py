"""What gtlog raises and warns with."""


class LoggingWarning(UserWarning):
    """Something of a step could not be logged; training goes on.

    Each distinct message is given once per logger. Silence it, or make it an error, with the
    standard `warnings` filters.
    """


class LoggingError(RuntimeError):
    """A failure of gtlog, raised after the user's step has completed.

    Raised only where the logger was made with `on_error="raise"`. The original exception, if there
    was one, is its `__cause__`.
    """


class TrainingWarning(UserWarning):
    """Something is wrong with the training itself, as its logged steps show; training goes on.

    Each finding of the diagnosis that is an alarm is given once per logger. `diagnose=False` turns
    the diagnosis off; a function as `diagnose` gets the findings in place of these warnings.
    """
