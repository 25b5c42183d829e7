"""Which step is running where the program is now.

A tape stands somewhere inside the user's function and must find the step that was opened around
it. A context variable holds it per thread and per task, so nothing is shared between two loggers,
threads or coroutines; outside a step it is None.
"""

import contextvars

_ACTIVE_STEP = contextvars.ContextVar("gtlog_active_step", default=None)

active_step = _ACTIVE_STEP.get
enter_step = _ACTIVE_STEP.set
leave_step = _ACTIVE_STEP.reset
