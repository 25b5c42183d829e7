"""What an optimizer of any Keras keeps: its count of updates, its learning rate and its slots.

The functions tell three generations apart by their attributes, not by their version:

* legacy: TensorFlow 2.3, python/keras/optimizer_v2/optimizer_v2.py, until 2.10 and as
  `tf.keras.optimizers.legacy` until 2.15: `_hyper`, `get_slot_names`;
* Keras 2.11 to 2.15, keras/src/optimizers/optimizer.py: lists beside `_index_dict`;
* Keras 3, keras/src/optimizers/base_optimizer.py: lists beside `_trainable_variables`.
"""

import tensorflow as tf

from gtlog._compat.keras import is_optimizer
from gtlog._compat.recording import stop_recording
from gtlog._compat.variables import resource_variable


def innermost_optimizer(optimizer):
    """The optimizer itself, or the inner one if an optimizer only scales the loss for it."""
    for name in ("inner_optimizer", "_optimizer"):
        inner = vars(optimizer).get(name)
        if is_optimizer(inner):
            return innermost_optimizer(inner)
    return optimizer


def iterations_variable(optimizer):
    """The variable that counts the updates; None if none was made yet.

    The property `iterations` would make one.
    """
    iterations = vars(optimizer).get("_iterations")
    return None if iterations is None else resource_variable(iterations)


def learning_rate_parts(optimizer):
    """The parts of an optimizer's learning rate.

    Returns:
      The rate: a variable, a schedule, a function without arguments, a number or None. And the
      decay by which legacy optimizers divide the rate: a variable, a number, or None without one.
    """
    hyper = vars(optimizer).get("_hyper")
    if not isinstance(hyper, dict):
        return _plain(vars(optimizer).get("_learning_rate")), None
    decays = (getattr(optimizer, "_initial_decay", None) or 0.0) > 0.0
    decays = decays and not _has_class(optimizer, "Nadam")  # Nadam decays its momentum
    return _plain(hyper.get("learning_rate")), _plain(hyper.get("decay")) if decays else None


def _plain(part):
    inner = resource_variable(part)
    return part if inner is None else inner


def is_schedule(rate):
    """Whether a learning rate is a schedule of any Keras, called with the count of updates."""
    return _has_class(rate, "LearningRateSchedule")


def _has_class(thing, name):
    return any(kind.__name__ == name for kind in type(thing).__mro__)


def scheduled_rate(optimizer, schedule, updates):
    """The learning rate of a schedule before the next update, as the optimizer computes it.

    Args:
      optimizer: The innermost optimizer.
      schedule: Its schedule.
      updates: How many updates the optimizer has made so far.

    Returns:
      float.
    """
    is_legacy = isinstance(vars(optimizer).get("_hyper"), dict)
    count = tf.constant(updates, tf.float32 if is_legacy else tf.int64)
    with stop_recording():
        return float(tf.convert_to_tensor(schedule(count)))


def slots_of(optimizer, variables):
    """The slots that an optimizer keeps for variables.

    Args:
      optimizer: The innermost optimizer.
      variables: List of `tf.Variable`, the inner ones of Keras variables.

    Returns:
      List of tuples, one for each slot: the place of the variable in `variables`, the name of the
      slot and a `tf.Variable`. A variable that the optimizer does not train has no slot.
    """
    if hasattr(optimizer, "get_slot_names"):
        slots = _slots_by_name(optimizer, variables)
    else:
        slots = _slots_in_lists(optimizer, variables)
    inner = [(place, name, resource_variable(slot)) for place, name, slot in slots]
    return [one for one in inner if one[2] is not None]


def _slots_by_name(optimizer, variables):
    names = optimizer.get_slot_names()
    for place, variable in enumerate(variables):
        for name in names:
            try:
                yield place, name, optimizer.get_slot(variable, name)
            except KeyError:  # the optimizer does not train this variable
                break


def _slots_in_lists(optimizer, variables):
    position_of = _positions(optimizer)
    lists = {
        _name_of_slot(name): slots
        for name, slots in vars(optimizer).items()
        if isinstance(slots, list) and len(slots) == len(position_of) and name not in _NO_SLOTS
    }
    keys = [_key_of(optimizer, variable) for variable in variables]
    for place, key in enumerate(keys):
        if key in position_of:
            for name, slots in lists.items():
                yield place, name, slots[position_of[key]]


def _positions(optimizer):
    """The place of each variable in the lists of slots, by its key."""
    trained = vars(optimizer).get("_trainable_variables")
    if trained is None:
        return vars(optimizer).get("_index_dict") or {}
    return {id(resource_variable(one)): position for position, one in enumerate(trained)}


def _key_of(optimizer, variable):
    if "_trainable_variables" in vars(optimizer):
        return id(variable)
    return optimizer._var_key(variable) if "_index_dict" in vars(optimizer) else None


_NO_SLOTS = ("_variables", "_trainable_variables")


def _name_of_slot(attribute):
    """The name of one of the slots in a list.

    >>> _name_of_slot("_velocities"), _name_of_slot("momentums"), _name_of_slot("_m")
    ('velocity', 'momentum', 'm')
    """
    name = attribute.lstrip("_")
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") else name
