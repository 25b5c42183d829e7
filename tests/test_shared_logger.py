"""One logger in several threads, tasks, copies and cells: no step twice, and none mixed."""

import asyncio
import copy
import gc
import os
import pickle
import threading

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .faults.reading import steps_in_files

THREADS, STEPS = 8, 25


def run_in_threads(work):
    """Runs `work(number)` in eight threads that begin together; returns what they raised."""
    barrier, failures = threading.Barrier(THREADS), []

    def run(number):
        try:
            barrier.wait(timeout=60)
            work(number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def step_of(weight, tape=gtlog.InstrumentedTape):
    """A step whose loss and gradient tell whose weight it is: both are its number."""

    def train_step():
        with tape() as one:
            loss = tf.reduce_sum(weight * tf.stop_gradient(weight))
        return one.gradient(loss, weight)

    return train_step


class TestThreads:
    """One logger, eight threads."""

    @pytest.mark.filterwarnings("ignore:Step .* was not logged")
    @pytest.mark.parametrize("every", [1, 3])
    def test_eager_steps(self, every, logdir):
        """Steps are logged at most once, in rising order, each with its own gradient."""
        weights = [tf.Variable([k + 1.0], name=f"w{k}") for k in range(THREADS)]
        logger = gtlog.StepLogger(logdir, every=every, diagnose=False)  # nothing is trained

        def work(number):
            step = step_of(weights[number])
            for _ in range(STEPS):
                with logger.step():
                    step()

        assert run_in_threads(work) == []
        logger.close()
        steps = steps_in_files(logdir)
        assert steps == sorted(set(steps)) and set(steps) <= set(range(THREADS * STEPS))
        assert all(step % every == 0 for step in steps) and len(steps) >= STEPS // every
        assert_not_mixed(logdir, steps)

    @pytest.mark.filterwarnings("ignore:Step .* was not logged", "ignore:Two steps of one logger")
    @pytest.mark.parametrize("every", [1, 3])
    def test_traced_steps(self, every, logdir):
        """What graphs hand over is logged where it is sure whose it is, and left out elsewhere."""
        weights = [tf.Variable([k + 1.0], name=f"w{k}") for k in range(THREADS)]
        decorate = gtlog.logged_step(logdir, every=every, diagnose=False)  # nothing is trained
        steps = [decorate(tf.function(step_of(weight))) for weight in weights]

        def work(number):
            for _ in range(STEPS):
                assert float(steps[number]()[0]) == number + 1.0

        assert run_in_threads(work) == []
        steps[0].step_logger.close()
        written = steps_in_files(logdir)
        assert written == sorted(set(written))
        assert_not_mixed(logdir, written)

    def test_traced_steps_that_overlap(self, logdir):
        """Where an unlogged step runs within a logged one, no gradient is logged; said once."""
        weight = tf.Variable([1.0], name="weight")
        step = gtlog.logged_step(logdir, every=2)(tf.function(step_of(weight)))
        step()  # is traced and logged
        step()
        logger = step.step_logger
        with pytest.warns(gtlog.LoggingWarning, match="^Two steps of one logger ran at") as caught:
            for _ in range(2):
                with logger.step():
                    thread = threading.Thread(target=step)
                    thread.start()
                    thread.join()
                    step_in_graph(weight, logger)
        assert len(caught) == 1
        events = read_events(logdir)
        assert list(events.of("weights/weight")) == [0, 2, 4]
        assert list(events.of("gradients/weight")) == [0]

    def test_numbers_are_given_once(self, logdir):
        """Eight threads that count together have each number once."""
        numbers = []
        weight = tf.Variable([1.0])
        logger = gtlog.StepLogger(logdir, every=lambda step: numbers.append(step))

        def work(_):
            for _ in range(200):
                with logger.step():
                    weight.read_value()

        assert run_in_threads(work) == []
        assert sorted(numbers) == list(range(8 * 200))

    def test_variables_are_found_once(self, logdir):
        """A variable that eight threads show at once has one path."""
        variables = [tf.Variable([1.0], name="w") for _ in range(50)]
        logger = gtlog.StepLogger(logdir)
        assert run_in_threads(lambda _: logger._post_hook.registry.add_all(variables)) == []
        paths = [known.path for known in logger._post_hook.registry]
        assert len(set(paths)) == len(paths) == 50


def step_in_graph(weight, logger):
    """Hands a gradient over through the logger's gate."""
    tf.function(step_of(weight))()


def assert_not_mixed(logdir, steps):
    """Loss and gradient norm of each step are those of one and the same thread."""
    events = read_events(logdir)
    tags = events.tags
    # Each thread trains a variable of its own, so each has a loss of its own.
    of_tag = [events.of(tag) for tag in tags if tag.partition("/")[0] == "loss"]
    losses = {step: loss for losses in of_tag for step, loss in losses.items()}
    norms = events.of("gradient_norm") if "gradient_norm" in tags else {}
    assert set(losses) == set(norms) <= set(steps)
    for step, loss in losses.items():
        number = np.sqrt(loss)
        assert number == pytest.approx(round(number)) and norms[step] == pytest.approx(number)
    for number in range(THREADS):
        tag = f"gradients/w{number}"
        for step, rows in events.of(tag).items() if tag in tags else ():
            assert rows[-1, 1] == number + 1.0 and norms[step] == pytest.approx(number + 1.0)


class TestOneThread:
    """Steps that take turns in one thread."""

    def test_generators(self, logdir):
        """Generators that rest between their steps, one logger each, log each their own."""

        def train(number):
            step = gtlog.logged_step(f"{logdir}/{number}")(step_of(tf.Variable([number + 1.0])))
            for _ in range(3):
                step()
                yield

        for _ in zip(*map(train, range(3))):
            pass
        for number in range(3):
            losses = read_events(f"{logdir}/{number}").of("loss")
            assert losses == {step: (number + 1.0) ** 2 for step in range(3)}

    def test_a_generator_that_is_dropped_in_its_step(self, logdir):
        """Its step is not logged, and the next one of the logger is whole."""
        weight = tf.Variable([1.0], name="weight")
        logger = gtlog.StepLogger(logdir)

        def train():
            with logger.step():
                step_of(weight)()
                yield

        generator = train()
        next(generator)
        generator.close()
        with logger.step():
            tf.function(step_of(weight))()
        assert list(read_events(logdir).of("gradients/weight")) == [1]

    def test_asyncio_tasks_share_a_logger(self, logdir):
        """Tasks that take turns between their steps share the numbers, each step whole."""
        weights = [tf.Variable([k + 1.0], name=f"w{k}") for k in range(4)]
        step = [gtlog.StepLogger(logdir)]

        async def work(number):
            for _ in range(5):
                with step[0].step():
                    step_of(weights[number])()
                await asyncio.sleep(0)

        async def together():
            await asyncio.gather(*map(work, range(4)))

        asyncio.run(together())
        step.clear()
        steps = steps_in_files(logdir)
        assert steps == list(range(20))
        assert_not_mixed(logdir, steps)

    def test_a_cell_that_is_run_twice(self, logdir):
        """A notebook cell that decorates anew says that there is an earlier run, and logs."""
        weight = tf.Variable([1.0], name="weight")
        cell = """
@gtlog.logged_step(logdir)
@tf.function
def train_step():
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(weight)
    return tape.gradient(loss, weight)

for _ in range(3):
    train_step()
"""
        notebook = {"gtlog": gtlog, "tf": tf, "weight": weight, "logdir": logdir}
        exec(compile(cell, "<cell 1>", "exec"), notebook)
        with pytest.warns(gtlog.LoggingWarning, match="of an earlier run") as caught:
            exec(compile(cell, "<cell 1>", "exec"), notebook)
        assert len(caught) == 1
        assert steps_in_files(logdir) == [0, 1, 2, 0, 1, 2]


WEIGHT = tf.Variable([1.0], name="weight")


def bare_step():
    """A step of this module."""
    return WEIGHT.read_value()


class Trainer:
    """Has a step as a method, decorated by the test."""

    def __init__(self):
        self.number = 1

    def train_step(self):
        """The step."""
        return self.number


class TestCopies:
    """Pickling and copying, where the bare step has them."""

    @pytest.fixture
    def decorated(self, logdir, monkeypatch):
        """The module's step, decorated in its place."""
        step = gtlog.logged_step(logdir)(bare_step)
        monkeypatch.setitem(globals(), "bare_step", step)
        return step

    @pytest.fixture
    def trainer(self, logdir, monkeypatch):
        """A trainer whose method is decorated in its class."""
        monkeypatch.setattr(
            Trainer, "train_step", gtlog.logged_step(logdir)(Trainer.__dict__["train_step"])
        )
        return Trainer()

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_a_function_pickles_by_its_name(self, protocol, decorated):
        """What comes back is the decorated function itself."""
        assert pickle.loads(pickle.dumps(decorated, protocol)) is decorated

    def test_what_the_bare_function_cannot(self, logdir):
        """A function without a place to find it raises as the bare one does."""
        bare = lambda: None  # noqa: E731
        for step in (bare, gtlog.logged_step(logdir)(bare)):
            with pytest.raises((pickle.PicklingError, AttributeError)):
                pickle.dumps(step)

    def test_what_has_no_name(self, logdir):
        """A callable object is not pickled with its logger; the error says so."""

        class Step:
            def __call__(self):
                return None

        with pytest.raises(TypeError, match="cannot pickle the decorated step .* has no name"):
            pickle.dumps(gtlog.logged_step(logdir)(Step()))

    def test_a_function_is_its_own_copy(self, decorated):
        """As with the bare function."""
        assert copy.deepcopy(decorated) is decorated and copy.copy(decorated) is decorated

    def test_a_method_pickles_with_its_instance(self, trainer):
        """What comes back is the decorated method of a copy."""
        method = pickle.loads(pickle.dumps(trainer.train_step))
        assert method.__self__ is not trainer and method.__self__.number == 1
        assert method.step_logger is trainer.train_step.step_logger

    def test_a_method_is_copied_with_its_instance(self, trainer):
        """As a bare bound method is."""
        trainer.method = trainer.train_step
        copied = copy.deepcopy(trainer)
        assert copied.method.__self__ is copied
        assert copied.method.step_logger is trainer.train_step.step_logger
        assert copy.copy(trainer.method).__self__ is trainer

    def test_a_decorated_bound_method_in_its_instance(self, logdir):
        """The copy's step is the copy's method, with the logger of the original."""
        trainer = Trainer()
        trainer.step = gtlog.logged_step(logdir)(trainer.train_step)
        copied = copy.deepcopy(trainer)
        copied.number = 2
        with pytest.warns(gtlog.LoggingWarning, match="no variable"):
            assert (trainer.step(), copied.step()) == (1, 2)
        assert copied.step.step_logger is trainer.step.step_logger

    def test_a_tf_function(self, logdir):
        """A decorated tf.function that has no trace yet is copied, as the bare one is."""
        step = gtlog.logged_step(logdir)(tf.function(step_of(tf.Variable([3.0]))))
        copied = copy.deepcopy(step)
        assert copied is not step and copied.step_logger is step.step_logger


@pytest.mark.no_cover
def test_10000_logged_steps(logdir):
    """Memory, objects, threads and open files do not grow."""
    weight = tf.Variable(tf.ones([8]), name="weight")
    # Judged, but not said: nothing is trained.
    step = gtlog.logged_step(logdir, diagnose=lambda finding: None)(step_of(weight))

    def state():
        gc.collect()
        files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        return len(gc.get_objects()), threading.active_count(), files, resident_kilobytes()

    def run(count):
        for _ in range(count):
            step()
        return state()

    run(1000)
    before = run(10)
    after = run(9000)
    assert after[0] - before[0] < 100
    assert after[1:3] == before[1:3]
    assert after[3] - before[3] < 8 * 1024
    step.step_logger.close()
    assert len(read_events(logdir).of("loss")) == 10010


def resident_kilobytes():
    """The resident memory of this process; 0 where the system does not tell it."""
    if not os.path.exists("/proc/self/status"):
        return 0
    with open("/proc/self/status") as lines:
        (line,) = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1])
