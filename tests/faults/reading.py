"""What TensorBoard finds in a log directory, and what is in its event files to the last byte."""

import glob
import os
import pathlib
import struct

import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator


def event_files(logdir):
    """The event files of a directory, in the order in which TensorBoard reads them."""
    return sorted(glob.glob(os.path.join(glob.escape(str(logdir)), "*tfevents*")))


def steps_in_files(logdir):
    """The steps of all whole events with values, file by file; a last record may be cut off."""
    steps = []
    for path in event_files(logdir):
        content = pathlib.Path(path).read_bytes()
        while len(content) >= 12:
            (length,) = struct.unpack("<Q", content[:8])
            if len(content) < 12 + length + 4:
                break
            event = tf.compat.v1.Event.FromString(content[12 : 12 + length])
            if event.summary.value:
                steps.append(event.step)
            content = content[12 + length + 4 :]
    return steps


def has_half_a_record(path):
    """Whether a file ends within a record."""
    content = pathlib.Path(path).read_bytes()
    while len(content) >= 12:
        (length,) = struct.unpack("<Q", content[:8])
        content = content[12 + length + 4 :] if len(content) >= 12 + length + 4 else b"x"
    return bool(content)


def points(logdir, tag):
    """The steps and values of a scalar as TensorBoard shows them, after it dropped what it drops.

    Its own reader takes the events from the files; where a step comes again or runs back, its data
    server drops the points from there on.
    """
    accumulator = event_accumulator.EventAccumulator(
        str(logdir), size_guidance={event_accumulator.TENSORS: 0}
    )
    accumulator.Reload()
    kept = {}
    if tag in accumulator.Tags()["tensors"]:
        for event in accumulator.Tensors(tag):
            kept = {step: value for step, value in kept.items() if step < event.step}
            kept[event.step] = float(tf.make_ndarray(event.tensor_proto))
    return kept
