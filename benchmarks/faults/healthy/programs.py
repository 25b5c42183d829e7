"""Healthy programs that are odd by themselves: adapters, gates, adversaries, rewards."""

import numpy as np
import tensorflow as tf

import gtlog
from benchmarks.faults.programs.base import Program, cross_entropy, untouched
from benchmarks.faults.programs.dense import Perceptron, ResidualBlocks, Teacher
from benchmarks.faults.programs.images import ConvolutionsWithNorm, ResidualConvolutions
from benchmarks.faults.programs.modules import GatedModule, TanhModule
from benchmarks.faults.programs.sequences import Decoder, Encoder


class ReZero(ResidualBlocks):
    """Residual branches behind a gain that starts at zero."""

    def __init__(self, seed, blocks=3, start=0.0):
        self.blocks = blocks
        self.taps, self.shifted = ("stem",), ()
        super().__init__(seed)
        self.gains = [tf.Variable(start, name=f"gain_{n}") for n in range(blocks)]
        self.variables.extend(self.gains)

    def branch(self, number, value):
        return self.gains[number] * value


class ZeroBranches(ResidualBlocks):
    """Residual branches whose last kernel starts at zero."""

    def __init__(self, seed, width=32):
        self.width = width
        super().__init__(seed)
        for _, _, down in self.parts:
            down.kernel.assign(tf.zeros_like(down.kernel))


class ZeroGains(ResidualConvolutions):
    """Residual convolutions whose last normalisation starts with a gain of zero."""

    def __init__(self, seed, width=12):
        self.width = width
        super().__init__(seed)
        for *_, norm in self.parts:
            norm.gamma.assign(tf.zeros_like(norm.gamma))


class Adapters(Perceptron):
    """Low-rank adapters (B starts at zero) on layers that are frozen."""

    quality = 0.95

    def __init__(self, seed, rank=2):
        self.taps = self.shifted = ()
        self.names = tuple(f"dense_{number}" for number in range(4))
        super_taps, self.taps = self.taps, self.names
        super().__init__(seed)
        self.taps = super_taps
        random = np.random.RandomState(seed)
        self.variables, self.kernels, self.adapters = [], {}, []
        for layer in (*self.hidden, self.head):
            inputs, units = layer.kernel.shape
            down = tf.Variable(
                random.randn(inputs, rank).astype(np.float32) / rank, name=f"{layer.name}_lora/a"
            )
            up = tf.Variable(tf.zeros((rank, units)), name=f"{layer.name}_lora/b")
            self.adapters.append((down, up))
            self.variables.extend([down, up])
            self.kernels[f"{layer.name}_a"] = down
            self.kernels[f"{layer.name}_b"] = up

    def logits(self, x, tap=untouched):
        for layer, (down, up) in zip(self.hidden, self.adapters):
            x = self.nonlinear(layer(x) + x @ down @ up)
        down, up = self.adapters[-1]
        return self.head(x) + x @ down @ up


class Tied(Decoder):
    """A language model whose output layer is its embedding."""

    def __init__(self, seed, bias=True):
        super().__init__(seed)
        self.variables = [one for one in self.variables if one is not self.head.kernel]
        if not bias:
            self.variables = [one for one in self.variables if one is not self.head.bias]
        self.bias = bias
        del self.kernels["vocabulary"]
        self.head_call, self.head = self.head, self._scores

    def _scores(self, x):
        scores = tf.einsum("bld,td->blt", x, self.embed.embeddings)
        return scores + self.head_call.bias if self.bias else scores


class RareTokens(Program):
    """An embedding of many rows of which most are rare, and two dense layers."""

    classes = 4
    rates = {"sgd": 0.5, "adam": 5e-3, "adamw": 5e-3, "rmsprop": 4e-3}
    quality = 0.9

    def __init__(self, seed, tokens=400):
        super().__init__(seed)
        self.tokens = tokens
        layer = tf.keras.layers.Embedding(tokens, 16, name="words")
        layer.build((None, 6))
        self.embed = layer
        self.variables.extend(layer.trainable_variables)
        self.hidden = self.dense("hidden", 16, 24, "relu")
        self.head = self.dense("head", 24, self.classes)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tf.reduce_sum(self.embed(x), axis=1)
        return cross_entropy(labels, self.head(self.hidden(x)))

    def sample(self, number):
        x = np.minimum(self.random.zipf(1.3, size=(number, 6)) - 1, self.tokens - 1)
        labels = (x % self.classes)[:, 0]
        x[:, 1] = x[:, 0]
        return x.astype(np.int32), labels.astype(np.int32)


class Heads(Perceptron):
    """Two heads, of which a phase trains one."""

    def __init__(self, seed, asks_both=True):
        super().__init__(seed)
        self.other = self.dense("other_head", self.widths[-1], self.classes)
        if not asks_both:
            del self.variables[-2:]
            self.kernels.pop("other_head")

    def loss(self, batch, tap=untouched):
        x, labels = batch
        for layer in self.hidden:
            x = self.nonlinear(layer(x))
        return cross_entropy(labels, self.head(x))


class Experts(Program):
    """A mixture of experts of which each example is given to one."""

    classes = 5
    rates = {"sgd": 0.1, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed, experts=4):
        super().__init__(seed)
        self.stem = self.dense("stem", 12, 24, "relu")
        self.router = self.dense("router", 24, experts)
        self.experts = [self.dense(f"expert_{n}", 24, 24, "relu") for n in range(experts)]
        self.head = self.dense("head", 24, self.classes)
        self.teacher = Teacher(self.random, 12, self.classes)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = self.stem(x)
        share = tf.nn.softmax(self.router(x))
        chosen = tf.one_hot(tf.argmax(share, axis=1), len(self.experts))
        outputs = tf.stack([expert(x) for expert in self.experts], axis=1)
        x = x + tf.einsum("be,bed->bd", share * chosen, outputs)
        return cross_entropy(labels, self.head(x))

    def sample(self, number):
        return self.teacher.sample(number)


class Variational(Program):
    """A variational autoencoder; the weight of its prior is raised in the run."""

    rates = {"sgd": 0.05, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 2e-3}
    quality = 0.85

    def __init__(self, seed, latent=4, weight=0.02):
        super().__init__(seed)
        self.latent, self.weight = latent, weight
        self.encoder = self.dense("encoder", 20, 32, "relu")
        self.mean = self.dense("mean", 32, latent)
        self.spread = self.dense("log_variance", 32, latent)
        self.decoder = self.dense("decoder", latent, 32, "relu")
        self.output = self.dense("output", 32, 20)
        self.mixing = np.random.RandomState(5).randn(4, 20)

    def loss(self, batch, tap=untouched):
        (x,) = batch
        hidden = self.encoder(x)
        mean, spread = self.mean(hidden), self.spread(hidden)
        code = mean + tf.exp(0.5 * spread) * tf.random.normal(tf.shape(mean))
        error = tf.reduce_mean((self.output(self.decoder(code)) - x) ** 2)
        prior = -0.5 * tf.reduce_mean(1 + spread - mean**2 - tf.exp(spread))
        return error + self.weight * prior

    def sample(self, number):
        x = np.tanh(self.random.randn(number, 4) @ self.mixing)
        return (x.astype(np.float32),)


class Contrastive(Program):
    """Two towers that learn which pairs belong together; the loss starts at log of the batch."""

    rates = {"sgd": 0.3, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed, temperature=0.2):
        super().__init__(seed)
        self.temperature = temperature
        self.left = [self.dense("left/0", 12, 32, "relu"), self.dense("left/1", 32, 16)]
        self.right = [self.dense("right/0", 10, 32, "relu"), self.dense("right/1", 32, 16)]
        fixed = np.random.RandomState(5)
        self.mixing = fixed.randn(5, 12), fixed.randn(5, 10)

    def loss(self, batch, tap=untouched):
        sides = []
        for x, layers in zip(batch, (self.left, self.right)):
            for layer in layers:
                x = layer(x)
            sides.append(tf.math.l2_normalize(x, axis=1))
        scores = tf.matmul(*sides, transpose_b=True) / self.temperature
        return cross_entropy(tf.range(tf.shape(scores)[0]), scores)

    def sample(self, number):
        cause = self.random.randn(number, 5)
        sides = [np.tanh(cause @ mixing) for mixing in self.mixing]
        return tuple(side.astype(np.float32) for side in sides)


class Reward(Program):
    """Policy gradient on a bandit with noisy rewards; what is minimised may have any sign."""

    classes = 4
    rates = {"sgd": 0.1, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 2e-3}
    quality = None

    def __init__(self, seed, noise=0.5):
        super().__init__(seed)
        self.noise = noise
        self.hidden = self.dense("policy/hidden", 8, 32, "tanh")
        self.head = self.dense("policy/actions", 32, self.classes)
        self.preference = np.random.RandomState(5).randn(8, self.classes)
        self.rewards = []

    def loss(self, batch, tap=untouched):
        x, values = batch
        scores = self.head(self.hidden(x))
        chosen = tf.random.categorical(scores, 1)[:, 0]
        reward = tf.gather(values, chosen, axis=1, batch_dims=1)
        baseline = tf.reduce_mean(values, axis=1)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=chosen, logits=scores)
        return tf.reduce_mean(losses * (reward - baseline))

    def sample(self, number):
        x = self.random.randn(number, 8)
        values = x @ self.preference + self.noise * self.random.randn(number, self.classes)
        return x.astype(np.float32), values.astype(np.float32)

    def succeeds(self, losses):
        """Whether the policy prefers what is rewarded."""
        x, values = self.sample(400)
        chosen = np.argmax(self.head(self.hidden(x)), axis=1)
        return np.mean(chosen == values.argmax(axis=1)) >= 0.5


class _TwoSteps(Program):
    """Two losses, each for its own variables, in one step."""

    quality = None

    def make_step(self, training):
        """A step of both parts."""
        parts = self.parts()
        optimizers = [tf.keras.optimizers.Adam(self.rates["adam"], beta_1=0.5) for _ in parts]
        for optimizer, (_, variables) in zip(optimizers, parts):
            optimizer.build(variables)

        @tf.function(autograph=False)
        def train_step(*batch, levels):
            gradients = {}
            for optimizer, (loss_of, variables) in zip(optimizers, parts):
                with gtlog.InstrumentedTape() as tape:
                    loss = loss_of(batch)
                slopes = tape.gradient(loss, variables)
                optimizer.apply_gradients(zip(slopes, variables))
                gradients.update((id(v), g) for v, g in zip(variables, slopes))
            return loss, [gradients[id(one)] for one in self.variables]

        return train_step


class Adversaries(_TwoSteps):
    """A generator and a critic; neither loss falls."""

    rates = {"adam": 2e-3, "sgd": 2e-3}

    def __init__(self, seed, slope=0.2):
        super().__init__(seed)
        self.slope = slope
        self.make = [self.dense("generator/0", 4, 24), self.dense("generator/1", 24, 6)]
        self.judge = [self.dense("critic/0", 6, 24), self.dense("critic/1", 24, 1)]
        self.mixing = np.random.RandomState(5).randn(3, 6)

    def parts(self):
        """Losses and variables of both."""
        of = [
            [v for layer in part for v in layer.trainable_variables]
            for part in (self.judge, self.make)
        ]
        return (self._critic, of[0]), (self._generator, of[1])

    def _through(self, layers, x):
        first, last = layers
        return last(tf.nn.leaky_relu(first(x), self.slope))

    def _losses(self, batch, is_true):
        real, noise = batch
        x = real if is_true is None else self._through(self.make, noise)
        scores = self._through(self.judge, x)
        target = tf.ones_like(scores) if is_true in (None, True) else tf.zeros_like(scores)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=scores))

    def _critic(self, batch):
        return self._losses(batch, None) + self._losses(batch, False)

    def _generator(self, batch):
        return self._losses(batch, True)

    def sample(self, number):
        real = np.tanh(self.random.randn(number, 3) @ self.mixing)
        return real.astype(np.float32), self.random.randn(number, 4).astype(np.float32)

    def succeeds(self, losses):
        """Whether made examples have about the spread of real ones."""
        real, noise = self.sample(400)
        made = self._through(self.make, noise).numpy()
        return 0.3 < made.std() / real.std() < 3 and np.isfinite(losses).all()


class ActorCritic(_TwoSteps):
    """A policy and a value, each with its own loss."""

    rates = {"adam": 3e-3, "sgd": 3e-3}

    def __init__(self, seed, noise=0.3):
        super().__init__(seed)
        self.noise = noise
        self.actor = [self.dense("actor/0", 6, 24, "tanh"), self.dense("actor/1", 24, 3)]
        self.critic = [self.dense("critic/0", 6, 24, "tanh"), self.dense("critic/1", 24, 1)]
        self.preference = np.random.RandomState(5).randn(6, 3)

    def parts(self):
        """Losses and variables of both."""
        of = [
            [v for layer in part for v in layer.trainable_variables]
            for part in (self.actor, self.critic)
        ]
        return (self._policy, of[0]), (self._value, of[1])

    def _policy(self, batch):
        x, values = batch
        scores = self.actor[1](self.actor[0](x))
        chosen = tf.random.categorical(scores, 1)[:, 0]
        reward = tf.gather(values, chosen, axis=1, batch_dims=1)
        advantage = reward - tf.stop_gradient(self.critic[1](self.critic[0](x))[:, 0])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=chosen, logits=scores)
        return tf.reduce_mean(losses * advantage)

    def _value(self, batch):
        x, values = batch
        error = self.critic[1](self.critic[0](x))[:, 0] - tf.reduce_mean(values, 1)
        return tf.reduce_mean(error**2)

    def sample(self, number):
        x = self.random.randn(number, 6)
        values = x @ self.preference + self.noise * self.random.randn(number, 3)
        return x.astype(np.float32), values.astype(np.float32)

    def succeeds(self, losses):
        """Whether the policy prefers what is rewarded."""
        x, values = self.sample(400)
        chosen = np.argmax(self.actor[1](self.actor[0](x)), axis=1)
        return np.mean(chosen == values.argmax(axis=1)) >= 0.5


class Plateau(TanhModule):
    """A product of inputs, on which the loss stays for long before it falls."""

    quality = 0.9
    rates = {"sgd": 0.05, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}

    def __init__(self, seed, factors=2):
        super().__init__(seed)
        self.factors = factors

    def sample(self, number):
        x = np.sign(self.random.randn(number, self.inputs))
        target = np.prod(x[:, : self.factors], axis=1, keepdims=True) * np.ones((1, 2))
        return x.astype(np.float32), target.astype(np.float32)


class LargeTargets(TanhModule):
    """Targets far from zero: the loss starts high, and falls for long before the inputs matter."""

    rates = {"sgd": 0.02, "adam": 1e-2, "adamw": 1e-2, "rmsprop": 1e-2}

    def __init__(self, seed, shift=6.0):
        super().__init__(seed)
        self.shift = shift
        # A network that has learned the shift alone does not reach it: the rest varies by 1.5.
        self.quality = 0.9 / (shift**2 + 2)

    def sample(self, number):
        x, target = super().sample(number)
        return x, target + np.float32(self.shift)


class Saturated(Perceptron):
    """A network of sigmoids, whose gradient shrinks from layer to layer."""

    activation = "sigmoid"
    widths = (32, 32)
    taps = ("dense_0", "dense_1")
    shifted = taps
    pairs = ()
    rates = {"sgd": 0.5, "adam": 1e-2, "adamw": 1e-2, "rmsprop": 5e-3}
    quality = 0.9


class Sparse(Perceptron):
    """A wide ReLU layer whose biases start below zero, so that most units are silent."""

    widths = (128, 64)
    taps = ("dense_0", "dense_1")
    shifted = taps
    pairs = ()
    quality = 0.85

    def __init__(self, seed, shift=1.0):
        super().__init__(seed)
        for layer in self.hidden:
            layer.bias.assign(layer.bias - shift)


class HeavyDropout(Perceptron):
    """Dropout of half of the units and more."""

    quality = 0.97

    def __init__(self, seed, dropout=0.5, widths=(64, 64)):
        self.widths = widths
        self.taps = tuple(f"dense_{number}" for number in range(len(widths)))
        self.shifted = self.taps
        super().__init__(seed)
        self.dropout = dropout


class Smooth(GatedModule):
    """Labels that are smoothed: the loss has a floor above zero."""

    quality = 0.9

    def __init__(self, seed, smoothing=0.2):
        super().__init__(seed)
        self.smoothing = smoothing

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = self.second(tf.tanh(self.first(x)))
        for gate in self.gates:
            value, opening = tf.split(gate(x), 2, axis=-1)
            x = x + value * tf.sigmoid(opening)
        scores = self.head(tf.nn.relu(self.readout(x)))
        target = tf.one_hot(labels, self.classes) * (1 - self.smoothing)
        target += self.smoothing / self.classes
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=scores))


class SharedLayer(Perceptron):
    """One layer that is used three times."""

    def logits(self, x, tap=untouched):
        x = self.nonlinear(self.hidden[0](x))
        for _ in range(3):
            x = self.nonlinear(self.hidden[1](x))
        for layer in self.hidden[2:]:
            x = self.nonlinear(layer(x))
        return self.head(x)


class LearnedTemperature(Encoder):
    """An encoder with a learned temperature of its scores, and a loss that is weighted."""

    def __init__(self, seed, weight=1.0):
        super().__init__(seed)
        self.temperature = tf.Variable(1.0, name="temperature")
        self.variables.append(self.temperature)
        self.weight = weight

    def attended(self, parts, x, mask, tap):
        return self.temperature * super().attended(parts, x, mask, tap)

    def loss(self, batch, tap=untouched):
        return self.weight * super().loss(batch, tap)


class Penalised(Perceptron):
    """An L2 penalty in the loss."""

    def __init__(self, seed, penalty=1e-3):
        super().__init__(seed)
        self.penalty = penalty

    def loss(self, batch, tap=untouched):
        sizes = [tf.reduce_sum(kernel**2) for kernel in self.kernels.values()]
        return super().loss(batch, tap) + self.penalty * tf.add_n(sizes)


class BinaryImages(ConvolutionsWithNorm):
    """Two classes, one of which is rare."""

    classes = 2

    def sample(self, number):
        images, labels = super().sample(2 * number)
        order = np.argsort(labels + self.random.rand(len(labels)) * 1.3, kind="stable")
        chosen = np.sort(order[:number])
        return images[chosen], labels[chosen]
