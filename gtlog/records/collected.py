"""What the tapes of one logged step have handed over so far."""

import dataclasses
from typing import Any, Dict, List, NamedTuple

import numpy as np
import tensorflow as tf

from gtlog.records.asked import facts
from gtlog.records.losses import MOST_OF_ONE_TAPE, Loss, description_of
from gtlog.records.step_record import StepRecord, TapeRecord, VariableRecord
from gtlog.tensors import gradients
from gtlog.tensors.arrays import array_of
from gtlog.values import joined


class Capture:
    """Collects losses, gradients and values before the update; all of them eager tensors.

    A gradient that was taken while an outer tape was still recording is an intermediate result
    (a gradient penalty, an inner loop of meta-learning). If the outer tape takes the gradient of
    the same variable as well, only the outer gradient counts. The same holds for losses.

    Gradients of one variable are summed while the variable keeps its value. If the step changes the
    variable between them (several updates in one step), they are gradients at different weights,
    and only those at the last value count. Of losses with the same key and place, the last counts.

    The replicas of a distribution strategy each hand over a part. An optimizer applies the sum of
    their gradients, which is the gradient of the sum of their losses.

    Args:
      step: Number of the step.

    Attributes:
      used: `KnownVariable`s that the step was seen to read. If no tape was asked for any variable,
        the step trains these.
      of_model: `KnownVariable`s that are logged because the `model` of the logger has them.
      is_mixed: Whether another step of the logger ran while this one did.
      is_from_graph: Whether anything came out of a graph.
      at_call: Dict from `KnownVariable` to its value before the call of the step's `tf.function`,
        where the host reads it.
      own: Dict from the tag of each value of the user's own to the last value with that tag.
      computed: Dict from summaries to what they have had computed at the end of the step's graph.
      is_over: Whether the step's function has returned by the time that the step is logged.
    """

    def __init__(self, step):
        self.step = step
        self.used = self.of_model = ()
        self.is_mixed = False
        self.is_from_graph = False
        self.at_call = {}
        self.own = {}
        self.computed = {}
        self.is_over = True
        self._before = {}
        self._latest = {}
        self._changes = {}
        self._changes_at_gradients = {}
        self._of_tapes = {True: {}, False: {}}
        self._gradients = {}
        self._losses = {}
        self._asked = []
        self._variables = []
        self._note = ""

    def add_own(self, value):
        """Keeps a value of the user's, to be written with the step; the last of a tag counts."""
        self.own[value.tag] = value

    def add_note(self, note):
        """Keeps what must be known to read losses and gradients; the first of a step counts."""
        self._note = self._note or note

    def add_asked(self, asked, variables=()):
        """Keeps what one `gradient` call was asked for.

        Args:
          asked: `Asked`.
          variables: Variables to keep alive to the end of the step, when they are read. The step
            may have made them for itself.
        """
        self._asked.append(asked)
        self._variables.extend(variables)

    def add_before(self, known, value):
        """Keeps the value that a variable has before the update; the first of a step counts.

        A later value shows whether the step has changed the variable since its last gradient.
        """
        self._before.setdefault(known, value)
        latest = self._latest.get(known)
        if latest is not None and not _is_same(latest, value):
            self._changes[known] = self._changes.get(known, 0) + 1
        self._latest[known] = value

    def add_of_tape(self, name, known_variables, enclosed):
        """Notes the variables whose gradients a tape of some name is asked for."""
        self._of_tapes[enclosed].setdefault(name, {}).update(dict.fromkeys(known_variables))

    def add_loss(self, target, tensors, enclosed, replica=0):
        """Adds what a replica differentiated.

        Args:
          target: `Target`, which distinguishes the loss from others.
          tensors: Eager tensors, whose sum is the loss.
          enclosed: Whether another tape was recording.
          replica: Number of the replica.
        """
        seen = self._losses.setdefault((target.key, target.place, enclosed), _Seen(target, {}, {}))
        seen.last[replica] = tensors
        seen.counts[replica] = seen.counts.get(replica, 0) + 1

    def add_gradient(self, known, gradient, enclosed, replica=0, name=""):
        """Adds one gradient that a replica took of one variable, by a tape of some name."""
        parts = self._gradients.setdefault(known, {}).setdefault(replica, [])
        changes = self._changes.get(known, 0)
        self._changes_at_gradients.setdefault(known, []).append(changes)
        part = _Part(gradient, enclosed, name, changes)
        parts[:] = [earlier for earlier in parts if not part.replaces(earlier)]
        parts.append(part)

    def drop_if_mixed(self):
        """Drops what may belong to an overlapping step. Returns whether anything was dropped."""
        if not (self.is_mixed and self.is_from_graph):
            return False
        self._before, self._gradients, self._losses, self._asked = {}, {}, {}, []
        self._latest, self._changes, self._of_tapes = {}, {}, {True: {}, False: {}}
        self.own = {}
        return True

    @property
    def trained(self):
        """The `KnownVariable`s that the step trains, as a set.

        These are the variables that a tape was asked for, also where no gradient can be handed
        over. If no tape was asked for any, they are the variables that the step uses, without those
        that a model keeps frozen.
        """
        asked = {known for call in self._asked for known in call.known_variables}
        asked |= {known for known in self.used if known.is_trained_unseen}
        return asked or {known for known in self.used if not known.is_frozen}

    @property
    def logged(self):
        """The `KnownVariable`s that are logged in the step, as a set."""
        return self.trained.union(self.of_model)

    @property
    def shows_what_is_trained(self):
        """Whether a tape was asked for the gradient of any variable."""
        return any(call.known_variables for call in self._asked)

    @property
    def has_gradients(self):
        """Whether any gradient arrived."""
        return bool(self._gradients)

    @property
    def changed_between(self):
        """Dict from each variable that changed between its gradients to how often it did."""
        counts = {
            known: max(changes) - min(changes)
            for known, changes in self._changes_at_gradients.items()
            if known in self._gradients
        }
        return {known: count for known, count in counts.items() if count}

    @property
    def differentiated(self):
        """What was differentiated in the step, in the order of the `gradient` calls.

        A list of what `loss_of` takes. Each item has an attribute `target`, a `Target`.
        """
        inner = [seen for (_, _, enclosed), seen in self._losses.items() if enclosed]
        outer = [seen for (_, _, enclosed), seen in self._losses.items() if not enclosed]
        return _few_of_each_tape(outer or inner)

    @staticmethod
    def loss_of(seen):
        """The `Loss` of an item of `differentiated`, summed over the replicas."""
        value = sum(_sum_of(tensors) for tensors in seen.last.values())
        return Loss(seen.target, value, max(seen.counts.values()))

    @property
    def with_gradient(self):
        """What a gradient arrived for, in order.

        First a `KnownVariable` for each gradient. Then an `OfTape` for each part of a gradient that
        tapes of one name took, unless that part is the whole gradient.
        """
        return [*self._gradients, *self._of_names()]

    def gradient_of(self, known):
        """The gradient of the step, summed over the replicas.

        Args:
          known: `KnownVariable`, or `OfTape`.
        """
        if isinstance(known, OfTape):
            return gradients.total(_totals(self._chosen(*known)))
        return gradients.total(self._parts(known))

    def _of_names(self):
        for name, known_variables in self._tapes().items():
            for known in known_variables:
                own = self._chosen(known, name)
                if any(own) and own != self._chosen(known):
                    yield OfTape(known, name)

    def record(self, values, named_losses, gradients):
        """The record of the step.

        Args:
          values: List of (`KnownVariable`, eager tensor of its value after the update).
          named_losses: List of (`Loss`, str), each with its name.
          gradients: Dict from what `with_gradient` lists to gradient.
        """
        trained = self.trained
        variables = {
            known: self._variable_record(known, value, gradients.get(known), known in trained)
            for known, value in values
        }
        is_alone = len(named_losses) == 1
        changed = _CHANGED_BETWEEN if self.changed_between else ""
        return StepRecord(
            step=self.step,
            losses=tuple(loss.value for loss, _ in named_losses),
            variables=tuple(variables.values()),
            gradient_note=joined(self._note, changed),
            loss_names=tuple(name for _, name in named_losses),
            loss_notes=tuple(
                joined(description_of(loss, is_alone), self._note) for loss, _ in named_losses
            ),
            tapes=tuple(self._tape_records(variables, gradients)),
            computed=self.computed,
            is_over=self.is_over,
        )

    def _variable_record(self, known, value, gradient, is_trained):
        is_replicated = gradient is not None and len(self._gradients.get(known, ())) > 1
        parts = self._parts(known) if is_replicated else ()
        return VariableRecord(
            path=known.path,
            role=known.role,
            value=value,
            before=self._before.get(known),
            gradient=gradient,
            layer=known.layer,
            replica_gradients=tuple(parts) if len(parts) > 1 else (),
            is_trained=is_trained,
            models=known.models,
            recounted=known.recounted,
            source=known,
            **facts(self._asked, known),
        )

    def _tape_records(self, variables, gradients):
        for name, known_variables in self._tapes().items():
            asked = [known for known in known_variables if known in variables]
            yield TapeRecord(
                name,
                tuple(
                    self._record_of_tape(variables[known], known, name, gradients)
                    for known in asked
                ),
            )

    def _record_of_tape(self, variable, known, name, gradients):
        """The variable with the part of its gradient that the tapes of a name took."""
        if not any(self._chosen(known, name)):
            return dataclasses.replace(variable, gradient=None, replica_gradients=())
        own = gradients.get(OfTape(known, name))
        if own is None:
            return variable
        return dataclasses.replace(variable, gradient=own, replica_gradients=())

    def _tapes(self):
        """Dict from the name of each named tape to the variables it was asked for."""
        asked = self._of_tapes[False] or self._of_tapes[True]
        return {name: known_variables for name, known_variables in asked.items() if name}

    def _parts(self, known):
        """The gradient of a variable that each replica took, in the order of their numbers."""
        return _totals(self._chosen(known))

    def _chosen(self, known, name=None):
        """The parts that count, a list for each replica; of tapes of one name, or of all."""
        by_replica = self._gradients.get(known, {})
        if name is None and len(by_replica) == 1:
            (parts,) = by_replica.values()
            if len(parts) == 1:
                return [parts]
        outermost = [_outermost(by_replica[replica]) for replica in sorted(by_replica)]
        if name is not None:
            outermost = [[part for part in parts if part.name == name] for parts in outermost]
        return [_latest(parts) for parts in outermost]


class OfTape(NamedTuple):
    """Stands for the gradient that tapes of one name took of a variable."""

    known: Any
    name: str

    @property
    def variable(self):
        """The `tf.Variable`."""
        return self.known.variable

    @property
    def path(self):
        """The path of the variable."""
        return self.known.path


class _Part:
    """One gradient of one variable.

    Args:
      gradient: Eager tensor or `tf.IndexedSlices`.
      enclosed: Whether another tape was recording.
      name: Name of the tape, empty without one.
      changes: How often the step had changed the variable between its gradients by then.
    """

    def __init__(self, gradient, enclosed, name, changes):
        self.gradient = gradient
        self.enclosed = enclosed
        self.name = name
        self.changes = changes

    def replaces(self, earlier):
        """Whether an earlier part counts no more, since it was taken at another value."""
        of_same_tapes = (earlier.enclosed, earlier.name) == (self.enclosed, self.name)
        return of_same_tapes and earlier.changes < self.changes


class _Seen(NamedTuple):
    """What replicas have differentiated under one key and place: the last, and how many."""

    target: Any
    last: Dict[int, List[Any]]
    counts: Dict[int, int]


def _outermost(parts):
    """The parts that no outer tape enclosed; all of them where each was enclosed."""
    return [part for part in parts if not part.enclosed] or parts


def _latest(parts):
    """The parts taken at the last value that the variable had."""
    last = max((part.changes for part in parts), default=0)
    return [part for part in parts if part.changes == last]


def _totals(chosen):
    """The gradient of each replica that has any."""
    return [gradients.total([part.gradient for part in parts]) for parts in chosen if parts]


def _few_of_each_tape(losses):
    """The losses. A tape with more than a few of them keeps its last one alone."""
    by_key = {}
    for seen in losses:
        by_key.setdefault(seen.target.key, []).append(seen)
    many = {key for key, of_key in by_key.items() if len(of_key) > MOST_OF_ONE_TAPE}
    few = [seen for seen in losses if seen.target.key not in many or seen.target.place == 0]
    return [_last_of(by_key[seen.target.key]) if seen.target.key in many else seen for seen in few]


def _last_of(of_key):
    counts = {replica: len(of_key) for replica in of_key[-1].last}
    return _Seen(of_key[0].target, of_key[-1].last, counts)


def _sum_of(target):
    return float(
        sum(np.sum(array_of(tf.convert_to_tensor(part)), dtype=np.float64) for part in target)
    )


def _is_same(one, other):
    """Whether two values of a variable are equal, bit for bit."""
    one, other = _flat(one), _flat(other)
    if one.__array_interface__["data"] == other.__array_interface__["data"]:
        return True
    return np.array_equal(one.view(np.uint8), other.view(np.uint8))


def _flat(tensor):
    return array_of(tensor).reshape(-1)


_CHANGED_BETWEEN = (
    "Of a variable that the step changed between its `gradient` calls, the last gradient counts."
)
