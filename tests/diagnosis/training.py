"""Small trainings in numpy whose vitals are known: the rules are tried without TensorFlow."""

import dataclasses
import functools

import numpy as np

from gtlog.vitals.table import VariableRow, VitalsTable

ACTIVATIONS = {
    "relu": (lambda x: np.maximum(x, 0), lambda x, y: (x > 0).astype(float)),
    "tanh": (np.tanh, lambda x, y: 1 - y**2),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x, y: y * (1 - y)),
    "linear": (lambda x: x, lambda x, y: np.ones_like(x)),
}


@dataclasses.dataclass
class Training:
    """A perceptron that learns the classes of a teacher, written out.

    A test plants its fault by what it changes: `weights` and `biases` before the run, `rate`
    (a number or a function of the step), `rates` (factors by layer), `frozen` layers,
    `scale_gradient` (factors by layer, of the signal that goes back through it), or one of the
    functions `before_step(training, step)`, `after_update(training, step)`,
    `change_gradients(training, step, of_weights, of_biases)` and `change_data(x, labels)`.
    """

    sizes: tuple = (10, 32, 32, 32, 4)
    activation: str = "relu"
    optimizer: str = "adam"
    rate: float = 1e-3
    batch: int = 64
    seed: int = 0
    shuffled: bool = False
    change_data: object = None
    frozen: tuple = ()
    before_step: object = None
    after_update: object = None
    change_gradients: object = None

    def __post_init__(self):
        self.random = np.random.RandomState(self.seed)
        pairs = list(zip(self.sizes[:-1], self.sizes[1:]))
        self.weights = [
            self.random.randn(i, o) * np.sqrt((2 if self.activation == "relu" else 1) / i)
            for i, o in pairs
        ]
        self.biases = [np.zeros(o) for _, o in pairs]
        self.teacher = self.random.randn(self.sizes[0], self.sizes[-1])
        self.rates = [1.0] * len(pairs)
        self.scale_gradient = [1.0] * len(pairs)
        self.moments = {}
        self.count = 0

    def data(self):
        """A batch of inputs and their classes."""
        x = self.random.randn(self.batch, self.sizes[0])
        labels = (x @ self.teacher + 0.3 * np.sin(3 * x) @ self.teacher).argmax(1)
        if self.shuffled:
            self.random.shuffle(labels)
        return self.change_data(x, labels) if self.change_data else (x, labels)

    def gradients(self, x, labels):
        """The loss, and gradients of weights and biases."""
        inputs, sums, signal = [], [], x
        function, slope = ACTIVATIONS[self.activation]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            inputs.append(signal)
            sums.append(signal @ weight + bias)
            is_last = layer == len(self.weights) - 1
            signal = sums[-1] if is_last else function(sums[-1])
        logits = signal - signal.max(1, keepdims=True)
        share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        chosen = np.arange(len(x)), labels
        loss = -np.mean(np.log(share[chosen] + 1e-30))
        share[chosen] -= 1
        delta, of_weights, of_biases = share / len(x), [], []
        for layer in reversed(range(len(self.weights))):
            of_weights.insert(0, inputs[layer].T @ delta)
            of_biases.insert(0, delta.sum(0))
            if layer:
                back = delta @ self.weights[layer].T * self.scale_gradient[layer]
                delta = back * slope(sums[layer - 1], inputs[layer])
        return loss, of_weights, of_biases

    def update(self, name, value, gradient, rate):
        """The value after the optimizer's update."""
        if self.optimizer == "sgd":
            return value - rate * gradient
        first, second = self.moments.get(name, (np.zeros_like(value), np.zeros_like(value)))
        first = 0.9 * first + 0.1 * gradient
        if self.optimizer == "momentum":
            self.moments[name] = first, second
            return value - rate * first
        second = 0.999 * second + 0.001 * gradient**2
        self.moments[name] = first, second
        corrected = first / (1 - 0.9**self.count)
        return value - rate * corrected / (np.sqrt(second / (1 - 0.999**self.count)) + 1e-7)

    def run(self, steps=200, every=1, first=0):
        """Trains, and logs each `every`th step from `first` on; the vitals."""
        with np.errstate(all="ignore"):
            return self._run(steps, every, first)

    def _run(self, steps, every, first):
        logged = []
        for step in range(steps):
            if self.before_step:
                self.before_step(self, step)
            self.count = step + 1
            loss, of_weights, of_biases = self.gradients(*self.data())
            if self.change_gradients:
                self.change_gradients(self, step, of_weights, of_biases)
            before = [value.copy() for value in (*self.weights, *self.biases)]
            rate = self.rate(step) if callable(self.rate) else self.rate
            for layer, factor in enumerate(self.rates):
                if layer in self.frozen:
                    continue
                pairs = (self.weights, of_weights, "w"), (self.biases, of_biases, "b")
                for values, gradients, name in pairs:
                    values[layer] = self.update(
                        (name, layer), values[layer], gradients[layer], rate * factor
                    )
            if self.after_update:
                self.after_update(self, step)
            if step >= first and step % every == 0:
                is_compared = len(logged) & (len(logged) - 1) == 0
                columns = self.columns(before, of_weights, of_biases, is_compared)
                logged.append((step, loss, columns))
        return self.table(logged)

    def columns(self, before, of_weights, of_biases, is_compared=True):
        """The vitals of each variable after a step, kernel and bias by turns.

        Units are compared on few logged steps, as the library does.
        """
        layers = len(self.weights)
        found = []
        for layer in range(layers):
            weight, bias = self.weights[layer], self.biases[layer]
            found.append(measured(weight, of_weights[layer], before[layer], is_compared))
            found.append(measured(bias, of_biases[layer], before[layers + layer], False))
        return found

    def table(self, logged):
        """The vitals of all logged steps as a table."""
        rows = []
        for layer, weight in enumerate(self.weights):
            name = f"net/dense_{layer}"
            for part, value in (("kernel", weight), ("bias", self.biases[layer])):
                place = len(rows)
                rows.append(
                    VariableRow(f"{name}/{part}", name, part, value.shape, "float32", True, place)
                )
        names = sorted({name for _, _, columns in logged for one in columns for name in one})
        columns = {
            name: np.array([[one[name] for one in columns] for _, _, columns in logged]).T
            for name in names
        }
        steps = np.array([step for step, _, _ in logged], np.int64)
        return make_table(steps, rows, columns, {"loss": np.array([loss for _, loss, _ in logged])})


@functools.lru_cache(maxsize=None)
def signs(size):
    """Four rows of fixed signs, divided by the root of their number."""
    return np.random.RandomState(0).choice([-1.0, 1.0], size=(4, size)) / np.sqrt(size)


def measured(value, gradient, before, is_compared):
    """The vitals of one variable, by the definitions and not by the library's code."""
    update = value - before
    finite = value[np.isfinite(value)]
    slopes = gradient[np.isfinite(gradient)]
    norm = np.linalg.norm(value)
    product = np.linalg.norm(update) * np.linalg.norm(gradient)
    is_kernel = value.ndim >= 2
    result = {
        "value_rms": rms(finite),
        "value_max": np.abs(finite).max() if finite.size else 0,
        "value_zeros": np.mean(value == 0),
        "value_nonfinite": np.sum(~np.isfinite(value)),
        "gradient_rms": rms(slopes),
        "gradient_max": np.abs(slopes).max() if slopes.size else 0,
        "gradient_zeros": np.mean(gradient == 0),
        "gradient_nonfinite": np.sum(~np.isfinite(gradient)),
        "dead_units": np.mean(np.all(gradient == 0, 0)) if is_kernel else np.nan,
        "update_rms": rms(update),
        "update_ratio": np.linalg.norm(update) / norm if norm else np.inf,
        "descent": -np.sum(update * gradient) / product if product else np.nan,
        "identical_units": identical_units(value) if is_compared else np.nan,
        "asked": 1.0,
        "missing": 0.0,
        "was_read": 1.0,
    }
    for number, projection in enumerate(signs(value.size) @ value.ravel()):
        result[f"sketch_{number}"] = projection
    return result


def identical_units(kernel):
    """The share of columns that equal another one."""
    _, counts = np.unique(kernel, axis=1, return_counts=True)
    return counts[counts > 1].sum() / kernel.shape[1]


def rms(values):
    """Root mean square; 0 of nothing."""
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def make_table(steps, rows, columns, step_values):
    """A table of arrays `[variables, steps]`."""
    return VitalsTable(steps, tuple(rows), columns, step_values)
