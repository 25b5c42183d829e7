"""The batches of Keras `fit`, numbered as steps and logged by a callback.

What happens inside `fit` may be out of reach: Keras's own `train_step` has a tape of its own, and
XLA compiles no callback. The callback sees the variables between the batches. On request the steps
are watched from inside as well, and log themselves.
"""

from gtlog import _compat
from gtlog.records.collected import Capture
from gtlog.steps.fit import keras_logs


class FitSteps:
    """Numbers the batches that `fit` trains on as steps, and logs the variables around them.

    Args:
      parts: `LoggerParts`.
      watched: `WatchedModels`, which shows gradients; None if nobody asked for gradients.
    """

    def __init__(self, parts, watched=None):
        self._counter = parts.counter
        self._failures = parts.failures
        self._registry = parts.registry
        self._post_hook = parts.post_hook
        self._watched = watched
        self._first = None
        self._capture = None
        self._is_watched = self._is_training = False

    def enter(self, model):
        """Prepares for a model that Keras begins to run: whether for `fit` is not known yet."""
        self._is_training = False
        if self._watched is not None and not _compat.is_plain_graph():
            with self._failures.guard("watch the steps of fit"):
                self._watched.enter(model)

    def begin_training(self):
        """Notes that `fit` has begun."""
        self._is_training = True

    def begin_without_training(self, model):
        """Notes that Keras evaluates or predicts, inside `fit` or instead of it."""
        if not self._is_training:
            self.leave(model)

    def leave(self, model):
        """Ends `fit`."""
        self._is_training = False
        if self._watched is not None:
            self._watched.leave(model)

    def begin(self, batch, model):
        """Begins the steps that start with a batch.

        Args:
          batch: Index of the batch in its epoch.
          model: The Keras model.
        """
        self._first, self._capture = batch, None
        self._is_watched = self._watched is not None and self._watched.is_watched(model)
        with self._failures.guard("look through the model"):
            self._registry.objects.add_object("", model)  # its variables have their names from it
        if _compat.is_plain_graph():
            return
        if self._counter.is_in_graph and not self._is_watched:
            return  # a decorated train_step logs from inside the graph
        number, is_due = self._counter.begin_ahead()
        if self._is_watched:
            with self._failures.guard("watch the steps of fit", number):
                due = self._counter.look_ahead(_compat.steps_per_execution(model))
                self._watched.announce(model, number, due)
        if is_due and not (self._is_watched and self._watched.is_seen(model)):
            with self._failures.guard("read the variables", number):
                self._capture = self._with_values_before(number, model)

    def end(self, batch, batches, model, logs):
        """Ends steps after their updates, and logs the last one, unless they log themselves.

        Args:
          batch: Index of the last batch. Keras 3 counts as if there were always as many batches
            as it runs at once, also at the end of an epoch.
          batches: How many batches the epoch has, None if Keras does not know.
          model: The Keras model.
          logs: Keras's logs.
        """
        capture, self._capture = self._capture, None
        last = batch if batches is None else min(batch, batches - 1)
        count = last - self._first + 1
        number, is_due = self._counter.end_ahead(count)
        if is_due and not (self._is_watched and self._watched.execution.asked):
            if self._is_watched and self._watched.is_seen(model):
                self._watched.renew(model)
            if capture is None or count > 1:  # only the update of a single step is logged
                capture = Capture(number)
            with self._counter.logging(), self._failures.guard("log the model", number):
                capture.of_model = self._registry.add_model(model)
                capture.used = capture.of_model
                self._post_hook.finish_eagerly(capture)
        if is_due or (self._is_watched and self._watched.execution.was_logged):
            self._log(keras_logs.scalars_so_far, logs)
        self._failures.raise_pending()

    def end_epoch(self, logs):
        """Logs what Keras shows of an epoch.

        Args:
          logs: Keras's logs.
        """
        self._log(keras_logs.scalars_of_epoch, logs)
        self._failures.raise_pending()

    def _log(self, scalars, logs):
        if self._watched is not None:
            number = self._counter.latest()
            with self._failures.guard("log the metrics of Keras", number):
                self._post_hook.write_between(number, scalars(logs))

    def _with_values_before(self, number, model):
        capture = Capture(number)
        with _compat.stop_recording():
            for known in self._registry.add_all(_compat.trained_variables_of(model)):
                capture.add_before(known, known.read())
        return capture
