"""Every supported shape of train_step, listed once.

A shape builds one and the same problem as its own kind of callable. It is given `decorate`, which
is `gtlog.logged_step(...)` or, for the bare run, the identity; and the tape's class.
"""

import contextlib
import dataclasses
import functools
from typing import Callable

import numpy as np
import tensorflow as tf

SEED = 7
EVERY = 3
STEPS = 7


def batches(count=STEPS):
    """The same few batches for every run."""
    random = np.random.RandomState(SEED)
    return [
        (
            tf.constant(random.randn(8, 5), tf.float32),
            tf.constant(random.randn(8, 2), tf.float32),
        )
        for _ in range(count)
    ]


class Problem:
    """Two layers with dropout between them, trained with weight decay and plain assignments."""

    def __init__(self):
        tf.random.set_seed(SEED)
        random = np.random.RandomState(SEED)
        self.variables = [
            tf.Variable(random.randn(5, 4), dtype=tf.float32, name="first/kernel"),
            tf.Variable(np.zeros(4), dtype=tf.float32, name="first/bias"),
            tf.Variable(random.randn(4, 2), dtype=tf.float32, name="second/kernel"),
            tf.Variable(np.zeros(2), dtype=tf.float32, name="second/bias"),
        ]

    def loss(self, x, y):
        """Mean squared error behind a dropout."""
        kernel, bias, second_kernel, second_bias = self.variables
        hidden = tf.nn.dropout(tf.nn.relu(x @ kernel + bias), 0.25)
        return tf.reduce_mean((hidden @ second_kernel + second_bias - y) ** 2)

    def update(self, gradients):
        """Gradient descent with weight decay."""
        for variable, gradient in zip(self.variables, gradients):
            variable.assign_sub(0.1 * gradient + 0.01 * variable)

    def train(self, tape_class, x, y):
        """The body that every shape of step has."""
        with tape_class() as tape:
            loss = self.loss(x, y)
        self.update(tape.gradient(loss, self.variables))
        return loss


def _function(problem, decorate, tape):
    @decorate
    def train_step(x, y):
        return problem.train(tape, x, y)

    return train_step


def _above(problem, decorate, tape):
    @decorate
    @tf.function
    def train_step(x, y):
        return problem.train(tape, x, y)

    return train_step


def _beneath(problem, decorate, tape):
    @tf.function
    @decorate
    def train_step(x, y):
        return problem.train(tape, x, y)

    return train_step


def _above_with_signature(problem, decorate, tape):
    @decorate
    @tf.function(
        input_signature=[tf.TensorSpec([None, 5]), tf.TensorSpec([None, 2])], autograph=False
    )
    def train_step(x, y):
        return problem.train(tape, x, y)

    return train_step


def _around_inner_function(problem, decorate, tape):
    @tf.function
    def inner(x, y):
        return problem.train(tape, x, y)

    @decorate
    def train_step(x, y):
        return inner(x, y)

    return train_step


def _called_from_function(problem, decorate, tape):
    @decorate
    @tf.function
    def train_step(x, y):
        return problem.train(tape, x, y)

    @tf.function
    def outer(x, y):
        return train_step(x, y)

    return outer


def _method(problem, decorate, tape):
    class Trainer:
        @decorate
        def train_step(self, x, y):
            return problem.train(tape, x, y)

    return Trainer().train_step


def _method_above(problem, decorate, tape):
    class Trainer:
        @decorate
        @tf.function
        def train_step(self, x, y):
            return problem.train(tape, x, y)

    return Trainer().train_step


def _method_beneath(problem, decorate, tape):
    class Trainer:
        @tf.function
        @decorate
        def train_step(self, x, y):
            return problem.train(tape, x, y)

    return Trainer().train_step


def _module_method(problem, decorate, tape, wrap):
    class Trainer(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = problem.variables

        @wrap
        def train_step(self, x, y):
            return problem.train(tape, x, y)

    return Trainer().train_step


def _module_method_above(problem, decorate, tape):
    return _module_method(problem, decorate, tape, lambda f: decorate(tf.function(f)))


def _module_method_beneath(problem, decorate, tape):
    return _module_method(problem, decorate, tape, lambda f: tf.function(decorate(f)))


def _bound_method(problem, decorate, tape):
    class Trainer:
        def train_step(self, x, y):
            return problem.train(tape, x, y)

    return decorate(Trainer().train_step)


def _bound_method_beneath(problem, decorate, tape):
    class Trainer:
        def train_step(self, x, y):
            return problem.train(tape, x, y)

    return tf.function(decorate(Trainer().train_step))


def _static_method(problem, decorate, tape):
    class Trainer:
        @staticmethod
        @decorate
        def train_step(x, y):
            return problem.train(tape, x, y)

    return Trainer.train_step


def _above_static_method(problem, decorate, tape):
    class Trainer:
        @decorate
        @staticmethod
        def train_step(x, y):
            return problem.train(tape, x, y)

    return Trainer().train_step


def _class_method(problem, decorate, tape):
    class Trainer:
        @classmethod
        @decorate
        def train_step(cls, x, y):
            return problem.train(tape, x, y)

    return Trainer.train_step


def _above_class_method(problem, decorate, tape):
    class Trainer:
        @decorate
        @classmethod
        def train_step(cls, x, y):
            return problem.train(tape, x, y)

    return Trainer.train_step


def _callable_object(problem, decorate, tape):
    class TrainStep:
        def __call__(self, x, y):
            return problem.train(tape, x, y)

    return decorate(TrainStep())


def _callable_object_beneath(problem, decorate, tape):
    class TrainStep:
        def __call__(self, x, y):
            return problem.train(tape, x, y)

    return tf.function(decorate(TrainStep()))


def _partial(problem, decorate, tape):
    return decorate(functools.partial(problem.train, tape))


def _partial_beneath(problem, decorate, tape):
    return tf.function(decorate(functools.partial(problem.train, tape)))


def _lambda(problem, decorate, tape):
    return decorate(lambda x, y: problem.train(tape, x, y))


def _step_context_of(decorate):
    """`logger.step` of the logger that `decorate` uses; for the bare run it does nothing."""
    logger = getattr(decorate(lambda: None), "step_logger", None)
    return contextlib.nullcontext if logger is None else logger.step


def _inline_step(problem, decorate, tape):
    step_context = _step_context_of(decorate)

    def train_step(x, y):
        with step_context():
            return problem.train(tape, x, y)

    return train_step


def _inline_step_around_function(problem, decorate, tape):
    step_context = _step_context_of(decorate)
    inner = tf.function(lambda x, y: problem.train(tape, x, y))

    def train_step(x, y):
        with step_context():
            return inner(x, y)

    return train_step


def _inline_step_in_function(problem, decorate, tape):
    return tf.function(_inline_step(problem, decorate, tape))


@dataclasses.dataclass(frozen=True)
class StepShape:
    """One shape of train_step.

    Attributes:
      name: What pytest shows.
      build: Function of problem, decorate and tape class that returns the step.
      runs_in_graph: Whether the step is traced, so that traces can be counted.
    """

    name: str
    build: Callable
    runs_in_graph: bool = False


SHAPES = (
    StepShape("function", _function),
    StepShape("above-tf-function", _above, True),
    StepShape("beneath-tf-function", _beneath, True),
    StepShape("above-tf-function-with-signature", _above_with_signature, True),
    StepShape("around-inner-tf-function", _around_inner_function),
    StepShape("called-from-tf-function", _called_from_function, True),
    StepShape("method", _method),
    StepShape("method-above-tf-function", _method_above, True),
    StepShape("method-beneath-tf-function", _method_beneath, True),
    StepShape("module-method-above-tf-function", _module_method_above, True),
    StepShape("module-method-beneath-tf-function", _module_method_beneath, True),
    StepShape("bound-method", _bound_method),
    StepShape("bound-method-beneath-tf-function", _bound_method_beneath, True),
    StepShape("static-method", _static_method),
    StepShape("above-static-method", _above_static_method),
    StepShape("class-method", _class_method),
    StepShape("above-class-method", _above_class_method),
    StepShape("callable-object", _callable_object),
    StepShape("callable-object-beneath-tf-function", _callable_object_beneath, True),
    StepShape("partial", _partial),
    StepShape("partial-beneath-tf-function", _partial_beneath, True),
    StepShape("lambda", _lambda),
    StepShape("inline-step", _inline_step),
    StepShape("inline-step-around-tf-function", _inline_step_around_function),
    StepShape("inline-step-in-tf-function", _inline_step_in_function, True),
)
