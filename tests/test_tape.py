"""InstrumentedTape is a tf.GradientTape, and lets a step see what passes through `gradient`."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .reference import assert_histogram, charts


@pytest.fixture
def weight():
    """A variable to differentiate by."""
    return tf.Variable([1.0, 2.0, 4.0], name="weight")


@pytest.fixture(params=["eager", "above", "beneath"])
def run(request, logdir):
    """Runs a step once, decorated, in one of the ways; returns its result and its events."""

    def run(step, *arguments, **options):
        decorate = gtlog.logged_step(logdir, **options)
        decorated = {
            "eager": lambda: decorate(step),
            "above": lambda: decorate(tf.function(step)),
            "beneath": lambda: tf.function(decorate(step)),
        }[request.param]()
        return decorated(*arguments), read_events(logdir)

    return run


class TestGradientsOfEveryStructure:
    """The gradient is logged in whatever structure the sources come."""

    @pytest.mark.parametrize(
        "structure",
        [
            lambda a, b: [a, b],
            lambda a, b: (a, b),
            lambda a, b: {"one": a, "two": [b]},
            lambda a, b: [[a], (b,)],
        ],
        ids=["list", "tuple", "dict", "nested"],
    )
    def test_structures(self, structure, run, weight):
        """Lists, tuples, dicts and nests of sources keep their structure and are logged."""
        other = tf.Variable(3.0, name="other")
        sources = structure(weight, other)

        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight**2) * other
            return tape.gradient(loss, sources)

        gradients, events = run(step)
        tf.nest.assert_same_structure(gradients, sources)
        assert_histogram(events.of("gradients/weight")[0], [6.0, 12.0, 24.0])
        assert_histogram(events.of("gradients/other")[0], [21.0])

    def test_single_variable_by_keyword(self, run, weight):
        """One variable, all arguments by keyword."""

        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight**2)
            return tape.gradient(sources=weight, target=loss)

        gradient, events = run(step)
        np.testing.assert_array_equal(gradient, [2.0, 4.0, 8.0])
        assert_histogram(events.of("gradients/weight")[0], [2.0, 4.0, 8.0])

    def test_tensors_as_sources_are_not_logged(self, run, weight):
        """A tensor's gradient is returned and leaves no tag."""

        def step():
            x = tf.constant(3.0)
            with gtlog.InstrumentedTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(weight * x)
            return tape.gradient(loss, [x, weight])

        (of_x, _), events = run(step)
        assert float(of_x) == 7.0
        assert [tag for tag in events.tags if tag.startswith("gradients/")] == ["gradients/weight"]

    def test_a_source_given_twice_counts_once(self, run, weight):
        """The same variable twice among the sources of one call is one gradient."""

        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            return tape.gradient(loss, [weight, weight])

        _, events = run(step)
        assert_histogram(events.of("gradients/weight")[0], [1.0, 1.0, 1.0])

    def test_none_gradients_are_said_once(self, logdir, weight):
        """A None gradient is returned as ever and named in one warning."""
        unused = tf.Variable(1.0, name="unused")

        @gtlog.logged_step(logdir)
        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            return tape.gradient(loss, [weight, unused])

        with pytest.warns(gtlog.LoggingWarning, match="'unused'") as caught:
            assert step()[1] is None
            step()
        assert len(caught) == 1
        assert "gradients/unused" not in read_events(logdir).tags
        assert list(read_events(logdir).of("weights/unused")) == [0, 1]

    def test_indexed_slices_are_summed_by_row(self, run):
        """Of IndexedSlices the touched rows are logged, repeated indices summed."""
        table = tf.Variable(np.zeros((100, 2)), dtype=tf.float32, name="embeddings")

        def step():
            with gtlog.InstrumentedTape() as tape:
                rows = tf.gather(table, [7, 3, 7])
                loss = tf.reduce_sum(rows * [[1.0, 2.0], [4.0, 8.0], [16.0, 32.0]])
            gradient = tape.gradient(loss, table)
            assert isinstance(gradient, tf.IndexedSlices)
            return loss

        _, events = run(step)
        assert_histogram(events.of("gradients/embeddings")[0], [[4.0, 8.0], [17.0, 34.0]])
        norm = np.sqrt(4.0**2 + 8.0**2 + 17.0**2 + 34.0**2)
        np.testing.assert_allclose(events.of("gradient_norm")[0], norm, rtol=1e-6)


class TestSeveralGradientsInAStep:
    """Each variable's gradient is logged once a step."""

    def test_gradients_taken_twice_are_summed(self, run, weight):
        """A persistent tape's gradients of two targets are summed; both losses are logged."""

        def step():
            with gtlog.InstrumentedTape(persistent=True) as tape:
                first = tf.reduce_sum(weight)
                second = tf.reduce_sum(weight**2)
            return tape.gradient(first, weight), tape.gradient(second, weight)

        _, events = run(step)
        assert_histogram(events.of("gradients/weight")[0], [3.0, 5.0, 9.0])
        assert events.of("loss/0") == {0: 7.0} and events.of("loss/1") == {0: 21.0}

    def test_one_target_differentiated_twice_is_one_loss(self, run, weight):
        """The same target by two variables gives one loss."""
        other = tf.Variable(2.0, name="other")

        def step():
            with gtlog.InstrumentedTape(persistent=True) as tape:
                loss = tf.reduce_sum(weight) * other
            return tape.gradient(loss, weight), tape.gradient(loss, other)

        _, events = run(step)
        assert events.of("loss") == {0: 14.0}
        assert_histogram(events.of("gradients/other")[0], [7.0])

    def test_accumulated_gradients_are_summed(self, run, weight):
        """Several tapes and one update: the sum is logged, the update is the one that was made.

        Of their losses, which no name tells apart, the last is logged, and that is said.
        """

        def step():
            total = tf.zeros([3])
            for factor in (1.0, 2.0):
                with gtlog.InstrumentedTape() as tape:
                    loss = factor * tf.reduce_sum(weight)
                total += tape.gradient(loss, weight)
            weight.assign_sub(total)

        with pytest.warns(gtlog.LoggingWarning, match="differentiated 2 losses by the same"):
            _, events = run(step)
        assert events.of("loss") == {0: 14.0}
        assert_histogram(events.of("gradients/weight")[0], [3.0, 3.0, 3.0])
        ratio = np.sqrt(27.0) / np.linalg.norm([-2.0, -1.0, 1.0])
        np.testing.assert_allclose(events.of("update_ratio")[0], ratio, rtol=1e-6)

    def test_gradient_penalty(self, run, weight):
        """The gradient that an outer tape differentiates on is no gradient of the step."""

        def step():
            x = tf.constant([1.0, 1.0, 1.0])
            with gtlog.InstrumentedTape() as outer:
                with gtlog.InstrumentedTape() as inner:
                    inner.watch(x)
                    output = tf.reduce_sum(weight * x**2)
                slope = inner.gradient(output, x)
                loss = tf.reduce_sum(slope**2)
            return outer.gradient(loss, weight)

        gradient, events = run(step)
        np.testing.assert_array_equal(gradient, [8.0, 16.0, 32.0])
        assert_histogram(events.of("gradients/weight")[0], [8.0, 16.0, 32.0])
        assert events.of("loss") == {0: 84.0}

    def test_inner_gradient_of_the_same_variable_does_not_count(self, run, weight):
        """Where inner and outer tape differentiate by one variable, the outer gradient counts."""

        def step():
            with gtlog.InstrumentedTape() as outer:
                with gtlog.InstrumentedTape() as inner:
                    output = tf.reduce_sum(weight**3)
                loss = tf.reduce_sum(inner.gradient(output, weight))
            return outer.gradient(loss, weight)

        gradient, events = run(step)
        np.testing.assert_array_equal(gradient, [6.0, 12.0, 24.0])
        assert_histogram(events.of("gradients/weight")[0], [6.0, 12.0, 24.0])
        assert events.of("loss") == {0: 3.0 + 12.0 + 48.0}

    def test_two_models_of_a_gan(self, run, weight):
        """Two tapes, two sets of variables: both losses, all gradients, real updates."""
        critic = tf.Variable([2.0, 2.0], name="critic")

        def step():
            with gtlog.InstrumentedTape() as of_generator, gtlog.InstrumentedTape() as of_critic:
                generator_loss = tf.reduce_sum(weight)
                critic_loss = tf.reduce_sum(critic**2)
            weight.assign_sub(of_generator.gradient(generator_loss, weight))
            critic.assign_sub(of_critic.gradient(critic_loss, critic))

        _, events = run(step)
        assert events.of("loss/0") == {0: 7.0} and events.of("loss/1") == {0: 8.0}
        assert_histogram(events.of("gradients/critic")[0], [4.0, 4.0])
        assert_histogram(events.of("weights/critic")[0], [-2.0, -2.0])
        update = np.sqrt(3.0 + 32.0)
        weights = np.linalg.norm([0.0, 1.0, 3.0, -2.0, -2.0])
        np.testing.assert_allclose(events.of("update_ratio")[0], update / weights, rtol=1e-6)

    def test_a_target_that_is_no_scalar_is_logged_as_its_sum(self, run, weight):
        """The loss is the sum of the target's elements: that is what the tape differentiates."""

        def step():
            with gtlog.InstrumentedTape() as tape:
                losses = [weight * 2.0, tf.reduce_sum(weight)]
            return tape.gradient(losses, weight)

        _, events = run(step)
        assert events.of("loss") == {0: 14.0 + 7.0}

    def test_a_tape_in_a_nested_function_is_seen(self, run, weight):
        """Gradients taken in a tf.function that the step calls are logged."""

        @tf.function
        def differentiate():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight**2)
            return tape.gradient(loss, weight)

        def step():
            weight.assign_sub(differentiate())

        _, events = run(step)
        assert_histogram(events.of("gradients/weight")[0], [2.0, 4.0, 8.0])
        assert_histogram(events.of("weights/weight")[0], [-1.0, -2.0, -4.0])


class TestItIsAGradientTape:
    """Outside a step, and inside one, it does what tf.GradientTape does."""

    def test_isinstance(self):
        """It is an instance of tf.GradientTape."""
        assert isinstance(gtlog.InstrumentedTape(), tf.GradientTape)

    @pytest.mark.filterwarnings("ignore:gtlog.InstrumentedTape was used outside")
    def test_positional_arguments(self, weight):
        """`persistent` and `watch_accessed_variables` may be given by position."""
        with gtlog.InstrumentedTape(True, False) as tape:
            loss = tf.reduce_sum(weight)
        assert tape.gradient(loss, weight) is None
        assert tape.gradient(loss, weight) is None

    def test_jacobians_are_not_logged(self, logdir, weight):
        """`jacobian` and `batch_jacobian` work and leave nothing in the log."""
        x = tf.constant([[1.0, 2.0], [3.0, 4.0]])

        @gtlog.logged_step(logdir)
        def step():
            with gtlog.InstrumentedTape(persistent=True) as tape:
                tape.watch(x)
                y, z = weight**2, x**2
            return tape.jacobian(y, weight), tape.batch_jacobian(z, x)

        jacobian, batch_jacobian = step()
        np.testing.assert_array_equal(jacobian, np.diag([2.0, 4.0, 8.0]))
        np.testing.assert_array_equal(batch_jacobian[1], np.diag([6.0, 8.0]))
        assert charts(read_events(logdir)) == ["weight_norm", "weights/weight"]

    def test_reset_and_stop_recording_begin_no_step(self, logdir, weight):
        """`reset` and `stop_recording` inside a tape belong to the step it began."""
        with gtlog.StepLogger(logdir) as logger:
            for _ in range(2):
                with gtlog.InstrumentedTape(logger=logger) as tape:
                    tf.reduce_sum(weight**5)
                    tape.reset()
                    with tape.stop_recording():
                        scale = tf.reduce_sum(weight)
                    loss = tf.reduce_sum(weight) * scale
                tape.gradient(loss, weight)
        assert list(read_events(logdir).of("loss")) == [0, 1]

    def test_second_use_raises_tensorflows_error(self, logdir, weight):
        """A tape that is not persistent gives its gradient once, with TensorFlow's own error."""

        @gtlog.logged_step(logdir)
        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            tape.gradient(loss, weight)
            tape.gradient(loss, weight)

        with pytest.raises(RuntimeError, match="[Pp]ersistent|once|non-persistent"):
            step()

    def test_use_after_the_step_is_no_part_of_it(self, logdir, weight):
        """A tape that outlives its step works on and logs nothing more, which is said."""

        @gtlog.logged_step(logdir)
        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            return tape, loss

        tape, loss = step()
        with pytest.warns(gtlog.LoggingWarning, match="outside of any logged step"):
            gradient = tape.gradient(loss, weight)
        np.testing.assert_array_equal(gradient, [1.0, 1.0, 1.0])
        assert "gradients/weight" not in read_events(logdir).tags

    @pytest.mark.filterwarnings("ignore:gtlog.InstrumentedTape was used outside")
    def test_output_gradients_and_unconnected_gradients(self, weight):
        """Both parameters reach TensorFlow."""
        unused = tf.Variable([1.0, 2.0])
        with gtlog.InstrumentedTape() as tape:
            y = weight * 2.0
        by_weight, by_unused = tape.gradient(
            y, [weight, unused], tf.constant([1.0, 10.0, 100.0]), tf.UnconnectedGradients.ZERO
        )
        np.testing.assert_array_equal(by_weight, [2.0, 20.0, 200.0])
        np.testing.assert_array_equal(by_unused, [0.0, 0.0])

    def test_a_variable_as_target_is_no_new_step(self, logdir, weight):
        """TensorFlow enters the tape again to read a target that is a variable."""
        with gtlog.StepLogger(logdir) as logger:
            with gtlog.InstrumentedTape(logger=logger, persistent=True) as tape:
                loss = tf.reduce_sum(weight)
            tape.gradient(loss, weight)
            tape.gradient(weight, weight)
        assert read_events(logdir).of("loss/0") == {0: 7.0}

    def test_logger_must_be_a_logger(self):
        """Anything else as `logger` is an error that says what to write."""
        with pytest.raises(TypeError, match="must be a gtlog.StepLogger, got 'logs'"):
            gtlog.InstrumentedTape(logger="logs")


class TestInlineLoops:
    """A tape with a logger is enough in a plain loop."""

    def test_values_are_those_after_the_update(self, logdir, weight):
        """Each step's weights are those after its own optimizer update."""
        expected = []
        with gtlog.StepLogger(logdir, every=2) as logger:
            for _ in range(5):
                with gtlog.InstrumentedTape(logger=logger) as tape:
                    loss = tf.reduce_sum(weight**2)
                weight.assign_sub(0.1 * tape.gradient(loss, weight))
                expected.append(weight.numpy().copy())
        events = read_events(logdir)
        assert list(events.of("weights/weight")) == [0, 2, 4]
        for step, rows in events.of("weights/weight").items():
            assert_histogram(rows, expected[step])
        np.testing.assert_allclose(events.of("update_ratio")[4], 0.2 / 0.8, rtol=1e-6)

    def test_two_tapes_entered_together_are_one_step(self, logdir, weight):
        """A GAN's two tapes, entered before any gradient is taken, make one step."""
        other = tf.Variable(1.0, name="other")
        with gtlog.StepLogger(logdir) as logger:
            for _ in range(2):
                with gtlog.InstrumentedTape(logger=logger) as one:
                    with gtlog.InstrumentedTape(logger=logger) as two:
                        first, second = tf.reduce_sum(weight), other * 2.0
                weight.assign_sub(one.gradient(first, weight))
                other.assign_sub(two.gradient(second, other))
        assert list(read_events(logdir).of("loss/1")) == [0, 1]
        assert list(read_events(logdir).of("gradients/other")) == [0, 1]

    def test_step_groups_tapes(self, logdir, weight):
        """`with logger.step():` makes one step of all the tapes in it."""
        with gtlog.StepLogger(logdir) as logger:
            for _ in range(2):
                with logger.step():
                    for number in range(3):
                        with gtlog.InstrumentedTape(logger=logger, name=f"part{number}") as tape:
                            loss = tf.reduce_sum(weight)
                        tape.gradient(loss, weight)
        assert list(read_events(logdir).of("loss/part2")) == [0, 1]

    def test_flush_writes_the_last_step(self, logdir, weight):
        """`flush`, called after the update, writes the step that is under way."""
        logger = gtlog.StepLogger(logdir)
        with gtlog.InstrumentedTape(logger=logger) as tape:
            loss = tf.reduce_sum(weight)
        tape.gradient(loss, weight)
        assert not read_events(logdir)
        logger.flush()
        assert read_events(logdir).of("loss") == {0: 7.0}

    def test_an_exception_drops_the_step(self, logdir, weight):
        """A step that an exception leaves is not logged; the next one is."""
        with gtlog.StepLogger(logdir) as logger:
            with pytest.raises(KeyError):
                with gtlog.InstrumentedTape(logger=logger):
                    raise KeyError("data")
            with gtlog.InstrumentedTape(logger=logger) as tape:
                loss = tf.reduce_sum(weight)
            tape.gradient(loss, weight)
        assert list(read_events(logdir).of("loss")) == [1]

    def test_in_a_graph_it_says_what_to_write(self, logdir, weight):
        """Inside a tf.function without a step around it, one warning names the remedy."""
        logger = gtlog.StepLogger(logdir)

        @tf.function
        def train():
            with gtlog.InstrumentedTape(logger=logger) as tape:
                loss = tf.reduce_sum(weight)
            return tape.gradient(loss, weight)

        with pytest.warns(gtlog.LoggingWarning, match="Decorate the function"):
            train()


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "above"])
def test_a_tape_does_not_enclose_itself(compiled, logdir):
    """A gradient taken while its own tape still records counts beside that of a later tape."""
    weight = tf.Variable(2.0, name="weight")

    def train_step():
        with gtlog.InstrumentedTape(persistent=True) as first:
            loss = weight * weight
            first.gradient(loss, weight)
        with gtlog.InstrumentedTape() as second:
            loss = 3.0 * weight
        second.gradient(loss, weight)

    step = gtlog.logged_step(logdir)(tf.function(train_step) if compiled else train_step)
    with pytest.warns(gtlog.LoggingWarning, match="differentiated 2 losses by the same"):
        step()
    assert read_events(logdir).of("gradient_norm")[0] == 4.0 + 3.0
