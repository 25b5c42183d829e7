"""Tags: the ones in `gtlog.tags` are those that the summaries write."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import summaries, tags
from gtlog.testing import read_events

PATH = "model/lstm/recurrent_kernel"


class TestMade:
    """What each function makes, letter by letter: tags are a contract."""

    @pytest.mark.parametrize(
        "made, tag, parts",
        [
            (tags.weights(PATH), f"weights/{PATH}", ("weights", PATH, None)),
            (tags.biases("b"), "biases/b", ("biases", "b", None)),
            (tags.gradients(PATH), f"gradients/{PATH}", ("gradients", PATH, None)),
            (
                tags.gradients("k", "signed_log"),
                "gradients_signed_log/k",
                ("gradients_signed_log", "k", None),
            ),
            (tags.images(PATH), f"images/{PATH}", ("images", PATH, None)),
            (tags.gates(PATH, "f"), f"gates/{PATH}/f", ("gates", PATH, "f")),
            (tags.unit_means(PATH), f"unit_means/{PATH}", ("unit_means", PATH, None)),
            (tags.nonfinite(PATH), f"nonfinite/{PATH}", ("nonfinite", PATH, None)),
            (tags.loss(), "loss", ("loss", None, None)),
            (tags.loss(1), "loss/1", ("loss", None, "1")),
            (tags.loss("a/b"), "loss/a/b", ("loss", None, "a/b")),
            (tags.of_step(tags.WEIGHT_NORM), "weight_norm", ("weight_norm", None, None)),
            (
                tags.of_step(tags.UPDATE_RATIO, PATH),
                f"update_ratio/{PATH}",
                ("update_ratio", PATH, None),
            ),
            (
                tags.replica_gradient_norm("min"),
                "replica_gradient_norm/min",
                ("replica_gradient_norm", None, "min"),
            ),
            (tags.learning_rate(), "learning_rate", ("learning_rate", None, None)),
            (tags.learning_rate("a"), "learning_rate/a", ("learning_rate", None, "a")),
            (tags.heads(PATH, "3"), f"heads/{PATH}/3", ("heads", PATH, "3")),
            (
                tags.head_gradients(PATH, "3"),
                f"head_gradients/{PATH}/3",
                ("head_gradients", PATH, "3"),
            ),
            (tags.slots(PATH, "m"), f"slots/{PATH}/m", ("slots", PATH, "m")),
            (tags.slot_norm(PATH, "m"), f"slot_norm/{PATH}/m", ("slot_norm", PATH, "m")),
            (tags.table(tags.VITALS), "gtlog/vitals", ("gtlog/vitals", None, None)),
            (tags.table(tags.STEPS, 12), "gtlog/steps/12", ("gtlog/steps", None, None)),
            (tags.FINDINGS, "gtlog/findings", ("gtlog/findings", None, None)),
        ],
    )
    def test_made_and_taken_apart(self, made, tag, parts):
        """A tag is what it always was, and gives back what it was made of."""
        assert made == tag
        assert tags.kind_and_path(tag) == parts

    def test_of_keras(self):
        """Numbers of Keras's logs have its names, and no kind of gtlog's."""
        assert (tags.fit("mae"), tags.epoch("val_mae")) == ("fit/mae", "epoch/val_mae")
        assert tags.kind_and_path(tags.fit("mae")).kind is None

    @pytest.mark.parametrize(
        "tag",
        ["accuracy", "weights", "weights/", "gates/f", "gtlog", "gtlog/vitals/x", "learning_rate/"],
    )
    def test_tags_of_others(self, tag):
        """A tag that is not gtlog's has no kind."""
        assert tags.kind_and_path(tag) == (None, None, None)

    def test_numbers_of_steps(self):
        """Losses, norms and the learning rate are of the step, those with a path are not."""
        of_step = ["loss", "loss/0", "gradient_norm", "update_ratio", "learning_rate"]
        assert all(map(tags.is_of_step, of_step))
        assert not any(map(tags.is_of_step, ["weight_norm/a/k", "accuracy", "gtlog/vitals"]))


def test_what_the_summaries_write(logdir):
    """Each tag of a run with all stock summaries is known, and made by the functions here."""
    kernel = tf.Variable(np.ones((3, 3, 1, 2), np.float32), name="conv/kernel")
    bias = tf.Variable(np.full(2, np.nan, np.float32), name="conv/bias")
    recurrent = tf.Variable(np.ones((2, 8), np.float32), name="lstm/recurrent_kernel")
    variables = {one.name[:-2]: one for one in (kernel, bias, recurrent)}
    stock = [
        summaries.histograms(),
        summaries.histograms(scale="signed_log"),
        summaries.kernel_images(),
        summaries.recurrent_gates(),
        summaries.scalars(per_variable=True),
        summaries.vitals(),
    ]
    with gtlog.StepLogger(logdir, summaries=stock) as log:
        with pytest.warns(gtlog.TrainingWarning, match="NaN"), log.step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.add_n([tf.reduce_sum(one) for one in variables.values()])
            tape.gradient(loss, list(variables.values()))
    expected = {tags.loss(), tags.VITALS, tags.STEPS, tags.FINDINGS, tags.images("conv/kernel")}
    expected |= {tags.gates("lstm/recurrent_kernel", gate) for gate in "ifco"}
    expected |= {tags.unit_means("lstm/recurrent_kernel"), tags.nonfinite("conv/bias")}
    for of in (None, *variables):
        expected |= {tags.of_step(kind, of) for kind in tags.KINDS_OF_STEPS}
    for scale in ("linear", "signed_log"):
        for path in variables:
            of_value = tags.biases if path == "conv/bias" else tags.weights
            expected |= {of_value(path, scale), tags.gradients(path, scale)}
    written = read_events(logdir).tags
    assert set(written) == expected
    assert {tags.kind_and_path(tag).path for tag in written} == {None, *variables}
