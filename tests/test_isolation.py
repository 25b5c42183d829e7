"""Loggers do not mix, and leave nothing behind."""

import asyncio
import gc
import os
import threading
import weakref

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.steps.active_step import active_step
from gtlog.testing import read_events

RUN_MODES = {
    "eager": lambda decorate, step: decorate(step),
    "above": lambda decorate, step: decorate(tf.function(step)),
    "beneath": lambda decorate, step: tf.function(decorate(step)),
}


@pytest.fixture(params=list(RUN_MODES))
def build(request):
    """Decorates a step in one of the ways to run it: function of decorator and step."""
    return RUN_MODES[request.param]


@pytest.fixture(autouse=True)
def no_step_left_over():
    """After each test no step is active."""
    yield
    assert active_step() is None


def descent(weight, after_forward=lambda: None):
    """A step that moves a variable towards zero; its loss is the squared norm."""

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight**2)
            after_forward()
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return loss

    return train_step


def assert_descended(logdir, path, start, steps):
    """Asserts that the events are those of `descent` of one variable alone."""
    events = read_events(logdir)
    assert [tag for tag in events.tags if tag.startswith("weights/")] == [f"weights/{path}"]
    assert [tag for tag in events.tags if tag.startswith("gradients/")] == [f"gradients/{path}"]
    value = np.asarray(start, np.float64)
    assert list(events.of("loss")) == list(steps)
    for step in range(max(steps) + 1):
        loss, gradient = np.sum(value**2), 2 * value
        value = 0.8 * value
        if step in steps:
            np.testing.assert_allclose(events.of("loss")[step], loss, rtol=1e-5)
            norm = np.linalg.norm(gradient)
            np.testing.assert_allclose(events.of("gradient_norm")[step], norm, rtol=1e-5)
            norm = np.linalg.norm(value)
            np.testing.assert_allclose(events.of("weight_norm")[step], norm, rtol=1e-5)


class TestTwoLoggers:
    """Two loggers in one thread."""

    def test_side_by_side(self, build, tmp_path):
        """Two decorated steps that take turns log each its own model and its own steps."""
        one, two = tf.Variable([1.0, 2.0], name="one"), tf.Variable([3.0], name="two")
        first = build(gtlog.logged_step(tmp_path / "one", every=2), descent(one))
        second = build(gtlog.logged_step(tmp_path / "two", every=3), descent(two))
        for turn in range(7):
            first()
            if turn % 2:
                second()
        assert_descended(tmp_path / "one", "one", [1.0, 2.0], [0, 2, 4, 6])
        assert_descended(tmp_path / "two", "two", [3.0], [0])

    def test_nested(self, build, tmp_path):
        """A step inside a step has its tape's gradients, and the outer one's tape has its own."""
        outer, inner = tf.Variable([1.0], name="outer"), tf.Variable([2.0], name="inner")
        inner_step = gtlog.logged_step(tmp_path / "inner")(descent(inner))
        step = build(gtlog.logged_step(tmp_path / "outer"), descent(outer, inner_step))
        for _ in range(2):
            step()
        assert_descended(tmp_path / "inner", "inner", [2.0], [0, 1])
        events = read_events(tmp_path / "outer")
        assert [tag for tag in events.tags if tag.startswith("gradients/")] == ["gradients/outer"]
        np.testing.assert_allclose(list(events.of("loss").values()), [1.0, 0.64], rtol=1e-6)

    def test_nested_but_one_is_not_logged(self, build, tmp_path):
        """Where only one of two nested steps is logged, its own gradients are."""
        outer, inner = tf.Variable([1.0], name="outer"), tf.Variable([2.0], name="inner")
        decorate = gtlog.logged_step(tmp_path / "inner", every=lambda step: step == 1)
        inner_step = decorate(descent(inner))
        decorate = gtlog.logged_step(tmp_path / "outer", every=lambda step: step == 2)
        step = build(decorate, descent(outer, inner_step))
        for _ in range(4):
            step()
        assert_descended(tmp_path / "inner", "inner", [2.0], [1])
        assert read_events(tmp_path / "outer").of("gradient_norm") == {2: pytest.approx(1.28)}

    def test_recursion(self, tmp_path):
        """A step that calls itself returns what it would; what cannot be logged is said once."""
        weight = tf.Variable([1.0], name="weight")

        @gtlog.logged_step(tmp_path)
        def train_step(depth):
            loss = descent(weight)()
            return [float(loss)] + (train_step(depth - 1) if depth else [])

        with pytest.warns(gtlog.LoggingWarning, match="^Step 1 was not logged") as caught:
            np.testing.assert_allclose(train_step(2), [1.0, 0.64, 0.4096], rtol=1e-5)
        assert len(caught) == 1
        assert read_events(tmp_path).of("loss") == {2: pytest.approx(0.4096)}
        assert train_step(0)
        assert list(read_events(tmp_path).of("loss")) == [2, 3]

    def test_inline_loops_side_by_side(self, tmp_path):
        """Tapes with two loggers, in turns, begin steps of their own loggers."""
        variables = [tf.Variable([1.0], name="one"), tf.Variable([2.0], name="two")]
        loggers = [gtlog.StepLogger(tmp_path / name) for name in ("one", "two")]
        for _ in range(3):
            for weight, logger in zip(variables, loggers):
                with gtlog.InstrumentedTape(logger=logger) as tape:
                    loss = tf.reduce_sum(weight**2)
                weight.assign_sub(0.1 * tape.gradient(loss, weight))
        for logger in loggers:
            logger.close()
        assert_descended(tmp_path / "one", "one", [1.0], [0, 1, 2])
        assert_descended(tmp_path / "two", "two", [2.0], [0, 1, 2])


class TestConcurrency:
    """Loggers in threads and tasks."""

    def test_eight_threads(self, build, tmp_path):
        """Threads that train at the same time, a logger each, log each its own."""
        barrier, failures = threading.Barrier(8), []

        def work(number):
            try:
                weight = tf.Variable([float(number + 1)], name=f"w{number}")
                decorate = gtlog.logged_step(tmp_path / str(number), every=2)
                step = build(decorate, descent(weight))
                barrier.wait(timeout=60)
                for _ in range(7):
                    step()
                assert active_step() is None
            except Exception as error:
                failures.append(error)
                barrier.abort()

        threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        for number in range(8):
            start = [number + 1.0]
            assert_descended(tmp_path / str(number), f"w{number}", start, [0, 2, 4, 6])

    def test_asyncio_tasks(self, tmp_path):
        """Tasks that take turns between their steps, a logger each, log each its own."""

        async def work(number):
            weight = tf.Variable([number + 1.0], name=f"w{number}")
            step = gtlog.logged_step(tmp_path / str(number))(descent(weight))
            for _ in range(3):
                step()
                await asyncio.sleep(0)

        async def work_together():
            await asyncio.gather(*map(work, range(4)))

        asyncio.run(work_together())
        for number in range(4):
            assert_descended(tmp_path / str(number), f"w{number}", [number + 1.0], [0, 1, 2])

    def test_asyncio_tasks_that_wait_in_their_steps(self, tmp_path):
        """A task that waits inside its step finds its own step again, and its own gradients."""

        async def work(number):
            weight = tf.Variable([number + 1.0], name=f"w{number}")
            with gtlog.StepLogger(tmp_path / str(number)) as logger:
                for _ in range(3):
                    with logger.step() as step:
                        await asyncio.sleep(0)
                        assert active_step() is step
                        descent(weight)()
                        await asyncio.sleep(0)

        async def work_together():
            await asyncio.gather(*map(work, range(4)))

        asyncio.run(work_together())
        for number in range(4):
            events = read_events(tmp_path / str(number))
            tags = [tag for tag in events.tags if tag.startswith("gradients/")]
            assert tags == [f"gradients/w{number}"]
            assert events.of("loss")[0] == (number + 1.0) ** 2


class TestExceptions:
    """An exception of the user's leaves nothing."""

    @pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, StopIteration])
    def test_no_step_is_left_active(self, kind, build, tmp_path):
        """Whatever is raised in whichever part, no step is active after it; the next is logged."""
        weight, raises = tf.Variable([1.0], name="weight"), [True]

        def body():
            if raises[0]:
                raise kind("stop")

        step = build(gtlog.logged_step(tmp_path), descent(weight, body))
        with pytest.raises((kind, RuntimeError)):  # a StopIteration becomes one in TensorFlow
            step()
        assert active_step() is None
        raises[0] = False
        step()
        assert read_events(tmp_path).of("loss")

    def test_in_a_nested_step(self, tmp_path):
        """An exception that the outer step catches leaves the outer step active."""
        weight = tf.Variable([1.0], name="weight")

        @gtlog.logged_step(tmp_path / "inner")
        def inner():
            raise ValueError("stop")

        with gtlog.StepLogger(tmp_path / "outer") as logger:
            with logger.step() as step:
                with pytest.raises(ValueError):
                    inner()
                assert active_step() is step
                descent(weight)()
        assert read_events(tmp_path / "outer").of("loss") == {0: 1.0}


class Net(tf.Module):
    """A model of one variable."""

    def __init__(self):
        super().__init__(name="net")
        with self.name_scope:
            self.w = tf.Variable([1.0, 2.0], name="w")


class Trainer(Net):
    """A model that has its logger as an attribute."""

    def __init__(self, logdir, **options):
        super().__init__()
        options = {name: make(self) for name, make in options.items()}
        self.logger = gtlog.StepLogger(logdir, **options)

    def summary(self, record):
        """A summary of its own."""
        return [gtlog.summaries.Scalar("one", 1.0)]


class TestGarbage:
    """What the user drops is collected."""

    @pytest.mark.parametrize("build", ["eager", "above", "beneath"], indirect=True)
    @pytest.mark.parametrize("with_model", [False, True], ids=["", "model="])
    def test_a_dropped_logger_and_its_model(self, with_model, build, tmp_path):
        """Decorated step, logger, model and variables are collected, whichever way it ran."""

        def train():
            net, loggers = Net(), []
            decorate = gtlog.logged_step(tmp_path, model=net if with_model else None)

            def decorated(step):
                wrapper = decorate(step)
                loggers.append(weakref.ref(wrapper.step_logger))
                return wrapper

            step = build(decorated, descent(net.w))
            for _ in range(3):
                step()
            return [*loggers, weakref.ref(net), weakref.ref(net.w)]

        references = train()
        gc.collect()
        assert [reference() is None for reference in references] == [True] * 3
        assert list(read_events(tmp_path).of("loss")) == [0, 1, 2]

    @pytest.mark.parametrize("build", ["above", "beneath"], indirect=True)
    def test_the_graph_of_a_dropped_step(self, build, tmp_path):
        """The graph of a traced step, which holds the memory of the weights, is collected."""

        def train():
            step = build(gtlog.logged_step(tmp_path), descent(Net().w))
            step()
            return weakref.ref(step.get_concrete_function().graph)

        graph = train()
        gc.collect()
        assert graph() is None

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"model": lambda trainer: trainer},
            {"summaries": lambda trainer: trainer.summary},
        ],
        ids=["", "model=", "summaries="],
    )
    def test_a_model_that_owns_its_logger(self, options, tmp_path):
        """A logger that is given the object which holds it keeps neither alive."""
        trainer = Trainer(str(tmp_path), **options)
        with trainer.logger.step():
            descent(trainer.w)()
        references = weakref.ref(trainer), weakref.ref(trainer.logger)
        del trainer
        gc.collect()
        assert [reference() is None for reference in references] == [True, True]

    def test_a_dropped_logger_is_closed(self, tmp_path):
        """The step of a plain loop that is under way is written when its logger is dropped."""
        weight = tf.Variable([1.0], name="weight")
        logger = gtlog.StepLogger(tmp_path)
        with gtlog.InstrumentedTape(logger=logger) as tape:
            loss = tf.reduce_sum(weight**2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        del logger, tape
        gc.collect()
        assert_descended(tmp_path, "weight", [1.0], [0])

    def test_a_logger_dropped_while_a_function_is_traced(self, tmp_path):
        """Its last step is written eagerly; the function's graph holds nothing of it, and runs."""
        weight = tf.Variable([1.0], name="weight")
        loggers = [gtlog.StepLogger(tmp_path)]
        loggers[0].itself = loggers[0]  # a cycle, so that gc alone can drop it
        with gtlog.InstrumentedTape(logger=loggers[0]) as tape:
            loss = tf.reduce_sum(weight**2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        del tape
        reference = weakref.ref(loggers[0])

        @tf.function
        def function(x):
            loggers.clear()
            gc.collect()
            assert reference() is None
            return x + 1.0

        assert float(function(tf.constant(1.0))) == 2.0
        graph = function.get_concrete_function(tf.constant(1.0)).graph
        types = {operation.type for operation in graph.get_operations()}
        assert types <= {"Placeholder", "Const", "AddV2", "Identity", "NoOp"}
        assert float(function(tf.constant(2.0))) == 3.0
        assert_descended(tmp_path, "weight", [1.0], [0])

    @pytest.mark.no_cover
    def test_300_logged_steps(self, build, tmp_path):
        """Neither objects, nor threads, nor open files grow with the steps."""
        weight = tf.Variable([1.0, 2.0], name="weight")
        step = build(gtlog.logged_step(tmp_path), descent(weight))

        def counts():
            gc.collect()
            folder = "/proc/self/fd"
            files = len(os.listdir(folder)) if os.path.isdir(folder) else 0
            return len(gc.get_objects()), threading.active_count(), files

        for _ in range(200):  # until all is kept that the diagnosis keeps
            step()
        before = counts()
        for _ in range(300):
            step()
        after = counts()
        assert after[0] - before[0] < 100
        assert after[1:] == before[1:]
        assert len(read_events(tmp_path).of("loss")) == 500


_PLAIN_LOOP = """
import sys
import tensorflow as tf
import gtlog

weight = tf.Variable([1.0], name="weight")
logger = gtlog.StepLogger(sys.argv[1])
for _ in range(3):
    with gtlog.InstrumentedTape(logger=logger) as tape:
        loss = tf.reduce_sum(weight**2)
    weight.assign_sub(0.1 * tape.gradient(loss, weight))
"""


@pytest.mark.parametrize("ending", ["raise SystemExit(0)", "logger.itself = logger, tape"])
def test_the_last_step_at_the_interpreters_exit(ending, python, tmp_path):
    """A plain loop without `close` has its last step written when the program ends, in silence."""
    out, err = python.output(_PLAIN_LOOP + ending, tmp_path)
    assert out == ""
    assert not [line for line in err.splitlines() if "gtlog" in line or "Error" in line]
    assert_descended(tmp_path, "weight", [1.0], [0, 1, 2])
