"""The three ways to decorate a step, for tests that state the same of each."""

import tensorflow as tf

WAYS = {
    "eager": lambda decorate, step: decorate(step),
    "above": lambda decorate, step: decorate(tf.function(step)),
    "beneath": lambda decorate, step: tf.function(decorate(step)),
}
