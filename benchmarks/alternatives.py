"""One training step, logged in each of the ways there are: the cases that a row compares."""

import itertools
import os

import tensorflow as tf

import gtlog

NEVER = 10**9  # logs step 0, which the warm-up makes


class Alternatives:
    """Makes each case as a function without arguments that trains one step and logs it.

    Args:
      workload: `models.Workload`, which all cases train.
      folder: Directory; each case logs into one of its own in it.
    """

    def __init__(self, workload, folder):
        self._workload = workload
        self._folder = folder
        self._numbers = itertools.count()
        self._writers = []

    def flush(self):
        """Has everything that was logged written to the event files."""
        for writer in self._writers:
            writer.flush()

    def bare(self):
        """The step alone."""
        return self._on_batch(tf.function(self._workload.make_step()))

    def usual_eager(self):
        """The loop that people write behind the step."""
        step, model = self.bare(), self._workload.model
        writer, numbers = self._writer(), itertools.count()

        def logged_step():
            step()
            number = next(numbers)
            with writer.as_default():
                for layer in model.layers:
                    for variable in layer.weights:
                        tag = f"{layer.name}/{variable.name}"
                        tf.summary.histogram(tag, variable.numpy(), step=number)

        return logged_step

    def usual_in_graph(self, every=1):
        """The same loop inside the `tf.function`.

        Args:
          every: Steps 0, N, 2N, ... are logged.
        """
        step, model = self._workload.make_step(), self._workload.model
        writer, counter = self._writer(), tf.Variable(0, dtype=tf.int64)

        @tf.function
        def logged_step(x, y):
            loss = step(x, y)
            number = counter.read_value()
            with writer.as_default(), tf.summary.record_if(tf.equal(number % every, 0)):
                for layer in model.layers:
                    for variable in layer.weights:
                        tag = f"{layer.name}/{variable.name}"
                        tf.summary.histogram(tag, variable, step=number)
            counter.assign_add(1)
            return loss

        return self._on_batch(logged_step)

    def keras_callback(self):
        """The step as an epoch of its own for Keras's TensorBoard callback.

        Of the callback only `on_epoch_end` is called: what `fit` costs besides is not charged.
        """
        step, epochs = self.bare(), itertools.count()
        callback = keras_callback(self._workload.model, self._new_folder())

        def logged_step():
            step()
            callback.on_epoch_end(next(epochs), {})

        return logged_step

    def gtlog_above(self, every=1, tape_class=tf.GradientTape, **options):
        """gtlog, its decorator above `@tf.function`."""
        step = tf.function(self._workload.make_step(tape_class))
        return self._on_batch(gtlog.logged_step(self._writer(), every, **options)(step))

    def gtlog_beneath(self, every=1, tape_class=tf.GradientTape, summaries=None):
        """gtlog, its decorator beneath `@tf.function`."""
        decorate = gtlog.logged_step(self._writer(), every, summaries=summaries)
        return self._on_batch(tf.function(decorate(self._workload.make_step(tape_class))))

    def _on_batch(self, step):
        x, y = self._workload.batch
        return lambda: step(x, y)

    def _writer(self):
        self._writers.append(tf.summary.create_file_writer(self._new_folder()))
        return self._writers[-1]

    def _new_folder(self):
        return os.path.join(self._folder, str(next(self._numbers)))


def keras_callback(model, folder):
    """Keras's TensorBoard callback as `fit` would set it up, logging histograms alone."""
    callback = tf.keras.callbacks.TensorBoard(
        folder, histogram_freq=1, write_graph=False, profile_batch=0
    )
    callback.set_model(model)
    return callback
