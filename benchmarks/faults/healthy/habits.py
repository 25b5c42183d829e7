"""Habits of healthy trainings: schedules, clipping, freezing, odd data."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.hooks import Hook


class Habit(Hook):
    """A hook of a healthy run; `amount` is what differs between the halves."""

    def __init__(self, amount=None):
        self.amount = amount


class Rate(Habit):
    """A schedule of the learning rate: `amount(share)` of it, from the share of the run."""

    def prepare(self, training):
        self.between(training, -1)

    def between(self, training, step):
        factor = self.amount((step + 1) / training.steps)
        training.optimizer.learning_rate.assign(training.rate * factor)


def warm_up(share):
    """From 0 to the whole rate in a share of the run."""
    return lambda done: min(1.0, done / share)


def warm_up_to_end(power):
    """A rate that rises over the whole run."""
    return lambda done: 0.02 + 2.0 * done**power


def cosine(cycles):
    """Cosines down to 0, with restarts."""
    return lambda done: 0.5 * (1 + np.cos(np.pi * ((done * cycles) % 1.0 if done < 1 else 1.0)))


def staircase(factor, stairs):
    """A rate that is multiplied some times."""
    return lambda done: factor ** int(done * stairs)


def one_cycle(peak):
    """Up to a multiple of the rate, and down to next to nothing."""
    return lambda done: peak * (0.1 + 1.8 * done if done < 0.5 else 2.0 * (1 - done)) + 1e-3


def decaying(last):
    """A rate that decays to a share of itself."""
    return lambda done: last**done


def triangles(number):
    """A rate that goes up and down in straight lines."""
    return lambda done: 0.1 + 1.4 * abs((done * number) % 1.0 - 0.5) * 2


class Clipping(Habit):
    """Gradients that are always clipped to a norm."""

    def gradients(self, training, gradients, level):
        return tf.clip_by_global_norm(gradients, self.amount)[0]


class SignOnly(Habit):
    """Each gradient divided by its own norm."""

    def gradients(self, training, gradients, level):
        return [self.amount * tf.math.l2_normalize(one) for one in gradients]


class Accumulation(Habit):
    """An update every few steps, of the mean of the gradients since; nothing in between."""

    def prepare(self, training):
        self.sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in training.variables]

    def level(self, step):
        return float(step % self.amount == self.amount - 1)

    def gradients(self, training, gradients, level):
        self.is_due = level
        for total, gradient in zip(self.sums, gradients):
            total.assign_add(tf.convert_to_tensor(gradient) / self.amount)
        return [tf.identity(total) for total in self.sums]

    def updated(self, training, before, level):
        for variable, value, total in zip(training.variables, before, self.sums):
            variable.assign(tf.where(level > 0, variable, value))
            total.assign(tf.where(level > 0, tf.zeros_like(total), total))


class SkippedSteps(Habit):
    """Steps of a loss scale: gradients are infinite, and nothing is applied."""

    def level(self, step):
        return float(step in self.amount)

    def loss(self, loss, level):
        return loss

    def tap(self, layer, value, level):
        @tf.custom_gradient
        def overflow(x):
            return tf.identity(x), lambda slope: slope + tf.where(level > 0, np.inf, 0.0)

        return overflow(value)

    def updated(self, training, before, level):
        for variable, value in zip(training.variables, before):
            variable.assign(tf.where(level > 0, value, variable))

    def gradients(self, training, gradients, level):
        return [tf.where(level > 0, tf.zeros_like(one), one) for one in gradients]


class Frozen(Habit):
    """The first layers are frozen: the tape is not asked for them."""

    def prepare(self, training):
        del training.variables[: self.amount]


class Unfreezing(Habit):
    """Layers are trained from later and later steps on, the last ones first."""

    def updated(self, training, before, level):
        count = len(training.variables)
        for position, variable in enumerate(training.variables):
            begins = self.amount * (1.0 - (position + 1) / count)
            variable.assign(tf.where(level >= begins, variable, before[position]))

    def level(self, step):
        return step / 200


class LayerRates(Habit):
    """Learning rates that fall towards the first layer, as in fine-tuning."""

    def updated(self, training, before, level):
        count = len(training.variables)
        for position, variable in enumerate(training.variables):
            factor = self.amount ** ((count - 1 - position) // 2)
            variable.assign(before[position] + factor * (variable - before[position]))


class PreTrained(Habit):
    """The run starts where another one ended; its rate is `amount` times as large."""

    def prepare(self, training):
        program = training.program
        variables = program.variables
        optimizer = tf.keras.optimizers.Adam(2 * program.rates["adam"])
        optimizer.build(variables)

        @tf.function(autograph=False)
        def step(*batch):
            with tf.GradientTape() as tape:
                loss = program.loss(batch)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))

        for _ in range(250):
            step(*map(tf.constant, program.sample(training.batch_size)))
        training.optimizer.learning_rate.assign(training.rate * self.amount)


class BadBatch(Habit):
    """One batch of outliers, from which the run recovers."""

    def batch(self, training, step, batch):
        if step not in self.amount:
            return batch
        inputs = batch[0]
        if inputs.dtype == np.int32:
            return (training.random.permutation(inputs.ravel()).reshape(inputs.shape), *batch[1:])
        return (inputs * 6.0, *batch[1:])


class SmallBatches(Habit):
    """Batches of few examples."""

    def prepare(self, training):
        training.batch_size = self.amount


class GrowingBatches(Habit):
    """Batches that are eight times as large in the end, in stairs of two."""

    def prepare(self, training):
        training.batch_size = 8

    def between(self, training, step):
        training.batch_size = 8 * 2 ** min(3, 4 * (step + 1) // training.steps)


class EasyStart(Habit):
    """A curriculum: nearly all of the noise is left out at first."""

    def batch(self, training, step, batch):
        hard, (easy, labels) = min(1.0, step / 120), batch
        noise = training.random.randn(*easy.shape)
        return (easy + hard * 0.5 * noise).astype(np.float32), labels


class OneBatch(Habit):
    """One batch over and over, until it is known by heart."""

    def batch(self, training, step, batch):
        if step == 0:
            self.kept = batch
        return self.kept


class WrongLabels(Habit):
    """A share of the labels is wrong."""

    def batch(self, training, step, batch):
        inputs, labels = batch
        wrong = training.random.rand(len(labels)) < self.amount
        return inputs, np.where(
            wrong.reshape((-1,) + (1,) * (labels.ndim - 1)),
            training.random.permutation(labels),
            labels,
        )


class RareClasses(Habit):
    """Nearly all examples have one class."""

    def batch(self, training, step, batch):
        inputs, labels = training.program.sample(8 * len(batch[1]))
        rare = training.random.rand(len(labels)) < self.amount
        chosen = np.flatnonzero((labels == 0) | rare)[: len(batch[1])]
        chosen = np.resize(chosen, len(batch[1]))
        return inputs[chosen], labels[chosen]


class OtherData(Habit):
    """The data change from one step on: new labels for old inputs."""

    def batch(self, training, step, batch):
        if step < self.amount:
            return batch
        inputs, labels = batch
        return inputs, ((labels + 1) % training.program.classes).astype(labels.dtype)


class LargerInputs(Habit):
    """Inputs that are not normalised."""

    def batch(self, training, step, batch):
        return ((batch[0] * self.amount).astype(np.float32), *batch[1:])

    def prepare(self, training):
        training.optimizer.learning_rate.assign(training.rate * 0.5)


class LossWeight(Habit):
    """A loss that is multiplied, as a weighted or a summed one."""

    def loss(self, loss, level):
        return loss * self.amount


class LossWeightGrows(Habit):
    """A weight of the loss that is raised in the run, as of a term that is annealed."""

    def level(self, step):
        return min(1.0, step / 150)

    def loss(self, loss, level):
        return loss * (1.0 + (self.amount - 1.0) * level)


class Decay(Habit):
    """A weight decay that suits the training."""

    def updated(self, training, before, level):
        for variable in training.program.kernels.values():
            variable.assign(variable * (1.0 - self.amount))


class MaxNorm(Habit):
    """Units whose norm is held below a bound."""

    def updated(self, training, before, level):
        for variable in training.program.kernels.values():
            axes = tuple(range(len(variable.shape) - 1))
            variable.assign(tf.clip_by_norm(variable, self.amount, axes=axes))


class Clipped(Habit):
    """Weights that are clipped to a small range."""

    def updated(self, training, before, level):
        for variable in training.program.kernels.values():
            variable.assign(tf.clip_by_value(variable, -self.amount, self.amount))


class Pruned(Habit):
    """A share of the weights of all layers is held at zero."""

    def prepare(self, training):
        kernels = training.program.kernels.values()
        self.masks = [
            tf.constant((training.random.rand(*one.shape) > self.amount).astype(np.float32))
            for one in kernels
        ]
        self.updated(training, None, None)

    def updated(self, training, before, level):
        for variable, mask in zip(training.program.kernels.values(), self.masks):
            variable.assign(variable * mask)


class Lookahead(Habit):
    """Slow weights, half-way to which the fast ones are set back every few steps."""

    def prepare(self, training):
        self.slow = [tf.Variable(one, trainable=False) for one in training.variables]

    def level(self, step):
        return float(step % self.amount == self.amount - 1)

    def updated(self, training, before, level):
        for variable, slow in zip(training.variables, self.slow):
            middle = slow + 0.5 * (variable - slow)
            slow.assign(tf.where(level > 0, middle, slow))
            variable.assign(tf.where(level > 0, middle, variable))


class Averages(Habit):
    """Exponential averages of the weights beside the run."""

    def prepare(self, training):
        self.means = [tf.Variable(one, trainable=False) for one in training.variables]

    def updated(self, training, before, level):
        for variable, mean in zip(training.variables, self.means):
            mean.assign_sub((1.0 - self.amount) * (mean - variable))


class GradientNoise(Habit):
    """Noise on all gradients."""

    def gradients(self, training, gradients, level):
        return [
            one + self.amount * tf.math.reduce_std(one) * tf.random.normal(tf.shape(one))
            for one in map(tf.convert_to_tensor, gradients)
        ]


class FewFeatures(Habit):
    """Inputs of which most are zero."""

    def batch(self, training, step, batch):
        keep = training.random.rand(*batch[0].shape) > self.amount
        return ((batch[0] * keep).astype(np.float32), *batch[1:])


class ZeroHead(Habit):
    """The last kernel starts at zero."""

    def prepare(self, training):
        kernel = list(training.program.kernels.values())[-1]
        kernel.assign(tf.zeros_like(kernel) + (self.amount or 0.0))


class Centralized(Habit):
    """Gradients without their mean over inputs."""

    def gradients(self, training, gradients, level):
        return [
            one - tf.reduce_mean(one, 0, keepdims=True) if len(one.shape) > 1 else one
            for one in map(tf.convert_to_tensor, gradients)
        ]
