"""What a step sees of one `tape.gradient` call: values before the update, loss and gradients.

`EagerObservation` and `GraphObservation` are made just before TensorFlow computes the gradients,
when the variables still have their old values, and are given the gradients just after.
"""

import tensorflow as tf

from gtlog import _compat
from gtlog.graphs import loss_scale
from gtlog.records.asked import Asked
from gtlog.records.losses import Target
from gtlog.tensors.gradients import unscaled
from gtlog.variables import naming, roles
from gtlog.variables.registry import BEFORE_UPDATE, read_each


class _Observation:
    """What both kinds share.

    Args:
      step: The step that is active.
      tape: The tape that differentiates.
      target: As given to `gradient`; any structure of tensors.
      sources: As given to `gradient`; any structure of variables and tensors.
    """

    def __init__(self, step, tape, target, sources):
        self._failures = step.failures
        self._enclosed = step.encloses(tape)
        self._replica = _compat.replica_id()
        self._name = tape.gtlog_name
        with _compat.stop_recording():
            self._target = _tensors(target)
            self._losses = self._target if step.first_seen(target) else []
        self._variables = _variables(sources, step.registry)
        self._of_model = step.registry.add_model()
        known_variables = [known for _, known in self._variables]
        self._asked = Asked(known_variables, tape)
        step.touched(known_variables)
        self._told_apart_by = Target(self._name, self._source_paths(sources), place=0)
        if self._losses:
            place = step.place_of(tape, self._told_apart_by.key)
            self._told_apart_by = self._told_apart_by._replace(place=place)

    @property
    def _unchanged(self):
        """The variables whose value before the update is to be kept: replicas have equal copies.

        Of the `model` those too that are not asked for: it is worth a figure that they stand still.
        """
        if self._replica:
            return []
        known_variables = dict.fromkeys(known for _, known in self._variables)
        known_variables.update(
            (known, None) for known in self._of_model if known.role != roles.MOVING_STATISTIC
        )
        return list(known_variables)

    def _source_paths(self, sources):
        """Paths of the sources that are variables, those included that the filter leaves out."""
        known_by_position = dict(self._variables)
        flat = enumerate(tf.nest.flatten(sources))
        paths = (_path(source, known_by_position.get(position)) for position, source in flat)
        return tuple(dict.fromkeys(path for path in paths if path is not None))

    def _add_losses(self, capture, losses):
        if losses:
            capture.add_loss(self._told_apart_by, losses, self._enclosed, self._replica)

    def _add_gradients(self, capture, pairs):
        for known, gradient in pairs:
            capture.add_gradient(known, gradient, self._enclosed, self._replica, self._name)

    def _add_before(self, capture, pairs):
        asked = [known for _, known in self._variables]
        capture.add_of_tape(self._name, asked, self._enclosed)
        for known, value in pairs:
            with self._failures.guard("compare the values of a variable", capture.step):
                capture.add_before(known, value)

    def take(self, result):
        """Takes what `gradient` returned, in the structure of the sources."""
        with self._failures.guard("read the gradients"):
            self._take(self._gradients_of(result))

    def _note(self, capture, note):
        """Says what is known of the target's loss scale; not while tracing, which may be undone."""
        capture.add_note(note)
        if note == loss_scale.UNKNOWN:
            self._failures.notice(loss_scale.NOTICE)

    def _gradients_of(self, result):
        """Pairs of `KnownVariable` and its gradient, None gradients said and left out."""
        flat = tf.nest.flatten(result)
        pairs = [(known, flat[position]) for position, known in self._variables]
        missing = [known.path for known, gradient in pairs if gradient is None]
        if missing:
            self._failures.notice(
                f"tape.gradient returned None for {', '.join(map(repr, missing))}: the target does "
                "not depend on them as far as the tape recorded. Their weights are logged, their "
                "gradients cannot be."
            )
        pairs = [(known, gradient) for known, gradient in pairs if gradient is not None]
        self._asked.answered(known for known, _ in pairs)
        return pairs


class EagerObservation(_Observation):
    """Hands the eager tensors straight to the capture."""

    def __init__(self, step, capture, tape, target, sources):
        super().__init__(step, tape, target, sources)
        self._capture = capture
        if self._variables:
            capture.add_asked(self._asked, [known.variable for _, known in self._variables])
        with _compat.stop_recording():
            before = read_each(self._unchanged, self._failures, BEFORE_UPDATE)
            self._add_before(capture, before)

    def _take(self, pairs):
        self._note(self._capture, loss_scale.note_on(None))
        self._add_losses(self._capture, self._losses)
        self._add_gradients(self._capture, pairs)


class GraphObservation(_Observation):
    """Places two gated branches in the graph: one here, one behind the gradients.

    The values before the update leave in a branch of their own, which need not wait for the
    gradients, so the optimizer may update one variable while the next gradient is computed.
    """

    def __init__(self, step, gate, tape, target, sources):
        super().__init__(step, tape, target, sources)
        self._gate = gate
        known_variables = self._unchanged
        if known_variables:
            gate.hand_over_values(
                known_variables,
                lambda: read_each(known_variables, self._failures, BEFORE_UPDATE),
                self._receive_before,
            )

    def _take(self, pairs):
        if not pairs and not self._losses:
            return
        known_variables = [known for known, _ in pairs]
        layout = _Layout([gradient for _, gradient in pairs])
        scale = loss_scale.factor_of(self._target)
        note = loss_scale.note_on(scale)
        scales = [] if scale is None else [scale]
        tensors = [*scales, *self._losses, *layout.take_tensors()]
        first, count = len(scales), len(scales) + len(self._losses)
        # TensorFlow keeps the callbacks for as long as the process lives. With a tensor of the
        # graph they would keep the graph, and the memory of its variables.
        self._losses, self._target, scale, scales = [], [], None, None
        self._gate.hand_over(
            tensors,
            lambda *flat: self._receive(
                flat[:first],
                note,
                flat[first:count],
                known_variables,
                layout.gradients(flat[count:]),
            ),
        )

    def _receive_before(self, values):
        capture = self._gate.capture
        if capture is not None:
            with self._failures.guard("read the values before the update", capture.step):
                capture.add_asked(self._asked)
                self._add_before(capture, values)

    def _receive(self, scales, note, losses, known_variables, gradients):
        capture = self._gate.capture
        if capture is not None:
            with self._failures.guard("read the gradients", capture.step):
                self._add(capture, scales, note, losses, known_variables, gradients)

    def _add(self, capture, scales, note, losses, known_variables, gradients):
        self._note(capture, note)
        for scale in scales:
            losses = [unscaled(loss, scale) for loss in losses]
            gradients = [unscaled(gradient, scale) for gradient in gradients]
        self._add_losses(capture, losses)
        self._add_gradients(capture, zip(known_variables, gradients))


class _Layout:
    """How gradients, `tf.IndexedSlices` among them, lie in one flat list of dense tensors."""

    def __init__(self, gradients):
        self._is_sparse = [isinstance(gradient, tf.IndexedSlices) for gradient in gradients]
        self._tensors = []
        for gradient, is_sparse in zip(gradients, self._is_sparse):
            self._tensors += [gradient.values, gradient.indices] if is_sparse else [gradient]

    def take_tensors(self):
        """The flat list, which is not kept."""
        tensors, self._tensors = self._tensors, None
        return tensors

    def gradients(self, tensors):
        """The gradients made again from eager tensors in the order of `tensors`."""
        remaining = iter(tensors)
        return [
            tf.IndexedSlices(next(remaining), next(remaining)) if is_sparse else next(remaining)
            for is_sparse in self._is_sparse
        ]


def _tensors(target):
    """The numbers that are differentiated; strings and variants among them TensorFlow skips."""
    parts = tf.nest.flatten(target, expand_composites=True)
    tensors = [tf.convert_to_tensor(part) for part in parts if part is not None]
    return [one for one in tensors if one.dtype.is_floating or one.dtype.is_complex]


def _path(source, known):
    """The path of a source that is a variable, None for a tensor."""
    if known is not None:
        return known.path
    if _compat.resource_variable(source) is None:
        return None
    return naming.own_path(_compat.full_name(source))


def _variables(sources, registry):
    """Position and `KnownVariable` of each source that is a variable, the first of equal ones."""
    positions = {}
    for position, source in enumerate(tf.nest.flatten(sources)):
        known = registry.add(source)
        if known is not None:
            positions.setdefault(known, position)
    return [(position, known) for known, position in positions.items()]
