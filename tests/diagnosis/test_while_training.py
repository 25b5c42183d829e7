"""`diagnose=` of a logger: what is found while a training runs is said once, and written."""

import gc
import json

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import tags
from gtlog.testing import read_events

from ..run_modes.rows.replicas import mirrored_strategy

STEPS = 60
CUT_AT = 20


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Judges at the same steps on a machine that is busy."""
    monkeypatch.setattr("gtlog.diagnosis.live.HEAD_START", 1e9)


class StopTraining(Exception):
    """What a user's loop is ended with."""


class Network:
    """Three layers that learn a teacher's answers; from a step on the middle one is replaced.

    The weights are set from outside, as by a callback that restores an old checkpoint.
    """

    def __init__(self):
        self.random = np.random.RandomState(0)
        names, sizes = ("first", "middle", "last"), (8, 16, 16, 4)
        self.weights = [
            tf.Variable(self.start(inputs, units), name=f"{name}/kernel")
            for name, inputs, units in zip(names, sizes, sizes[1:])
        ]
        self.teacher = self.random.randn(8, 4)
        self.is_spoilt = tf.Variable(False, trainable=False)

    def start(self, inputs, units):
        """The first weights of a layer."""
        return (self.random.randn(inputs, units) * np.sqrt(2 / inputs)).astype("float32")

    def step(self, x, labels, make_tape=gtlog.InstrumentedTape):
        """One update."""
        with make_tape() as tape:
            hidden = tf.nn.relu(x @ self.weights[0])
            logits = tf.nn.relu(hidden @ self.weights[1]) @ self.weights[2]
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        for weight, gradient in zip(self.weights, tape.gradient(loss, self.weights)):
            weight.assign_sub(0.1 * gradient)
        # A factor that makes NaN: the one fault that is judged at once.
        self.weights[1].assign(tf.where(self.is_spoilt, np.nan, 1.0) * self.weights[1])
        return loss

    def batch(self):
        """Inputs and labels."""
        x = self.random.randn(64, 8).astype("float32")
        return tf.constant(x), tf.constant((x @ self.teacher).argmax(1))

    def run(self, step, is_faulty=True, steps=STEPS):
        """Calls a step; from `CUT_AT` on the weights of the middle layer become NaN."""
        for number in range(steps):
            self.is_spoilt.assign(is_faulty and number >= CUT_AT)
            step(*self.batch())


def above(log, network):
    """Decorated above `tf.function`."""
    return log(tf.function(network.step))


def eager(log, network):
    """Decorated, and run by Python."""
    return log(network.step)


def beneath(log, network):
    """Decorated beneath `tf.function`."""
    return tf.function(log(lambda x, labels: network.step(x, labels)))


def compiled(log, network):
    """Decorated above a `tf.function` that XLA compiles."""
    options = {"jit_compile": True} if hasattr(tf.function(len), "_jit_compile") else {
        "experimental_compile": True
    }
    return log(tf.function(network.step, **options))


ABOVE = pytest.mark.parametrize("decorated", [above, eager, compiled], ids=lambda one: one.__name__)
ALL = pytest.mark.parametrize(
    "decorated", [above, eager, compiled, beneath], ids=lambda one: one.__name__
)


def test_alarms_are_warnings_at_the_users_line(logdir):
    """Each new alarm is given once as a TrainingWarning, at the line that called the step."""
    network = Network()
    step = above(gtlog.logged_step(logdir), network)
    with pytest.warns(gtlog.TrainingWarning) as caught:
        network.run(step)
    (warning,) = [one for one in caught if one.category is gtlog.TrainingWarning]
    (message,) = [str(one.message) for one in caught]  # nothing else says the NaN once more
    assert message.startswith(f"At step {CUT_AT} 256 of 256 elements of the value of 'middle/kern")
    assert message.endswith("on a run that starts shortly before this step.")
    assert warning.filename == __file__
    step.step_logger.close()


@ALL
def test_findings_are_written_with_their_step(decorated, logdir):
    """A finding is an event of the plugin `gtlog` at the step at which it was found."""
    network, found = Network(), []
    logger = gtlog.logged_step(logdir, diagnose=found.append)
    step = decorated(logger, network)
    network.run(step)
    (finding,) = [one for one in found if one.severity == "alarm"]
    assert (finding.fault, finding.layer) == ("nonfinite", "middle")
    del step
    gc.collect()
    written = [one for one in read_events(logdir) if one.tag == tags.FINDINGS]
    assert {one.kind for one in written} == {"gtlog"}
    texts = {one.step: [json.loads(text) for text in one.value] for one in written}
    assert gtlog.Finding.from_dict(texts[CUT_AT][-1]) == finding
    assert gtlog.open_run(logdir).findings[0] == finding


@ABOVE
def test_what_the_users_function_raises_ends_the_step(decorated, logdir):
    """An exception of the user's passes through unchanged, and its finding is on disk by then."""
    network = Network()
    stop = StopTraining("enough")

    def on_finding(finding):
        if finding.severity == "alarm":
            raise stop

    step = decorated(gtlog.logged_step(logdir, diagnose=on_finding), network)
    with pytest.raises(StopTraining) as caught:
        network.run(step)
    assert caught.value is stop
    assert [step for step, _ in gtlog.open_run(logdir).logged_findings][-1] == CUT_AT
    assert len(read_events(logdir).of("loss")) == CUT_AT + 1
    step.step_logger.close()


def test_in_a_graph_tensorflow_ends_the_step(logdir):
    """Beneath `tf.function` TensorFlow raises its own error, which names the user's exception."""
    network = Network()

    def on_finding(finding):
        raise StopTraining("enough")

    step = beneath(gtlog.logged_step(logdir, diagnose=on_finding), network)
    with pytest.raises(tf.errors.OpError, match="StopTraining: enough"):
        network.run(step)


def test_with_a_logger_around_the_step(logdir):
    """`with logger.step():` lets the exception of the user's function out."""
    network = Network()

    def on_finding(finding):
        raise StopTraining

    def step(x, labels):
        with log.step():
            network.step(x, labels)

    with pytest.raises(StopTraining):
        with gtlog.StepLogger(logdir, diagnose=on_finding) as log:
            network.run(step)


def test_a_run_that_is_cut_short_is_not_judged_as_a_whole(logdir):
    """Where an exception ends the loop, it is the one that arrives, and no finding of the end."""
    network = Network()
    kept = network.weights[1].numpy()

    def step(x, labels):
        with log.step():
            network.step(x, labels)
            network.weights[1].assign(kept)

    def on_finding(finding):
        raise StopTraining if finding.severity == "alarm" else KeyError(finding.fault)

    with pytest.raises(KeyError, match="not_updated"):
        with gtlog.StepLogger(logdir, diagnose=on_finding) as log:
            network.run(step, is_faulty=False)


def test_in_a_plain_loop(logdir):
    """In a loop of tapes the step is over when the next tape begins, which lets it out.

    No tape is left recording behind it.
    """
    network, probe = Network(), tf.Variable(1.0)

    def on_finding(finding):
        raise StopTraining

    log = gtlog.StepLogger(logdir, diagnose=on_finding)
    tapes = []

    def make_tape():
        tapes.append(gtlog.InstrumentedTape(logger=log))
        return tapes[-1]

    with pytest.raises(StopTraining):
        network.run(lambda x, labels: network.step(x, labels, make_tape))
    probe.read_value()
    assert tapes[-1].watched_variables() == ()
    log.close()


@pytest.mark.parametrize("place", ["around", "inside"])
def test_with_replicas(place, logdir):
    """Out of the threads of a strategy's replicas it comes unchanged, too."""
    strategy, stop = mirrored_strategy(), StopTraining("enough")
    with strategy.scope():
        weight = tf.Variable(tf.ones([2, 2]), name="dense/kernel")

    def on_finding(finding):
        raise stop

    log = gtlog.logged_step(logdir, diagnose=on_finding)

    def of_replica():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight)
        tape.gradient(loss, weight)
        tf.distribute.get_replica_context().merge_call(
            lambda distribution: distribution.extended.update(
                weight, lambda part: part.assign(part * np.nan)
            )
        )

    step = log(of_replica) if place == "inside" else log(lambda: strategy.run(of_replica))
    with pytest.raises(StopTraining) as caught:
        strategy.run(step) if place == "inside" else step()
    assert caught.value is stop
    step.step_logger.close()


def test_in_keras_fit(logdir):
    """What the user's function raises passes through `fit` out of a logger's callback."""
    model = tf.keras.Sequential([tf.keras.layers.Dense(3), tf.keras.layers.Dense(1)])
    model.compile(loss="mse", optimizer=tf.keras.optimizers.SGD(1e30))

    def on_finding(finding):
        raise StopTraining(finding.fault)

    log = gtlog.StepLogger(logdir, diagnose=on_finding)
    x = np.random.RandomState(0).randn(256, 4).astype("float32")
    with pytest.raises(StopTraining, match="nonfinite"):
        model.fit(x, x[:, :1], batch_size=8, verbose=0, callbacks=[log.keras_callback()])
    log.close()


def test_notes_are_written_and_not_said(logdir):
    """A layer that has not been updated so far is a note: no warning while the training runs."""
    network = Network()
    network.weights[1] = tf.Variable(network.weights[1].value(), name="middle/kernel")
    kept = network.weights[1].numpy()

    @gtlog.logged_step(logdir)
    def step(x, labels):
        network.step(x, labels)
        network.weights[1].assign(kept)

    network.run(step, is_faulty=False)
    notes = [fields for _, fields in gtlog.open_run(logdir).logged_findings]
    assert [(one["fault"], one["severity"]) for one in notes] == [("not_updated", "note")]
    with pytest.warns(gtlog.TrainingWarning, match="`middle`: not updated since step 0"):
        step.step_logger.close()
    (finding,) = gtlog.open_run(logdir).findings
    assert (finding.fault, finding.severity) == ("not_updated", "alarm")


def test_off(logdir):
    """diagnose=False says and writes nothing, and `gtlog.diagnose` names the remedy."""
    network = Network()
    step = above(gtlog.logged_step(logdir, diagnose=False), network)
    with pytest.warns(gtlog.LoggingWarning):  # the first NaN is said all the same
        network.run(step)
    with pytest.raises(ValueError, match="made with diagnose=False.*Give gtlog.diagnose the log"):
        gtlog.diagnose(step.step_logger)
    step.step_logger.close()
    assert tags.FINDINGS not in read_events(logdir).tags


def test_of_a_logger(logdir):
    """`gtlog.diagnose` of a logger gives what is found in what it has logged so far."""
    network = Network()
    step = above(gtlog.logged_step(logdir, diagnose=lambda finding: None), network)
    with pytest.raises(ValueError, match="has logged no step with vitals"):
        gtlog.diagnose(step.step_logger)
    network.run(step)
    (finding,) = gtlog.diagnose(step.step_logger)
    assert (finding.fault, finding.first_step) == ("nonfinite", CUT_AT)
    assert gtlog.diagnose(step.step_logger) == [finding]
    step.step_logger.close()


def test_without_vitals(logdir):
    """A function that can never be called is said once; the default is silent."""
    network = Network()
    scalars = gtlog.summaries.scalars()
    step = above(gtlog.logged_step(logdir, summaries=scalars, diagnose=print), network)
    with pytest.warns(gtlog.LoggingWarning, match="left no vitals at step 0") as caught:
        network.run(step, is_faulty=False, steps=5)
    assert len(caught) == 1
    step.step_logger.close()
    step = above(gtlog.logged_step(logdir + "2", summaries=scalars), network)
    network.run(step, is_faulty=False, steps=5)
    step.step_logger.close()


def test_several_findings_are_given_one_by_one(logdir):
    """Where the user's function raises at one finding, the next step gives it the others."""
    network, given = Network(), []
    log = gtlog.StepLogger(logdir)

    def on_finding(number):
        given.append(number)
        raise StopTraining

    for number in range(3):
        log._failures.put_off(lambda number=number: on_finding(number))
    for _ in range(3):
        with pytest.raises(StopTraining):
            with log.step():
                network.step(*network.batch())
    assert given == [0, 1, 2]
    log.close()


def test_a_rule_that_fails_ends_no_training(logdir, monkeypatch):
    """A failure of the diagnosis is said once, and the step is logged in full."""

    def fail(table, is_whole):
        raise ZeroDivisionError("a rule")

    monkeypatch.setattr("gtlog.diagnosis.live.judge", fail)
    network = Network()
    step = above(gtlog.logged_step(logdir), network)
    with pytest.warns(gtlog.LoggingWarning, match="could not diagnose the training") as caught:
        network.run(step, is_faulty=False, steps=10)
        step.step_logger.close()
    assert len({str(one.message) for one in caught}) == len(caught) <= 2
    assert len(read_events(logdir).of("loss")) == 10


def test_healthy_trainings_are_silent(logdir):
    """A healthy run says nothing and writes no finding, neither on the way nor at its end."""
    network = Network()
    step = above(gtlog.logged_step(logdir), network)
    network.run(step, is_faulty=False, steps=100)
    step.step_logger.close()
    assert tags.FINDINGS not in read_events(logdir).tags


@pytest.mark.parametrize("decorated", [above, beneath, eager], ids=lambda one: one.__name__)
def test_nothing_is_disturbed(decorated, logdir):
    """Losses and weights are bit for bit those with diagnose=False."""

    def outcome(diagnose):
        network, losses = Network(), []
        step = decorated(gtlog.logged_step(f"{logdir}-{diagnose}", diagnose=diagnose), network)
        network.run(lambda *batch: losses.append(step(*batch).numpy()), is_faulty=False)
        return [*losses, *(weight.numpy() for weight in network.weights)]

    pairs = zip(outcome(diagnose=False), outcome(diagnose=True))
    assert all(np.array_equal(one, other) for one, other in pairs)


class TestBadValues:
    """What `diagnose` cannot be is an error when the step is decorated."""

    @pytest.mark.parametrize("make", [gtlog.logged_step, gtlog.StepLogger])
    @pytest.mark.parametrize(
        "given, seen", [(None, "None (NoneType)"), ("on", "'on' (str)"), (1, "1 (int)")]
    )
    def test_wrong_kind(self, make, given, seen, logdir):
        """Neither a bool nor a function is a TypeError with parameter, value and rule."""
        with pytest.raises(TypeError) as caught:
            make(logdir, diagnose=given)
        assert str(caught.value) == (
            f"diagnose must be True, False or a function of a gtlog.Finding, got {seen}. Write "
            "diagnose=print to see each finding."
        )

    def test_wrong_parameters(self, logdir):
        """A function that takes no finding, or more, is a TypeError."""
        for function in (lambda: None, lambda finding, step: None):
            with pytest.raises(TypeError, match="which cannot be called with one argument"):
                gtlog.StepLogger(logdir, diagnose=function)

    def test_functions_that_do_not_tell(self, logdir):
        """Builtins are taken."""
        gtlog.StepLogger(logdir, diagnose=print).close()


def test_tensorboard_reads_findings(logdir):
    """TensorBoard loads a finding as a tensor of the plugin `gtlog`, whatever its name holds."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    network = Network()
    network.weights[1] = tf.Variable(network.weights[1].value(), name="mitte_é/kernel")
    step = above(gtlog.logged_step(logdir, diagnose=lambda finding: None), network)
    network.run(step)
    step.step_logger.close()
    accumulator = accumulators.EventAccumulator(logdir)
    accumulator.Reload()
    (event, *_) = accumulator.Tensors(tags.FINDINGS)
    (text,) = tf.make_ndarray(event.tensor_proto)
    assert event.step == CUT_AT
    assert gtlog.Finding.from_json(text) == gtlog.open_run(logdir).findings[0]
    assert accumulator.SummaryMetadata(tags.FINDINGS).plugin_data.plugin_name == "gtlog"
