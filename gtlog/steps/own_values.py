"""Numbers and pictures of the user's own, logged with the step that they belong to."""

import tensorflow as tf

from gtlog import _compat, tags
from gtlog.steps import messages
from gtlog.steps.active_step import active_step
from gtlog.tensors.arrays import array_of


class OwnValues:
    """Files values of the user's under a step.

    Inside a step, eager or in a graph, they belong to it, and are written if it is logged. Between
    two steps they belong to the one before, and are written at once, whether it is logged or not.

    Args:
      parts: `LoggerParts`.
      pending: `PendingStep` of the logger: the step of a plain loop lasts until the next begins.
    """

    def __init__(self, parts, pending):
        self._counter = parts.counter
        self._failures = parts.failures
        self._gate = parts.gate
        self._post_hook = parts.post_hook
        self._pending = pending

    @property
    def step(self):
        """The step of the logger that runs here, a `Step`; None between two steps."""
        step = active_step()
        if step is not None and step.post_hook is self._post_hook:
            return step
        return self._pending.step

    @property
    def number(self):
        """Number of the step that runs here, or of the one before; 0 before the first."""
        number = getattr(self.step, "number", None)
        return self._counter.latest() if number is None else number

    def add(self, tag, value, make):
        """Files a value.

        Args:
          tag: Its tag.
          value: Number, array or tensor, eager or symbolic.
          make: Function of a tag and an array that returns a value of `gtlog.values`.

        Raises:
          TypeError: `tag` is no string.
          ValueError: `tag` is empty, or one that gtlog itself writes.
        """
        _check_tag(tag)
        step, is_eager = self.step, tf.executing_eagerly()
        if is_eager and step is not None and step.capture is None:  # it is not logged
            return
        if _compat.replica_id():  # each replica runs this line
            return
        receiver = _Receiver(tag, make, self._failures)
        if is_eager:
            self._add_eagerly(step, receiver, value)
        else:
            with self._failures.guard(f"hand over {tag!r}"):
                self._add_in_graph(step, receiver, value)

    def _add_eagerly(self, step, receiver, value):
        if step is None:
            made = receiver.made(value)
            if made is not None:
                self._post_hook.write_between(self._counter.latest(), [made])
        else:
            receiver.take(step.capture, value)

    def _add_in_graph(self, step, receiver, value):
        if step is None:
            self._failures.notice(messages.VALUE_OUTSIDE.format(receiver.tag))
            return
        handover = step.handover(messages.VALUE_UNSEEN.format(receiver.tag))
        if handover is not None:
            receiver.hand_over(handover, value)


class _Receiver:
    """Makes a value of each array that arrives. A graph keeps the object, so it holds no tensor."""

    def __init__(self, tag, make, failures):
        self.tag = tag
        self._make = make
        self._failures = failures

    def made(self, value):
        """The value of `gtlog.values`. If the array cannot be one, reports so and returns None."""
        try:
            if _compat.resource_variable(value) is not None:
                value = tf.convert_to_tensor(value)
            return self._make(self.tag, array_of(value))
        except Exception as error:
            doing = f"log the value {self.tag!r}"
            self._failures.failed(doing, error, consequence="All else is logged.", once=doing)
            return None

    def take(self, capture, value):
        """Files an array or eager tensor under the step of a capture."""
        made = self.made(value)
        if made is not None:
            capture.add_own(made)

    def hand_over(self, handover, value):
        """Has a symbolic tensor handed over each time that a logged step runs the graph."""

        def arrived(tensor):
            if handover.capture is not None:
                self.take(handover.capture, tensor)

        handover.hand_over([tf.convert_to_tensor(value)], arrived)


def _check_tag(tag):
    if not isinstance(tag, str):
        raise TypeError(f"tag must be a string, got {tag!r} ({type(tag).__name__}).")
    if not tag:
        raise ValueError("tag must not be empty: it is the name of the chart.")
    if tags.kind_and_path(tag).kind is not None:
        raise ValueError(
            f"tag {tag!r} is one that gtlog writes itself. Choose another, such as "
            f"{'my/' + tag!r}."
        )
