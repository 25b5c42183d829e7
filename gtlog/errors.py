"""The errors and warnings of gtlog."""


class LoggingWarning(UserWarning):
    """Some part of a step could not be logged; training goes on.

    Each distinct message is given once per logger. The standard `warnings` filters can silence it
    or make it an error.
    """


class LoggingError(RuntimeError):
    """A failure of gtlog, raised after the user's step has completed.

    It is raised only if the logger was made with `on_error="raise"`. The original exception, if
    there was one, is its `__cause__`.
    """


class TrainingWarning(UserWarning):
    """Something is wrong with the training itself, as the logged steps show; training goes on.

    Each alarm of the diagnosis is given once per logger. `diagnose=False` turns the diagnosis off.
    If `diagnose` is a function, it gets the findings in place of these warnings.
    """
