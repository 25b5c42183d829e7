"""The tape that shows the step around it what is differentiated."""

import contextlib
import threading
from typing import Any, Optional

import tensorflow as tf

from gtlog import _compat
from gtlog.errors import LoggingWarning
from gtlog.notices.users_line import calling_line
from gtlog.steps.active_step import Observation, active_step


class InstrumentedTape(tf.GradientTape):
    """A `tf.GradientTape` that has its gradients and its loss logged.

    Inside a step (a function decorated with `gtlog.logged_step`, or `with logger.step():`) it hands
    the arguments and results of `gradient` to that step. Anywhere else it is exactly a
    `tf.GradientTape`, unless it is given a logger; if it differentiates variables there, a
    `LoggingWarning` says that they are not logged.

    Gradients of variables are logged, those of tensors are not. `jacobian` and `batch_jacobian`
    work as ever and are not logged.

    Args:
      persistent: As for `tf.GradientTape`: whether `gradient` may be called several times.
      watch_accessed_variables: As for `tf.GradientTape`: whether trainable variables are watched
        when they are read.
      logger: A `gtlog.StepLogger`, in a plain loop that has no function to decorate. Each tape
        begins a step. The step is logged when the next one begins, or at the logger's `flush` or
        `close`, so the values are those after the optimizer update. A tape that is entered before a
        gradient was taken belongs to the same step (a GAN's two tapes). For any
        other grouping write `with logger.step():` around the step.
      name: The name of the loss: `InstrumentedTape(name="critic")` writes `loss/critic`. It also
        writes `gradient_norm/critic`, `weight_norm/critic` and `update_ratio/critic` over the
        variables that the tape is asked for. Tapes of one name count as one.

    Raises:
      TypeError: `logger` is no `gtlog.StepLogger`, or `name` no string.
      ValueError: `name` is empty or a number, or has a character that cannot be printed.

    >>> x = tf.constant(3.0)
    >>> with InstrumentedTape() as tape:
    ...     tape.watch(x)
    ...     y = x**2
    >>> float(tape.gradient(y, x))
    6.0
    """

    def __init__(
        self,
        persistent: bool = False,
        watch_accessed_variables: bool = True,
        *,
        logger: Any = None,
        name: Optional[str] = None,
    ) -> None:
        super().__init__(
            persistent=persistent, watch_accessed_variables=watch_accessed_variables
        )
        if logger is not None and not hasattr(logger, "_step_of_tape"):
            raise TypeError(
                f"logger must be a gtlog.StepLogger, got {logger!r} ({type(logger).__name__}). "
                "Write log = gtlog.StepLogger(writer), then InstrumentedTape(logger=log)."
            )
        self.watches_what_is_read = watch_accessed_variables
        self.gtlog_name = "" if name is None else _checked_name(name)
        self._gtlog_logger = logger
        self._gtlog_step = None
        self._gtlog_is_differentiating = False

    def __enter__(self):
        # Before it records: the step before may be logged here, and a function of the user's may
        # end the training with an exception.
        if not self._gtlog_is_differentiating:
            self._gtlog_find_step()
        return super().__enter__()

    def __exit__(self, kind, error, traceback):
        result = super().__exit__(kind, error, traceback)
        step = self._gtlog_step
        if step is not None and not self._gtlog_is_differentiating:
            step.tape_exited(self)
            if self._gtlog_logger is None:
                self._gtlog_step = None
            elif kind is not None:
                self._gtlog_logger._abandon_inline(step)
        return result

    @_compat.unconverted
    def gradient(
        self,
        target,
        sources,
        output_gradients=None,
        unconnected_gradients=tf.UnconnectedGradients.NONE,
    ):
        """As `tf.GradientTape.gradient`. The step around it sees the target and the result."""
        observation = self._gtlog_observe(target, sources)
        outer, self._gtlog_is_differentiating = self._gtlog_is_differentiating, True
        try:  # as `_gtlog_unobserved`, in a fifth of its time
            gradients = super().gradient(target, sources, output_gradients, unconnected_gradients)
        finally:
            self._gtlog_is_differentiating = outer
        if observation is not None:
            observation.take(gradients)
        return gradients

    @_compat.unconverted
    def jacobian(
        self,
        target,
        sources,
        unconnected_gradients=tf.UnconnectedGradients.NONE,
        parallel_iterations=None,
        experimental_use_pfor=True,
    ):
        """As `tf.GradientTape.jacobian`; it is not logged."""
        with self._gtlog_unobserved():
            return super().jacobian(
                target, sources, unconnected_gradients, parallel_iterations, experimental_use_pfor
            )

    @_compat.unconverted
    def batch_jacobian(
        self,
        target,
        source,
        unconnected_gradients=tf.UnconnectedGradients.NONE,
        parallel_iterations=None,
        experimental_use_pfor=True,
    ):
        """As `tf.GradientTape.batch_jacobian`; it is not logged."""
        with self._gtlog_unobserved():
            return super().batch_jacobian(
                target, source, unconnected_gradients, parallel_iterations, experimental_use_pfor
            )

    def _gtlog_find_step(self):
        if self._gtlog_logger is not None:
            self._gtlog_step = self._gtlog_logger._step_of_tape()
        else:
            self._gtlog_step = active_step()
        if self._gtlog_step is not None:
            self._gtlog_step.tape_entered(self)

    def _gtlog_observe(self, target, sources) -> Optional[Observation]:
        if self._gtlog_is_differentiating:
            return None
        step = active_step() if self._gtlog_logger is None else self._gtlog_step
        if step is not None:
            with step.failures.guard("observe a gradient"):
                return step.observe(self, target, sources)
        elif self._gtlog_logger is None:
            _say_if_unlogged(sources)
        return None

    @contextlib.contextmanager
    def _gtlog_unobserved(self):
        """TensorFlow itself enters the tape and calls `gradient`, with tensors of its own."""
        outer, self._gtlog_is_differentiating = self._gtlog_is_differentiating, True
        try:
            yield
        finally:
            self._gtlog_is_differentiating = outer


def _say_if_unlogged(sources):
    """Warns of gradients of variables that belong to no step.

    Nothing is said in a thread in which the program did not begin: it may work for a step that
    another thread has begun, as the replicas of a strategy do. Nothing is said either if XLA
    compiles: logged steps run a second function there, whatever was traced before.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if _compat.runs_on_workers() or _compat.is_plain_graph() or _compat.compiles_with_xla():
        return
    line = calling_line()
    flat = tf.nest.flatten(sources)
    if line and any(_compat.resource_variable(source) is not None for source in flat):
        line.warn(_OUTSIDE, LoggingWarning)


_OUTSIDE = (
    "gtlog.InstrumentedTape was used outside of any logged step, so its gradients are not logged. "
    "Decorate the function that makes the step with @gtlog.logged_step(...); in a plain loop, "
    "write gtlog.InstrumentedTape(logger=log), where log = gtlog.StepLogger(writer). Where nothing "
    "is to be logged, tf.GradientTape() does the same."
)


def _checked_name(name):
    if not isinstance(name, str):
        raise TypeError(
            f"name must be a string, got {name!r} ({type(name).__name__}). "
            'InstrumentedTape(name="critic") writes the loss as loss/critic.'
        )
    if not name or not name.isprintable() or name.isdecimal():
        raise ValueError(
            f"name must have characters that can be printed, and be no number, got {name!r}: it is "
            "part of tags, in which a number stands for a loss without a name. "
            'InstrumentedTape(name="critic") writes the loss as loss/critic.'
        )
    return name
