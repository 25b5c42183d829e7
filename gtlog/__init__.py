"""gtlog: sees inside a model that is trained with `tf.GradientTape`.

One decorator around the existing training step, one tape in place of `tf.GradientTape`, and
TensorBoard shows weights, biases, gradients, kernels and gates:

    writer = tf.summary.create_file_writer("logs")

    @gtlog.logged_step(writer, every=100)
    @tf.function
    def train_step(x, y):
        with gtlog.InstrumentedTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss
"""

from gtlog import _compat  # noqa: F401  (first: it says what to install without TensorFlow)
from gtlog import summaries, testing
from gtlog.decorator import logged_step
from gtlog.errors import LoggingError, LoggingWarning
from gtlog.logger import StepLogger
from gtlog.record import StepRecord, TapeRecord, VariableRecord
from gtlog.schedule import every_seconds, every_steps, log_spaced, overhead
from gtlog.tape import InstrumentedTape

__all__ = [
    "InstrumentedTape",
    "LoggingError",
    "LoggingWarning",
    "StepLogger",
    "StepRecord",
    "TapeRecord",
    "VariableRecord",
    "every_seconds",
    "every_steps",
    "log_spaced",
    "logged_step",
    "overhead",
    "summaries",
    "testing",
]

__version__ = "0.1.0"
