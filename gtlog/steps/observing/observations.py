"""What a step sees of one `tape.gradient` call: values before the update, loss and gradients.

An observation is made just before TensorFlow computes the gradients, when the variables still have
their old values, and is given the gradients just after.
"""

from gtlog import _compat
from gtlog.graphs import loss_scale
from gtlog.steps.active_step import Observation
from gtlog.steps.observing.flat_gradients import FlatGradients
from gtlog.tensors.gradients import unscaled


class EagerObservation(Observation):
    """Hands eager tensors straight to the capture.

    Args:
      call: `GradientCall`.
      capture: `Capture` of the step.
      target: List of the tensors that are differentiated.
      is_new: Whether they are a loss that no earlier call of the step has differentiated.
      scale: `LossScale` of target and gradients; None if nobody knows it.
    """

    def __init__(self, call, capture, target, is_new, scale=None):
        self._call = call
        self._scale = scale or loss_scale.LossScale(None, loss_scale.note_on(None))
        self._capture = capture
        self._losses = target if is_new else []
        if call.variables:
            capture.add_asked(call.asked, [known.variable for known in call.known_variables])
        with _compat.stop_recording():
            call.add_before(capture, call.read_before())

    def take(self, result):
        """Takes what `gradient` returned, in the structure of the sources."""
        call, capture = self._call, self._capture
        with call.failures.guard("read the gradients"):
            pairs = call.with_gradients(result)
            factor, note = self._scale
            call.add_note(capture, note)
            losses = self._losses
            if factor is not None:
                losses = [unscaled(loss, factor) for loss in losses]
                pairs = [(known, unscaled(gradient, factor)) for known, gradient in pairs]
            call.add_losses(capture, losses)
            call.add_gradients(capture, pairs)


class GraphObservation(Observation):
    """Has tensors of the graph handed over: values before the update here, gradients later.

    They leave in two parts, so the values need not wait for the gradients, and the optimizer may
    update one variable while the next gradient is computed.

    Args:
      call: `GradientCall`.
      handover: `Handover`.
      target: List of the symbolic tensors that are differentiated.
      is_new: Whether they are a loss that no earlier call of the step has differentiated.
      scale: `LossScale` of target and gradients; None looks for one in the graph.
      is_read_at_call: Whether the host reads the values before the update.
    """

    def __init__(self, call, handover, target, is_new, scale=None, is_read_at_call=False):
        self._call = call
        self._handover = handover
        self._target = target
        self._is_new = is_new
        self._scale = scale
        self._is_read_at_call = is_read_at_call
        if call.compared and not is_read_at_call:
            receiver = _Receiver(call, handover)
            handover.hand_over_values(call.compared, call.read_before, receiver.take_before)

    def take(self, result):
        """Takes what `gradient` returned, in the structure of the sources."""
        with self._call.failures.guard("read the gradients"):
            pairs = self._call.with_gradients(result)
            losses = self._target if self._is_new else []
            if pairs or losses or self._is_read_at_call:
                self._hand_over(pairs, losses)

    def _hand_over(self, pairs, losses):
        layout, tensors = FlatGradients.of([gradient for _, gradient in pairs])
        scale = self._scale or loss_scale.seen_in(self._target)
        scales = [] if scale.factor is None else [scale.factor]
        receiver = _GradientReceiver(
            self._call,
            self._handover,
            known_variables=[known for known, _ in pairs],
            layout=layout,
            note=scale.note,
            losses=len(losses),
            scales=len(scales),
            is_read_at_call=self._is_read_at_call,
        )
        self._handover.hand_over([*scales, *losses, *tensors], receiver.take)


class _Receiver:
    """Files what arrives on the host.

    TensorFlow keeps this object for as long as the process lives. So it never sees a tensor of the
    graph: that tensor would keep the graph, and the memory of its variables.
    """

    def __init__(self, call, handover):
        self._call = call
        self._handover = handover

    def take_before(self, values):
        """Takes pairs of `KnownVariable` and its eager value before the update."""
        capture = self._handover.capture
        if capture is not None:
            with self._call.failures.guard("read the values before the update", capture.step):
                capture.add_asked(self._call.asked)
                self._call.add_before(capture, values)


class _GradientReceiver:
    """As `_Receiver`, of loss scale, losses and gradients in one flat list."""

    def __init__(
        self, call, handover, known_variables, layout, note, losses, scales, is_read_at_call
    ):
        self._call = call
        self._handover = handover
        self._known_variables = known_variables
        self._layout = layout
        self._note = note
        self._first_loss, self._first_gradient = scales, scales + losses
        self._is_read_at_call = is_read_at_call

    def take(self, *flat):
        """Takes the eager tensors."""
        capture = self._handover.capture
        if capture is not None:
            with self._call.failures.guard("read the gradients", capture.step):
                self._file(capture, flat)

    def _file(self, capture, flat):
        call = self._call
        if self._is_read_at_call:
            call.add_values_at_call(capture)
        call.add_note(capture, self._note)
        losses = flat[self._first_loss : self._first_gradient]
        gradients = self._layout.gradients(flat[self._first_gradient :])
        for scale in flat[: self._first_loss]:
            losses = [unscaled(loss, scale) for loss in losses]
            gradients = [unscaled(gradient, scale) for gradient in gradients]
        call.add_losses(capture, losses)
        call.add_gradients(capture, zip(self._known_variables, gradients))
