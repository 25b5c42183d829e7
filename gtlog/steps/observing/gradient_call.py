"""The facts of one `tape.gradient` call, which file the tensors that arrive from it."""

import dataclasses
from typing import Tuple

import tensorflow as tf

from gtlog import _compat
from gtlog.graphs import loss_scale
from gtlog.notices.failures import Failures
from gtlog.records.asked import Asked
from gtlog.records.losses import Target
from gtlog.steps import messages
from gtlog.variables import naming, roles
from gtlog.variables.reading import BEFORE_UPDATE, read_each
from gtlog.variables.registry import KnownVariable


@dataclasses.dataclass(frozen=True)
class GradientCall:
    """What is known of one `gradient` call.

    A graph may keep it for as long as the process lives, so it holds no tensor.

    Attributes:
      variables: Pairs of a position among the sources and the `KnownVariable` that stands there.
      of_model: `KnownVariable`s of the logger's `model`.
      asked: `Asked`.
      loss_target: `Target`, which sets this loss apart from others.
      is_enclosed: Whether another tape was recording.
      replica: Number of the replica.
      failures: `Failures` of the logger.
    """

    variables: Tuple[Tuple[int, KnownVariable], ...]
    of_model: Tuple[KnownVariable, ...]
    asked: Asked
    loss_target: Target
    is_enclosed: bool
    replica: int
    failures: Failures

    @property
    def known_variables(self):
        """The `KnownVariable`s among the sources."""
        return [known for _, known in self.variables]

    def read_before(self):
        """Reads the values before the update at this point of the program.

        Returns:
          List of (`KnownVariable`, value), of those that can be read.
        """
        return read_each(self.compared, self.failures, BEFORE_UPDATE)

    @property
    def compared(self):
        """The variables whose value before the update is kept.

        Only the first replica keeps any, since the replicas have equal copies. Values of variables
        of the `model`, except moving statistics, are kept even if no gradient is asked for: it is
        worth a figure that these variables stand still.
        """
        if self.replica:
            return []
        known_variables = dict.fromkeys(self.known_variables)
        known_variables.update(
            (known, None) for known in self.of_model if known.role != roles.MOVING_STATISTIC
        )
        return list(known_variables)

    def with_gradients(self, result):
        """Pairs variables with their gradients, and warns of those whose gradient is None.

        Args:
          result: What `gradient` returned, in the structure of the sources.

        Returns:
          List of (`KnownVariable`, gradient).
        """
        flat = tf.nest.flatten(result)
        pairs = [(known, flat[position]) for position, known in self.variables]
        missing = [known.path for known, gradient in pairs if gradient is None]
        if missing:
            self.failures.notice(
                f"tape.gradient returned None for {', '.join(map(repr, missing))}: the target does "
                "not depend on them as far as the tape recorded. Their weights are logged, their "
                "gradients cannot be."
            )
        pairs = [(known, gradient) for known, gradient in pairs if gradient is not None]
        self.asked.answered(known for known, _ in pairs)
        return pairs

    def add_note(self, capture, note):
        """Files the note on the target's loss scale, and warns if the scale is unknown."""
        capture.add_note(note)
        if note == loss_scale.UNKNOWN:
            self.failures.notice(loss_scale.NOTICE)

    def add_losses(self, capture, losses):
        """Files the eager tensors that were differentiated."""
        if losses:
            capture.add_loss(self.loss_target, losses, self.is_enclosed, self.replica)

    def add_gradients(self, capture, pairs):
        """Files eager gradients, pairs of `KnownVariable` and gradient."""
        name = self.loss_target.name
        for known, gradient in pairs:
            capture.add_gradient(known, gradient, self.is_enclosed, self.replica, name)

    def add_before(self, capture, pairs):
        """Files eager values before the update, pairs of `KnownVariable` and value."""
        capture.add_of_tape(self.loss_target.name, self.known_variables, self.is_enclosed)
        for known, value in pairs:
            with self.failures.guard("compare the values of a variable", capture.step):
                capture.add_before(known, value)

    def add_values_at_call(self, capture):
        """Files the values before the update that the host has read before the graph ran."""
        capture.add_asked(self.asked)
        compared = self.compared
        known = [(one, capture.at_call[one]) for one in compared if one in capture.at_call]
        if not (known or capture.is_mixed):
            self.failures.notice(messages.NOT_CALLED_AS_STEP)
        self.add_before(capture, known)


def facts_of_call(tapes, registry, failures, tape, target, sources, model=None):
    """Collects the facts of a `gradient` call before TensorFlow computes it.

    Args:
      tapes: `TapesOfStep`.
      registry: `VariableRegistry`, to which the variables among the sources are added.
      failures: `Failures`.
      tape: The tape that differentiates.
      target: As given to `gradient`; any structure of tensors.
      sources: As given to `gradient`; any structure of variables and tensors.
      model: As `RunningStep.model`.

    Returns:
      `GradientCall`; and whether the target is a loss that no earlier call has differentiated.
    """
    is_new = tapes.is_new(target)
    variables = _variables(sources, registry)
    loss_target = Target(tape.gtlog_name, _source_paths(sources, dict(variables)), place=0)
    if is_new:
        loss_target = loss_target._replace(place=tapes.place_of(tape, loss_target.key))
    call = GradientCall(
        variables=variables,
        of_model=tuple(registry.add_model(model)),
        asked=Asked([known for _, known in variables], tape),
        loss_target=loss_target,
        is_enclosed=tapes.enclose(tape),
        replica=_compat.replica_id(),
        failures=failures,
    )
    return call, is_new


def tensors_of(target):
    """The floating and complex tensors of a target: TensorFlow differentiates no others."""
    parts = tf.nest.flatten(target, expand_composites=True)
    with _compat.stop_recording():
        tensors = [tf.convert_to_tensor(part) for part in parts if part is not None]
    return [tensor for tensor in tensors if tensor.dtype.is_floating or tensor.dtype.is_complex]


def _variables(sources, registry):
    """Position and `KnownVariable` of each source that is a variable, the first of equal ones."""
    positions = {}
    registry.look_anew()
    for position, source in enumerate(tf.nest.flatten(sources)):
        known = registry.add(source)
        if known is not None:
            positions.setdefault(known, position)
    return tuple((position, known) for known, position in positions.items())


def _source_paths(sources, known_by_position):
    """Paths of the sources that are variables, also of those that the filter leaves out."""
    flat = enumerate(tf.nest.flatten(sources))
    paths = (_path(source, known_by_position.get(position)) for position, source in flat)
    return tuple(dict.fromkeys(path for path in paths if path is not None))


def _path(source, known):
    """The path of a source that is a variable, None for a tensor."""
    if known is not None:
        return known.path
    if _compat.resource_variable(source) is None:
        return None
    return naming.own_path(_compat.full_name(source))
