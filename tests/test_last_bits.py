"""TensorFlow's graph optimizer, and what docs/known-issues.md says against its last bits."""

import json

import pytest

# Each program has a result that the optimizer merges with what the user makes of it, if nobody else
# reads it: sums with sums, products with constants.
PROGRAMS = """
import hashlib, json, sys, tempfile
import numpy as np
import tensorflow as tf
options = json.loads(sys.argv[1])
if options:
    tf.config.optimizer.set_experimental_options(options)
import gtlog

def product(tape_class, w, b, x):
    with tape_class() as tape:
        loss = tf.reduce_mean(tf.tanh(x @ w + b) ** 2) * 0.3
    by_w, by_b = tape.gradient(loss, [w, b])
    w.assign_sub(by_w)
    b.assign_sub(by_b)
    return loss * 0.7

def quotient(tape_class, w, b, x):
    with tape_class() as tape:
        loss = tf.reduce_sum(tf.tanh(x @ w + b) ** 2) / 3.0
    by_w, by_b = tape.gradient(loss, [w, b])
    w.assign_sub(by_w / 7.0 * 0.1)
    b.assign_sub(by_b / 7.0 * 0.1)
    return loss / 11.0

def sums(tape_class, w, b, x):
    with tape_class() as tape:
        parts = [tf.reduce_mean(one(x @ w + b)) for one in (tf.tanh, tf.sin, tf.cos)]
        loss = parts[0] + parts[1] + parts[2]
    by_w, by_b = tape.gradient(loss, [w, b])
    w.assign_sub(0.1 * by_w)
    b.assign_sub(0.1 * by_b)
    return loss + parts[0] + parts[1]

def decay(tape_class, w, b, x):
    with tape_class() as tape:
        loss = tf.reduce_mean(tf.tanh(x @ w + b) ** 2) + 0.01 * tf.nn.l2_loss(w)
    by_w, by_b = tape.gradient(loss, [w, b])
    w.assign_sub(0.1 * (by_w + 0.01 * w + 0.003 * w))
    b.assign_sub(0.1 * by_b)
    return loss + 0.5 + tf.reduce_sum(b)

def run(program, tape_class, decorate):
    random = np.random.RandomState(1)
    w = tf.Variable(random.normal(size=[16, 8]).astype("float32"), name="w")
    b = tf.Variable(random.normal(size=[8]).astype("float32"), name="b")
    step = decorate(tf.function(lambda x: program(tape_class, w, b, x)))
    losses = [step(x) for x in random.normal(size=[20, 32, 16]).astype("float32")]
    values = [one.numpy().tobytes() for one in (*losses, w, b)]
    return hashlib.sha256(b"".join(values)).hexdigest()

differ = []
for program in (product, quotient, sums, decay):
    bare = run(program, tf.GradientTape, lambda step: step)
    decorate = gtlog.logged_step(tempfile.mkdtemp(), every=5)
    if run(program, gtlog.InstrumentedTape, decorate) != bare:
        differ.append(program.__name__)
print(json.dumps(differ))
"""


def programs_that_differ(python, options):
    """The programs whose losses or weights are not those of the bare run, bit for bit."""
    out, _ = python.output(PROGRAMS, json.dumps(options))
    return json.loads(out.splitlines()[-1])


def test_the_documented_remedy(python):
    """With both options off, every program is bit for bit the undecorated one."""
    remedy = {"arithmetic_optimization": False, "constant_folding": False}
    assert programs_that_differ(python, remedy) == []


@pytest.mark.parametrize(
    "options",
    [{}, {"arithmetic_optimization": False}, {"constant_folding": False}],
    ids=["none", "arithmetic", "folding"],
)
def test_less_does_not_suffice(options, python):
    """The programs need both: with fewer options off, some of them differ."""
    assert programs_that_differ(python, options)
