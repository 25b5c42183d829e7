"""The schedules that come with gtlog, and summaries that run less often than the logger."""

import itertools

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import gtlog
from gtlog.summaries import Scalar, less_often, scalars
from gtlog.testing import read_events


class HandClock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    """A clock that stands still."""
    return HandClock()


class Training:
    """A decorated step, in one of the ways to run it."""

    def __init__(self, mode, logdir):
        self.mode = mode
        self.logdir = logdir
        self.runs = itertools.count()

    def decorated(self, logdir, **options):
        """The step, not called yet."""
        weight = tf.Variable(1.0, name="weight")

        def train_step():
            with gtlog.InstrumentedTape() as tape:
                loss = weight * 2.0
            weight.assign_sub(tape.gradient(loss, weight))

        decorate = gtlog.logged_step(logdir, **{"on_error": "raise", **options})
        if self.mode == "beneath":
            return tf.function(decorate(train_step))
        return decorate(tf.function(train_step) if self.mode == "above" else train_step)

    def events(self, count, before_step=lambda: None, **options):
        """What `count` steps log into a directory of their own."""
        logdir = f"{self.logdir}/{next(self.runs)}"
        step = self.decorated(logdir, **options)
        for _ in range(count):
            before_step()
            step()
        return read_events(logdir)

    def logged(self, count, before_step=lambda: None, **options):
        """The numbers of the steps that are logged of `count`."""
        return list(self.events(count, before_step, **options).of("loss"))


@pytest.fixture(params=["eager", "above", "beneath"])
def training(request, logdir):
    """Training in each way to run it."""
    return Training(request.param, logdir)


def costly(clock, seconds):
    """A summary whose runs take these numbers of seconds, one after the other."""
    durations = iter(seconds)

    def summarize(record):
        clock.advance(next(durations))
        return []

    return summarize


class TestEverySteps:
    """`every_steps(n)`."""

    def test_it_logs_multiples(self, training):
        """The steps 0, n, 2n are logged, as with `every=n`."""
        assert training.logged(8, every=gtlog.every_steps(3)) == [0, 3, 6]
        assert training.logged(8, every=3) == [0, 3, 6]


class TestEverySeconds:
    """`every_seconds(t)`."""

    def test_it_logs_by_the_clock(self, training, clock):
        """Logged are the first step and each that begins t seconds after the one logged before."""
        every = gtlog.every_seconds(3, clock=clock)
        assert training.logged(8, lambda: clock.advance(1.0), every=every) == [0, 3, 6]

    def test_steps_longer_than_t(self, training, clock):
        """Where a step takes longer than t, each is logged, and none is made up for."""
        pauses = iter([0.0, 10.0, 0.5, 0.5, 0.5])
        every = gtlog.every_seconds(1.0, clock=clock)
        assert training.logged(5, lambda: clock.advance(next(pauses)), every=every) == [0, 1, 3]

    def test_the_time_until_the_first_step_does_not_count(self, training, clock):
        """A schedule that is made long before training logs no more for it."""
        every = gtlog.every_seconds(5, clock=clock)
        clock.advance(1e6)
        assert training.logged(4, lambda: clock.advance(1.0), every=every) == [0]

    def test_the_default_clock_is_the_real_one(self, training):
        """Without `clock`, an hour does not pass in three steps, and a nanosecond does in each."""
        assert training.logged(3, every=gtlog.every_seconds(3600)) == [0]
        assert training.logged(3, every=gtlog.every_seconds(1e-9)) == [0, 1, 2]


class TestLogSpaced:
    """`log_spaced(per_decade, max_gap=...)`."""

    def test_it_thins_out(self, training):
        """Logged are 0 and the powers 10 ** (k / per_decade), rounded: many first, few later."""
        expected = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25]
        assert training.logged(30, every=gtlog.log_spaced(10)) == expected

    def test_it_goes_on_evenly_behind_the_widest_gap(self, training):
        """With `max_gap`, no two logged steps lie further apart."""
        every = gtlog.log_spaced(10, max_gap=4)
        assert training.logged(31, every=every) == [*range(7), 8, 10, 13, 16, 20, 24, 28]
        every = gtlog.log_spaced(7, max_gap=9)
        assert training.logged(40, every=every) == [*range(6), 7, 10, 14, 19, 27, 36]

    def test_a_gap_that_is_never_reached(self, training):
        """A `max_gap` beyond the largest step changes nothing."""
        every = gtlog.log_spaced(10, max_gap=2**63)
        assert training.logged(30, every=every) == training.logged(30, every=gtlog.log_spaced(10))

    def test_large_numbers(self, training):
        """Powers of ten are hit exactly, up to the largest int64, in Python and in graphs."""
        numbers = [999_999, 10**6, 10**6 + 1, 10**15, 10**18, 2**63 - 1]
        following = iter(numbers)
        assert training.logged(
            len(numbers), step=lambda: next(following), every=gtlog.log_spaced(1)
        ) == [10**6, 10**15, 10**18]

    def test_a_resumed_run_logs_the_same_steps(self, training):
        """A run that is interrupted logs what it would have logged without the break."""
        whole = training.logged(40, every=gtlog.log_spaced(7, max_gap=9))
        parts = [
            training.logged(20, step=first, every=gtlog.log_spaced(7, max_gap=9))
            for first in (0, 20)
        ]
        assert parts[0] + parts[1] == whole

    def test_two_loggers_may_share_one(self, training):
        """It remembers nothing, so one serves two runs."""
        every = gtlog.log_spaced(3)
        assert training.logged(12, every=every) == training.logged(12, every=every)

    @given(per_decade=st.integers(1, 1000), decade=st.integers(3, 12))
    def test_density(self, per_decade, decade):
        """Where steps are not scarce, each decade has as many logged steps as was asked for."""
        schedule = gtlog.log_spaced(per_decade)
        powers = {round(10 ** (decade + k / per_decade)) for k in range(per_decade)}
        near = {power + shift for power in powers for shift in (-1, 0, 1)}
        inside = [step for step in near if 10**decade <= step < 10 ** (decade + 1)]
        count = sum(schedule(step) for step in inside)
        # The last power of a decade may be rounded up into the next.
        assert len(powers) - 1 <= count <= len(powers)

    @given(per_decade=st.integers(1, 50), max_gap=st.integers(1, 10**4))
    def test_gaps(self, per_decade, max_gap):
        """Gaps grow, to `max_gap` and no further."""
        schedule = gtlog.log_spaced(per_decade, max_gap=max_gap)
        logged = [step for step in range(3 * 10**4) if schedule(step)]
        gaps = [after - before for before, after in zip(logged, logged[1:])]
        assert max(gaps) <= max_gap
        # Rounding lets a gap be smaller by one than the one before it.
        assert all(after >= before - 1 for before, after in zip(gaps, gaps[1:]))


def host_calls(step):
    """The calls of Python that a traced step makes on each run, logged or not."""
    operations = step.get_concrete_function().graph.get_operations()
    return [one.name for one in operations if "PyFunc" in one.type]


@pytest.mark.parametrize(
    "every", [7, gtlog.every_steps(7), gtlog.log_spaced(), gtlog.log_spaced(max_gap=9)]
)
def test_schedules_of_the_number_stay_in_the_graph(logdir, every):
    """Beneath tf.function, a schedule of the number alone is asked without a call of Python."""
    training = Training("beneath", logdir)
    assert host_calls(training.decorated(logdir, every=every)) == []
    assert len(host_calls(training.decorated(logdir, every=lambda step: True))) == 1


class TestOverhead:
    """`overhead(fraction)`."""

    def test_it_waits_until_training_has_made_up_for_the_cost(self, training, clock):
        """A step that costs 1/8 s to log, at 1/32, is followed by 4 s without logging."""
        assert training.logged(
            12,
            lambda: clock.advance(1.0),
            every=gtlog.overhead(1 / 32, clock=clock),
            summaries=[scalars(), costly(clock, itertools.repeat(0.125))],
        ) == [0, 1, 5, 9]

    def test_the_first_step_is_not_measured(self, training, clock):
        """What is built at the first logged step, and its time, put off none of the later ones."""
        training_times = itertools.chain([500.0], itertools.repeat(1.0))
        assert training.logged(
            8,
            lambda: clock.advance(next(training_times)),
            every=gtlog.overhead(1 / 32, clock=clock),
            summaries=[scalars(), costly(clock, itertools.chain([60.0], itertools.repeat(0.125)))],
        ) == [0, 1, 5]

    def test_costs_that_differ(self, training, clock):
        """Each step is made up for at its own cost, however costly the steps around it."""
        assert training.logged(
            15,
            lambda: clock.advance(1.0),
            every=gtlog.overhead(0.25, clock=clock),
            summaries=[scalars(), costly(clock, [9.0, 0.25, 2.0, 0.5, 0.25, 0.25, 0.25])],
        ) == [0, 1, 2, 10, 12, 13, 14]

    def test_a_pause_is_no_credit(self, training, clock):
        """An hour between two steps is followed by one logged step, not by many."""
        pauses = iter([1.0] * 6 + [3600.0] + [1.0] * 5)
        assert training.logged(
            12,
            lambda: clock.advance(next(pauses)),
            every=gtlog.overhead(1 / 32, clock=clock),
            summaries=[scalars(), costly(clock, itertools.repeat(0.125))],
        ) == [0, 1, 5, 6, 10]

    def test_a_failing_summary_costs_too(self, training, clock):
        """The time that a summary took before it failed is made up for."""

        def failing(record):
            clock.advance(0.125)
            raise RuntimeError("no such number")

        with pytest.warns(gtlog.LoggingWarning, match="no such number"):
            assert training.logged(
                6,
                lambda: clock.advance(1.0),
                every=gtlog.overhead(1 / 32, clock=clock),
                summaries=[scalars(), failing],
                on_error="warn",
            ) == [0, 1, 5]

    def test_a_plain_loop(self, logdir, clock):
        """In a loop without a step function, the wait begins when the next step has written it."""
        weight = tf.Variable(1.0, name="weight")
        every = gtlog.overhead(1 / 32, clock=clock)
        summaries = [scalars(), costly(clock, itertools.repeat(0.125))]
        with gtlog.StepLogger(logdir, every=every, summaries=summaries) as log:
            for _ in range(12):
                clock.advance(1.0)
                with gtlog.InstrumentedTape(logger=log) as tape:
                    loss = weight * 2.0
                weight.assign_sub(tape.gradient(loss, weight))
        assert list(read_events(logdir).of("loss")) == [0, 1, 6, 11]

    @given(
        fraction=st.sampled_from([0.01, 0.02, 0.3, 1.0]),
        durations=st.lists(
            st.tuples(st.floats(1e-4, 10.0), st.floats(0.0, 10.0)), min_size=3, max_size=60
        ),
    )
    def test_it_keeps_its_word(self, fraction, durations):
        """Whatever steps take, the costs but for the first and the last are in the budget."""
        clock = HandClock()
        schedule = gtlog.overhead(fraction, clock=clock)
        trained, costs = 0.0, []
        for step, (training_time, cost) in enumerate(durations):
            if schedule(step):
                with schedule.logging():
                    clock.advance(cost)
                costs.append(cost)
            clock.advance(training_time)
            trained += training_time
        assert sum(costs[1:-1]) <= fraction * trained * (1 + 1e-9)
        assert costs[:2] == [cost for _, cost in durations[:2]]

    def test_the_default_clock_is_the_real_one(self, training):
        """Without `clock`, a fraction that is next to nothing logs the first two steps alone."""
        assert training.logged(20, every=gtlog.overhead(1e-9)) == [0, 1]


class TestLessOften:
    """`summaries.less_often(summary, every)`."""

    @pytest.mark.parametrize(
        "every, expected",
        [
            (4, [0, 4, 8]),
            (gtlog.every_steps(6), [0, 6]),
            (gtlog.log_spaced(3), [0, 2, 10]),
            (lambda step: step in (2, 3, 8), [2, 8]),
        ],
    )
    def test_it_runs_on_logged_steps_that_its_schedule_accepts(self, training, every, expected):
        """It runs where both the logger's schedule and its own say so, by the step's number."""
        events = training.events(
            12, every=2, summaries=[scalars(), less_often(squares, every)]
        )
        assert list(events.of("loss")) == [0, 2, 4, 6, 8, 10]
        assert list(events.of("square")) == expected

    def test_with_seconds(self, training, clock):
        """A schedule of seconds is asked on logged steps alone."""
        summary = less_often(squares, gtlog.every_seconds(3, clock=clock))
        events = training.events(
            12, lambda: clock.advance(1.0), every=2, summaries=[scalars(), summary]
        )
        assert list(events.of("square")) == [0, 4, 8]

    def test_overhead_measures_the_summary_alone(self, training, clock):
        """With `overhead`, only what the summary itself takes is made up for."""

        def summarize(record):
            clock.advance(0.125)
            return squares(record)

        summary = less_often(summarize, gtlog.overhead(1 / 16, clock=clock))
        events = training.events(
            9,
            lambda: clock.advance(1.0),
            summaries=[scalars(), costly(clock, itertools.repeat(0.0)), summary],
        )
        assert list(events.of("square")) == [0, 1, 3, 5, 7]
        assert len(events.of("loss")) == 9

    def test_messages_name_the_summary(self, logdir):
        """A failure inside is said of the summary that failed."""

        def broken(record):
            raise RuntimeError("no such number")

        with gtlog.StepLogger(logdir, summaries=[less_often(broken, every=1)]) as log:
            with pytest.warns(gtlog.LoggingWarning, match="broken at step 0: RuntimeError"):
                with log.step():
                    tf.Variable(1.0, name="weight") + 1.0

    def test_a_summary_that_was_not_made(self):
        """A stock summary without its parentheses is a TypeError that shows them."""
        with pytest.raises(TypeError) as caught:
            less_often(gtlog.summaries.kernel_images, every=10)
        assert str(caught.value) == (
            "summary: kernel_images makes a summary and is none itself. "
            "Write kernel_images() with parentheses."
        )

    def test_what_is_no_summary(self):
        """What cannot be called is a TypeError."""
        with pytest.raises(TypeError) as caught:
            less_often(10, gtlog.summaries.kernel_images())
        assert str(caught.value) == (
            "summary: a summary must be a callable from a gtlog.StepRecord to an iterable of "
            "values, such as gtlog.summaries.histograms(), got 10 (int)."
        )

    def test_every_is_checked(self):
        """Its `every` follows the rules of the logger's."""
        with pytest.raises(ValueError, match="every must be a positive int, got 0"):
            less_often(scalars(), every=0)


def squares(record):
    """A summary that writes the square of the step's number."""
    yield Scalar("square", float(record.step**2))


_STEPS = "n must be a positive int"
_SECONDS = "t must be a positive, finite number of seconds"
_DENSITY = "per_decade must be an int from 1 to 1000"
_GAP = "max_gap must be a positive int, or None"
_FRACTION = "fraction must be a number above 0 and at most 1"
_CLOCK = "clock must be a callable that returns seconds, such as time.monotonic"


@pytest.mark.parametrize(
    "make, value, error, message",
    [
        (gtlog.every_steps, 0, ValueError, f"{_STEPS}, got 0."),
        (gtlog.every_steps, -3, ValueError, f"{_STEPS}, got -3."),
        (gtlog.every_steps, 2.0, TypeError, f"{_STEPS}, got 2.0 (float)."),
        (gtlog.every_steps, True, TypeError, f"{_STEPS}, got True (bool)."),
        (gtlog.every_seconds, 0, ValueError, f"{_SECONDS}, got 0."),
        (gtlog.every_seconds, -1.0, ValueError, f"{_SECONDS}, got -1.0."),
        (gtlog.every_seconds, float("inf"), ValueError, f"{_SECONDS}, got inf."),
        (gtlog.every_seconds, float("nan"), ValueError, f"{_SECONDS}, got nan."),
        (gtlog.every_seconds, "1m", TypeError, f"{_SECONDS}, got '1m' (str)."),
        (gtlog.log_spaced, 0, ValueError, f"{_DENSITY}, got 0."),
        (gtlog.log_spaced, 1001, ValueError, f"{_DENSITY}, got 1001."),
        (gtlog.log_spaced, 1.5, TypeError, f"{_DENSITY}, got 1.5 (float)."),
        (lambda gap: gtlog.log_spaced(max_gap=gap), 0, ValueError, f"{_GAP}, got 0."),
        (lambda gap: gtlog.log_spaced(max_gap=gap), "9", TypeError, f"{_GAP}, got '9' (str)."),
        (gtlog.overhead, 0, ValueError, f"{_FRACTION}, got 0."),
        (gtlog.overhead, 2, ValueError, f"{_FRACTION}, got 2."),
        (gtlog.overhead, float("nan"), ValueError, f"{_FRACTION}, got nan."),
        (gtlog.overhead, "2 %", TypeError, f"{_FRACTION}, got '2 %' (str)."),
        (lambda clock: gtlog.every_seconds(1, clock=clock), 0.0, TypeError, f"{_CLOCK}, got 0.0"),
        (lambda clock: gtlog.overhead(0.1, clock=clock), None, TypeError, f"{_CLOCK}, got None"),
    ],
)
def test_bad_parameters(make, value, error, message):
    """A parameter out of its range is an error at once, with its name, the rule and the value."""
    with pytest.raises(error) as caught:
        make(value)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("make", ["every_steps", "every_seconds", "log_spaced", "overhead"])
def test_a_schedule_that_was_not_made(logdir, make):
    """A schedule without its parentheses is a TypeError that shows them."""
    with pytest.raises(TypeError) as caught:
        gtlog.StepLogger(logdir, every=getattr(gtlog, make))
    assert str(caught.value) == (
        f"every: {make} makes a schedule and is none itself. "
        f"Write every=gtlog.{make}(...) with parentheses."
    )
