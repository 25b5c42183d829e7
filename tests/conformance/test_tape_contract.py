"""What TensorFlow promises of a tape, InstrumentedTape keeps: the same results, the same errors.

Each case runs with `tf.GradientTape`, and with `InstrumentedTape` outside a step, in a step that is
logged, in one that is not, and with a logger of its own. A case returns a structure of tensors,
or raises.
"""

import contextlib
import functools
import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

import gtlog

NONE, ZERO = tf.UnconnectedGradients.NONE, tf.UnconnectedGradients.ZERO


class Subclass(gtlog.InstrumentedTape):
    """A tape of a user's own."""

    def gradient(self, target, sources, *arguments, **options):
        """Passes everything on."""
        return super().gradient(target, sources, *arguments, **options)


def third_party(tape_class):
    """Builds the tapes of a library that derives from a tape's class, as Horovod does.

    https://github.com/horovod/horovod/blob/master/horovod/tensorflow/__init__.py
    """

    class DistributedTape(tape_class):
        def __init__(self, inner, persistent=False, watch_accessed_variables=True):
            super(self.__class__, self).__init__(persistent, watch_accessed_variables)
            self._tape = inner

        def gradient(self, target, sources, output_gradients=None):
            gradients = super(self.__class__, self).gradient(target, sources, output_gradients)
            return tf.nest.map_structure(lambda one: one * 2.0, gradients)

    def make():
        tape = tape_class()
        made = type(tape.__class__.__name__, (tape.__class__,), dict(DistributedTape.__dict__))
        return made(tape._tape, tape._persistent, tape._watch_accessed_variables)

    return make


@pytest.fixture(params=["outside", "logged", "unlogged", "logger", "subclass"])
def instrumented(request, logdir):
    """A context manager that gives the class to be compared, in the surroundings of a name."""

    @contextlib.contextmanager
    def surroundings():
        every = {"unlogged": lambda step: False}.get(request.param, 1)
        with gtlog.StepLogger(logdir, every=every) as logger:
            if request.param == "outside":
                yield gtlog.InstrumentedTape
            elif request.param == "logger":
                yield lambda *arguments, **options: gtlog.InstrumentedTape(
                    *arguments, logger=logger, **options
                )
            else:
                with logger.step():
                    is_plain = request.param != "subclass"
                    yield gtlog.InstrumentedTape if is_plain else Subclass

    return surroundings


def outcome(case, tape_class):
    """What a case returns, as numbers in their structure, or the error that it raises."""
    try:
        return "returned", tf.nest.map_structure(_plain, case(tape_class, Problem()))
    except Exception as error:
        return "raised", (type(error), _without_names(str(error)))


@functools.lru_cache(maxsize=None)
def expected(name):
    """The outcome of a case with TensorFlow's own tape."""
    return outcome(CASES[name], tf.GradientTape)


def _plain(value):
    if isinstance(value, tf.IndexedSlices):
        return ("slices", value.values.numpy().tolist(), value.indices.numpy().tolist())
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return (value.dtype.name, value.shape.as_list(), value.numpy().tolist())
    return value if isinstance(value, (bool, int, str)) else repr(value)


def _without_names(text):
    """Error texts without class names and numbers of lines, and without AutoGraph's traceback."""
    if text.startswith("in user code"):
        text = text.strip().splitlines()[-1].strip()
    text = text.replace("InstrumentedTape", "GradientTape").replace("Subclass", "GradientTape")
    return "".join("#" if one.isdigit() else one for one in text)


class Problem:
    """The tensors and variables of a case."""

    def __init__(self):
        self.x = tf.constant([1.0, 2.0, 3.0])
        self.v = tf.Variable([2.0, 3.0, 5.0], name="v")
        self.w = tf.Variable(4.0, name="w")
        self.frozen = tf.Variable(7.0, trainable=False, name="frozen")
        self.number = tf.Variable(3, name="number")
        self.table = tf.Variable(np.arange(8.0).reshape(4, 2), name="table")


CASES = {}


def case(function):
    """Enters a case."""
    CASES[function.__name__] = function
    return function


def of_sources(name, sources, **options):
    """A case: the gradient of one function by a structure of sources."""

    def by_sources(tape_class, p):
        with tape_class() as tape:
            tape.watch(p.x)
            y = tf.reduce_sum(p.x * p.v**2) * p.w
        return tape.gradient(y, sources(p), **options)

    CASES[f"sources_{name}"] = by_sources


of_sources("one", lambda p: p.v)
of_sources("list", lambda p: [p.v, p.w, p.x])
of_sources("tuple", lambda p: (p.v, p.w))
of_sources("dict", lambda p: {"b": p.v, "a": (p.x, [p.w])})
of_sources("empty", lambda p: [])
of_sources("twice_the_same", lambda p: [p.v, p.v])
of_sources("unwatched", lambda p: [tf.constant(1.0), p.frozen, p.v])
of_sources("unconnected_zero", lambda p: [tf.constant([1.0]), p.w], unconnected_gradients=ZERO)
of_sources("unconnected_by_name", lambda p: [p.number, p.w], unconnected_gradients="zero")
of_sources("unconnected_unknown", lambda p: p.v, unconnected_gradients="nonsense")
of_sources("string", lambda p: "v")
of_sources("a_string_tensor", lambda p: tf.constant("v"))
of_sources("ints", lambda p: [tf.constant(1), p.number])
of_sources("none", lambda p: None)
of_sources("a_number", lambda p: 3.0)
of_sources("an_array", lambda p: np.ones(3))
of_sources("output_gradients", lambda p: p.v, output_gradients=tf.constant(3.0))
of_sources("output_gradients_list", lambda p: p.v, output_gradients=[tf.constant(3.0)])
of_sources("output_gradients_of_wrong_shape", lambda p: p.v, output_gradients=tf.ones([2]))
of_sources("unknown_option", lambda p: p.v, nonsense=1)


def of_target(name, target, **options):
    """A case: the gradient of a structure of targets by two variables."""

    def by_target(tape_class, p):
        with tape_class() as tape:
            y, z = p.v**2, tf.reduce_sum(p.v) * p.w
            t = target(p, y, z)
        return tape.gradient(t, [p.v, p.w], **options)

    CASES[f"target_{name}"] = by_target


of_target("vector", lambda p, y, z: y)
of_target("list", lambda p, y, z: [y, z])
of_target("dict", lambda p, y, z: {"y": y, "z": (z,)})
of_target("empty", lambda p, y, z: [])
of_target("none", lambda p, y, z: None)
of_target("with_none", lambda p, y, z: [y, None])
of_target("string", lambda p, y, z: "loss")
of_target("string_tensor", lambda p, y, z: tf.constant("loss"))
of_target("int_tensor", lambda p, y, z: tf.constant(3))
of_target("a_number", lambda p, y, z: 3.0)
of_target("an_array", lambda p, y, z: np.ones(3))
of_target("a_variable", lambda p, y, z: p.v)
of_target("unrelated", lambda p, y, z: tf.constant(1.0))
of_target("twice_the_same", lambda p, y, z: [z, z])
of_target("output_gradients", lambda p, y, z: [y, z], output_gradients=[tf.ones([3]), None])
of_target("too_few_output_gradients", lambda p, y, z: [y, z], output_gradients=[tf.ones([3])])


@case
def no_arguments(tape_class, p):
    """`gradient` without its arguments."""
    with tape_class() as tape:
        pass
    return tape.gradient()


@case
def by_keywords(tape_class, p):
    """All arguments by keyword."""
    with tape_class(persistent=False, watch_accessed_variables=True) as tape:
        y = p.v**2
    return tape.gradient(
        sources=p.v, target=y, unconnected_gradients=NONE, output_gradients=tf.ones([3])
    )


@case
def persistent(tape_class, p):
    """A persistent tape gives gradients again and again."""
    with tape_class(persistent=True) as tape:
        y = p.v**2
        z = y * p.w
    return [tape.gradient(y, p.v), tape.gradient(z, p.v), tape.gradient(z, [p.w, p.v])]


@case
def second_use(tape_class, p):
    """A tape that is not persistent gives one."""
    with tape_class() as tape:
        y = p.v**2
    tape.gradient(y, p.v)
    return tape.gradient(y, p.v)


@case
def second_use_after_an_error(tape_class, p):
    """Also where the first use failed."""
    with tape_class() as tape:
        y = p.v**2
    with contextlib.suppress(Exception):
        tape.gradient(y, "v")
    return tape.gradient(y, p.v)


@case
def inside_the_tape(tape_class, p):
    """A gradient that is taken while the tape records ends the recording."""
    with tape_class() as tape:
        y = p.v**2
        gradient = tape.gradient(y, p.v)
    return gradient


@case
def persistent_inside_the_tape(tape_class, p):
    """A persistent tape goes on, and may differentiate what it computed."""
    with tape_class(persistent=True) as tape:
        y = p.v**3
        first = tape.gradient(y, p.v)
    return [first, tape.gradient(first, p.v)]


@case
def never_entered(tape_class, p):
    """A tape that recorded nothing."""
    return tape_class().gradient(p.v * 1.0, p.v)


@case
def watch_before_entering(tape_class, p):
    """Watching needs a tape that was entered."""
    tape_class().watch(p.x)


@case
def watch_a_string(tape_class, p):
    """Watching what is no tensor."""
    with tape_class() as tape:
        tape.watch("x")


@case
def watch_ints(tape_class, p):
    """Watching what cannot be differentiated."""
    with tape_class() as tape:
        x = tf.constant(3)
        tape.watch(x)
        y = x * x
    return tape.gradient(y, x)


@case
def watch_structures(tape_class, p):
    """Watching lists and variables."""
    with tape_class(watch_accessed_variables=False) as tape:
        tape.watch([p.x, {"w": p.w}])
        y = tf.reduce_sum(p.x * p.v) * p.w
    return tape.gradient(y, [p.x, p.v, p.w])


@case
def watch_a_frozen_variable(tape_class, p):
    """A variable that is not trainable may be watched."""
    with tape_class() as tape:
        tape.watch(p.frozen)
        y = p.frozen * p.w
    return tape.gradient(y, [p.frozen, p.w])


@case
def watched_variables(tape_class, p):
    """What the tape has watched, in order."""
    with tape_class() as tape:
        tf.reduce_sum(p.v) * p.w * p.frozen
    return [variable.name for variable in tape.watched_variables()]


@case
def nothing_watched(tape_class, p):
    """`watch_accessed_variables=False` watches nothing by itself."""
    with tape_class(False, False) as tape:
        y = p.v * p.w
    return [tape.gradient(y, [p.v, p.w]), len(tape.watched_variables())]


@case
def stop_recording(tape_class, p):
    """What is computed meanwhile is a constant."""
    with tape_class(persistent=True) as tape:
        y = p.v**2
        with tape.stop_recording():
            scale = tf.reduce_sum(p.v)
            inner = tape.gradient(y, p.v)
        z = y * scale
    return [inner, tape.gradient(z, p.v)]


@case
def stop_recording_without_recording(tape_class, p):
    """It needs a tape that records."""
    with tape_class().stop_recording():
        pass


@case
def reset(tape_class, p):
    """What was recorded before is forgotten."""
    with tape_class() as tape:
        y = p.v**2
        tape.reset()
        z = p.v * 2.0
    return tape.gradient([y, z], p.v)


@case
def reset_outside(tape_class, p):
    """`reset` of a tape that does not record."""
    with tape_class() as tape:
        y = p.v**2
    tape.reset()
    return tape.gradient(y, p.v)


@case
def entered_again(tape_class, p):
    """A tape that is entered a second time records on."""
    tape = tape_class(persistent=True)
    with tape:
        y = p.v**2
    with tape:
        z = y * p.w
    return tape.gradient(z, [p.v, p.w])


@case
def entered_within_itself(tape_class, p):
    """A tape that records cannot be entered."""
    with tape_class() as tape:
        with tape:
            pass


@case
def enter_returns_the_tape(tape_class, p):
    """`with` gives the tape."""
    tape = tape_class()
    with tape as entered:
        return entered is tape


@case
def exit_without_entering(tape_class, p):
    """`__exit__` of a tape that does not record."""
    tape_class().__exit__(None, None, None)


@case
def exception_inside(tape_class, p):
    """An exception passes, and the tape may be used again."""
    tape = tape_class(persistent=True)
    with pytest.raises(ZeroDivisionError):
        with tape:
            y = p.v**2
            raise ZeroDivisionError
    return tape.gradient(y, p.v)


@case
def nested(tape_class, p):
    """The second derivative."""
    with tape_class() as outer:
        with tape_class() as inner:
            y = p.v**3
        first = inner.gradient(y, p.v)
    return [first, outer.gradient(first, p.v)]


@case
def nested_in_a_plain_tape(tape_class, p):
    """A plain tape around it sees what it computes."""
    with tf.GradientTape() as outer:
        with tape_class() as inner:
            y = p.v**3
        first = inner.gradient(y, p.v)
    return [first, outer.gradient(first, p.v)]


@case
def around_a_plain_tape(tape_class, p):
    """And it sees what a plain tape inside computes."""
    with tape_class() as outer:
        with tf.GradientTape() as inner:
            y = p.v**3
        first = inner.gradient(y, p.v)
    return [first, outer.gradient(first, p.v)]


@case
def overlapping(tape_class, p):
    """Tapes that end in the order in which they began."""
    one, two = tape_class(), tape_class()
    one.__enter__()
    y = p.v**2
    two.__enter__()
    z = y * p.w
    one.__exit__(None, None, None)
    t = z * p.w
    two.__exit__(None, None, None)
    return [one.gradient([y, z], p.v), two.gradient(t, [p.v, p.w])]


@case
def two_at_once(tape_class, p):
    """A GAN's two tapes."""
    with tape_class() as one, tape_class() as two:
        y, z = p.v**2, p.w**2 * tf.reduce_sum(p.v)
    return [one.gradient(y, p.v), two.gradient(z, [p.w, p.v])]


def of_jacobian(name, method, **options):
    """A case of `jacobian` or `batch_jacobian`."""

    def jacobian(tape_class, p):
        x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
        with tape_class(persistent=options.pop("persistent", True)) as tape:
            tape.watch(x)
            y = tf.tanh(x) * x
            z = p.v**2 * p.w
        if method == "batch_jacobian":
            return [tape.batch_jacobian(y, x, **options), tape.batch_jacobian(y, x, **options)]
        return [tape.jacobian(z, [p.v, p.w], **options), tape.jacobian(z, p.v, **options)]

    CASES[name] = jacobian


for _method in ("jacobian", "batch_jacobian"):
    of_jacobian(_method, _method)
    of_jacobian(f"{_method}_without_pfor", _method, experimental_use_pfor=False)
    of_jacobian(f"{_method}_zero", _method, unconnected_gradients=ZERO)
    of_jacobian(f"{_method}_unknown_option", _method, nonsense=1)


@case
def jacobian_twice_without_persistent(tape_class, p):
    """A tape that is not persistent gives one jacobian."""
    with tape_class() as tape:
        y = p.v**2
    tape.jacobian(y, p.v)
    return tape.jacobian(y, p.v)


@case
def jacobian_without_pfor_without_persistent(tape_class, p):
    """Without pfor the jacobian needs a persistent tape in eager mode."""
    with tape_class() as tape:
        y = p.v**2
    return tape.jacobian(y, p.v, experimental_use_pfor=False)


@case
def jacobian_inside_a_tape(tape_class, p):
    """A jacobian that an outer tape differentiates."""
    with tape_class() as outer:
        with tape_class(persistent=True) as inner:
            y = p.v**3
        jacobian = inner.jacobian(y, p.v)
        trace = tf.reduce_sum(jacobian)
    return [jacobian, outer.gradient(trace, p.v)]


@case
def batch_jacobian_of_wrong_shapes(tape_class, p):
    """Target and source need the same first dimension."""
    x = tf.ones([2, 3])
    with tape_class() as tape:
        tape.watch(x)
        y = tf.ones([4, 3]) * tf.reduce_sum(x)
    return tape.batch_jacobian(y, x)


@case
def custom_gradient(tape_class, p):
    """`tf.custom_gradient`, variables included."""

    @tf.custom_gradient
    def clipped(x):
        return tf.exp(x), lambda upstream: upstream * 0.5

    with tape_class() as tape:
        y = clipped(p.v * 1.0) * p.w
    return tape.gradient(y, [p.v, p.w])


@case
def recomputed_gradient(tape_class, p):
    """`tf.recompute_grad`."""

    @tf.recompute_grad
    def block(x):
        return tf.tanh(x) ** 2

    with tape_class() as tape:
        tape.watch(p.x)
        y = block(p.x)
    return tape.gradient(y, p.x)


@case
def no_gradient(tape_class, p):
    """Operations without a gradient, and `tf.stop_gradient`."""
    with tape_class() as tape:
        y = tf.stop_gradient(p.v) * p.w + tf.round(p.v) + tf.cast(tf.argmax(p.v), tf.float32)
    return tape.gradient(y, [p.v, p.w])


@case
def a_lookup_without_gradient(tape_class, p):
    """An operation whose gradient is an error."""
    with tape_class() as tape:
        tape.watch(p.x)
        y = tf.raw_ops.PreventGradient(input=p.x, message="not here")
    return tape.gradient(y, p.x)


@case
def indexed_slices(tape_class, p):
    """The gradient of a gather, repeated indices included."""
    with tape_class() as tape:
        rows = tf.gather(p.table, [1, 3, 1])
        y = tf.reduce_sum(rows**2)
    return tape.gradient(y, p.table)


@case
def indexed_slices_as_output_gradients(tape_class, p):
    """Slices and dense gradients of one variable add up."""
    with tape_class() as tape:
        y = tf.reduce_sum(tf.gather(p.table, [0])) + tf.reduce_sum(p.table)
    return tape.gradient(y, p.table)


@case
def complex_numbers(tape_class, p):
    """Gradients by complex tensors."""
    z = tf.constant([1.0 + 2.0j, 3.0 - 1.0j])
    with tape_class() as tape:
        tape.watch(z)
        y = tf.math.real(z * tf.math.conj(z))
    return [tf.math.real(one) for one in [tape.gradient(y, z)]]


@case
def half_precision(tape_class, p):
    """Gradients in float16 stay float16."""
    v = tf.Variable([1.0, 2.0], dtype=tf.float16)
    with tape_class() as tape:
        y = v**2
    return tape.gradient(y, v)


def in_function(body):
    """Enters a case twice: eagerly, and in a tf.function that is called twice."""

    def traced(tape_class, p):
        function = tf.function(lambda: body(tape_class, p))
        return [function(), function()]

    CASES[body.__name__] = body
    CASES[f"{body.__name__}_in_a_function"] = traced


@in_function
def plain(tape_class, p):
    """One gradient."""
    with tape_class() as tape:
        y = tf.reduce_sum(p.v**2) * p.w
    return tape.gradient(y, [p.v, p.w])


@in_function
def around_a_function(tape_class, p):
    """A tape around a call of a tf.function."""
    square = tf.function(lambda: tf.reduce_sum(p.v**2) * p.w)
    with tape_class() as tape:
        y = square()
    return tape.gradient(y, [p.v, p.w])


@in_function
def while_loop(tape_class, p):
    """A tape around a loop."""
    with tape_class() as tape:
        _, y = tf.while_loop(
            lambda k, _: k < 3, lambda k, y: (k + 1, y * p.v), (tf.constant(0), p.v * 1.0)
        )
    return tape.gradient(y, p.v)


@in_function
def within_a_while_loop(tape_class, p):
    """A tape in the body of a loop."""

    def body(k, total):
        with tape_class() as tape:
            y = tf.reduce_sum(p.v**2) * total
        return k + 1, total + tf.reduce_sum(tape.gradient(y, p.v))

    return tf.while_loop(lambda k, _: k < 2, body, (tf.constant(0), tf.constant(1.0)))[1]


@in_function
def cond(tape_class, p):
    """A tape around a branch."""
    with tape_class() as tape:
        y = tf.cond(p.w > 0.0, lambda: p.v**2, lambda: p.v * 1.0)
    return tape.gradient(y, p.v)


@in_function
def within_a_branch(tape_class, p):
    """A tape in a branch."""

    def branch():
        with tape_class() as tape:
            y = p.v**2
        return tape.gradient(y, p.v)

    return tf.cond(p.w > 0.0, branch, lambda: p.v * 1.0)


@in_function
def none_in_a_graph(tape_class, p):
    """None gradients, left out."""
    with tape_class() as tape:
        y = p.v**2
    return [one for one in tape.gradient(y, [p.v, p.w]) if one is not None]


@in_function
def second_use_in_a_graph(tape_class, p):
    """The error of a second use."""
    with tape_class() as tape:
        y = p.v**2
    tape.gradient(y, p.v)
    return tape.gradient(y, p.v)


# Each warns of itself: gtlog of what it cannot log, TensorFlow of a watched int.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(CASES))
def test_contract(name, instrumented):
    """The same results, or an error of the same type and text."""
    of_tensorflow = expected(name)
    with instrumented() as tape_class:
        assert outcome(CASES[name], tape_class) == of_tensorflow


def test_the_cases_hold_what_they_say():
    """Results and errors are both among the cases."""
    kinds = [expected(name)[0] for name in CASES]
    assert kinds.count("raised") >= 8 and kinds.count("returned") >= 50


@pytest.mark.parametrize("tape_class", [gtlog.InstrumentedTape, Subclass])
def test_third_parties(tape_class, logdir):
    """A class that a library builds from the tape's works, and its step is logged."""
    p = Problem()
    with gtlog.StepLogger(logdir) as logger, logger.step():
        with third_party(tape_class)() as tape:
            y = tf.reduce_sum(p.v**2)
        np.testing.assert_array_equal(tape.gradient(y, p.v), [8.0, 12.0, 20.0])
    assert gtlog.testing.read_events(logdir).of("loss") == {0: 38.0}


@pytest.mark.filterwarnings("ignore:gtlog.InstrumentedTape was used outside")
class TestGarbage:
    """A tape leaves nothing behind."""

    @pytest.fixture
    def without_collector(self):
        """Without the collector, an object of a reference cycle stays."""
        gc.collect()
        gc.disable()
        yield
        gc.enable()

    @pytest.mark.parametrize("kind", ["outside", "logged"])
    def test_no_cycle(self, kind, without_collector, logdir):
        """A tape dies with its last reference, with no help of the collector."""
        p = Problem()

        def differentiate():
            with gtlog.InstrumentedTape() as tape:
                y = p.v**2
            tape.gradient(y, p.v)
            return weakref.ref(tape)

        if kind == "outside":
            assert differentiate()() is None
            return
        with gtlog.StepLogger(logdir) as logger:
            with logger.step():
                reference = differentiate()
            assert reference() is None

    def test_object_counts(self, logdir):
        """A thousand tapes leave as many objects as ten."""
        p = Problem()
        logger = gtlog.StepLogger(logdir, every=10, diagnose=False)  # which keeps logged steps

        def differentiate(count):
            for _ in range(count):
                with logger.step(), gtlog.InstrumentedTape(persistent=True) as tape:
                    y = p.v**2
                tape.gradient(y, p.v)
            del tape, y
            gc.collect()
            return len(gc.get_objects())

        differentiate(10)
        before = differentiate(10)
        assert differentiate(1000) - before < 50
        logger.close()
