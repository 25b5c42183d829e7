"""One variable of 50 million elements: what a logged step holds in memory beyond a bare one."""

import tempfile

import tensorflow as tf

import gtlog
from benchmarks import child
from benchmarks.figures import (
    AT_MOST,
    BARE,
    GTLOG,
    KERAS,
    USUAL_EAGER,
    USUAL_IN_GRAPH,
    Bar,
    Case,
    Figure,
    Row,
    Skipped,
    Spread,
)

_ELEMENTS = 50_000_000
_USUAL_ELEMENTS = (500_000, 2_000_000)
_WEIGHTS, _GRADIENTS = "gtlog, weights", "gtlog, gradients and updates"
_BARE_GRADIENTS = "bare step with gradient"
_KEPT_GRADIENTS = "the same, keeping the value before"


def memory(effort):
    """Growth of the resident peak, in MB, each case in fresh processes."""
    count, repeats = effort.size(_ELEMENTS), effort.rounds(3)
    weights = [_growth("weights", count) for _ in range(repeats)]
    gradients = [_growth("gradients", count) for _ in range(repeats)]
    bare = [_growth("bare_gradients", count) for _ in range(repeats)]
    kept = [_growth("kept_gradients", count) for _ in range(repeats)]
    beyond = [one - other for one, other in zip(gradients, kept)]
    usual = [_usual_growth(effort, count) for _ in range(repeats)]
    bar = Bar(AT_MOST, 16)
    return Row(
        "memory",
        "memory, one variable of 50 million elements",
        figures=(
            Figure("MB of resident peak, weights", Spread.of(weights, 1e-6), "MB", bar),
            Figure(
                "MB beyond TensorFlow's copies, gradients too",
                Spread.of(beyond, 1e-6),
                "MB",
                bar,
            ),
        ),
        cases=(
            *_cases({_BARE_GRADIENTS: bare, USUAL_EAGER: usual, GTLOG: weights}),
            *_cases({_KEPT_GRADIENTS: kept, _GRADIENTS: gradients}),
            Skipped(BARE, "Without a gradient a bare step holds nothing."),
            Skipped(USUAL_IN_GRAPH, "It calls what the eager loop calls."),
            Skipped(KERAS, "It calls what the usual loop calls."),
        ),
        notes=_notes(effort),
    )


def measure(case, elements):
    """Bytes by which the resident peak grows in one step; for a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        step = _STEPS[case](folder)
        step(tf.Variable(tf.random.uniform([100_000])), 0)
        variable = tf.Variable(tf.random.uniform([elements]))
        before = _reset_peak()
        step(variable, 1)
        return _peak() - before


def _growth(case, elements):
    return child.run(f"{__name__}:measure", case=case, elements=elements)


def _usual_growth(effort, elements):
    """Bytes that the usual loop would need, by the line through two sizes that it can log."""
    small, large = (effort.size(size) for size in _USUAL_ELEMENTS)
    grown = _growth("usual", large) - _growth("usual", small)
    return grown / (large - small) * elements


def _cases(grown):
    return [Case(name, Spread.of(values, 1e-6), "MB") for name, values in grown.items()]


def _notes(effort):
    small, large = (effort.size(size) for size in _USUAL_ELEMENTS)
    return (
        f"The usual loop is extrapolated from {small:,} and {large:,} elements.",
        "TensorFlow's own copies: what a bare step holds that keeps `variable.read_value()` across "
        "the update, and the gradient. While the value is kept, the update copies the variable.",
    )


def _usual_step(folder):
    writer = tf.summary.create_file_writer(folder)

    def step(variable, number):
        with writer.as_default():
            tf.summary.histogram("variable", variable.numpy(), step=number)

    return step


def _weights_step(folder):
    logger = gtlog.StepLogger(folder, summaries=[gtlog.summaries.histograms()])

    def step(variable, number):
        with logger.step():
            variable.read_value()

    return step


def _gradients_step(folder):
    logger = gtlog.StepLogger(folder)

    def step(variable, number):
        with logger.step():
            _update(variable, gtlog.InstrumentedTape())

    return step


def _bare_gradients_step(folder):
    return lambda variable, number: _update(variable, tf.GradientTape())


def _kept_gradients_step(folder):
    def step(variable, number):
        kept = variable.read_value()
        _update(variable, tf.GradientTape())
        return kept

    return step


def _update(variable, tape):
    with tape:
        loss = tf.reduce_sum(variable)
    variable.assign_sub(tape.gradient(loss, variable))


_STEPS = {
    "usual": _usual_step,
    "weights": _weights_step,
    "gradients": _gradients_step,
    "bare_gradients": _bare_gradients_step,
    "kept_gradients": _kept_gradients_step,
}


def _reset_peak():
    """Forgets the peak so far; returns the resident bytes now, where the count begins."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")
    except OSError:
        pass  # not Linux: an earlier peak may hide what comes
    return _peak()


def _peak():
    """Peak of the resident bytes; not `ru_maxrss` on Linux, which a process inherits and keeps."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            told = dict(line.split(":", 1) for line in lines)
        return int(told["VmHWM"].split()[0]) * 1024
    except OSError:
        import resource  # which Windows does not have

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
