"""The summaries `histograms` and `scalars`: from a record made by hand to tags and numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gtlog import StepRecord, VariableRecord
from gtlog.summaries import histogram_of, histograms, scalars

from ..reference import assert_histogram, norm

RANDOM = np.random.RandomState(0)
KERNEL, BIAS = RANDOM.randn(4, 3), RANDOM.randn(3)
NAN, INF = math.nan, math.inf


def variable(path, value, before=None, gradient=None, role="kernel"):
    """A record of one variable."""
    before = None if before is None else tf.constant(before, tf.float32)
    if gradient is not None and not isinstance(gradient, tf.IndexedSlices):
        gradient = tf.constant(gradient, tf.float32)
    return VariableRecord(path, role, tf.constant(value, tf.float32), before, gradient)


def record(*variables, losses=()):
    """A record of a step."""
    return StepRecord(7, tuple(losses), variables)


def written(summary, of_record):
    """The values that a summary yields, by tag."""
    values = list(summary(of_record))
    by_tag = {one.tag: getattr(one, "value", getattr(one, "buckets", None)) for one in values}
    assert len(by_tag) == len(values)
    return by_tag


class TestHistograms:
    """`histograms` yields distributions."""

    def test_tags_and_rows(self):
        """Values and gradients of kernels and biases, each under its tag, 30 rows."""
        kernel = variable("dense/kernel", KERNEL, gradient=2 * KERNEL)
        bias = variable("dense/bias", BIAS, gradient=BIAS**2, role="bias")
        values = written(histograms(), record(kernel, bias))
        assert list(values) == [
            "weights/dense/kernel",
            "gradients/dense/kernel",
            "biases/dense/bias",
            "gradients/dense/bias",
        ]
        assert_histogram(values["weights/dense/kernel"], KERNEL.astype("f"))
        assert_histogram(values["gradients/dense/kernel"], (2 * KERNEL).astype("f"))
        assert_histogram(values["biases/dense/bias"], BIAS.astype("f"))
        assert_histogram(values["gradients/dense/bias"], (BIAS**2).astype("f"))

    @pytest.mark.parametrize("role", ["embedding", "gain", "moving_statistic", "other"])
    def test_everything_that_is_no_bias_is_a_weight(self, role):
        """Each role but bias goes under `weights`."""
        one = variable("path", KERNEL, role=role)
        assert list(written(histograms(), record(one))) == ["weights/path"]

    def test_without_variables(self):
        """A step without variables has no histogram."""
        assert written(histograms(), record(losses=[1.0])) == {}

    @pytest.mark.parametrize("buckets", [1, 2, 100])
    def test_number_of_buckets(self, buckets):
        """`buckets` is the number of rows, of gradients too."""
        one = variable("path", KERNEL, gradient=KERNEL)
        for rows in written(histograms(buckets), record(one)).values():
            assert rows.shape == (buckets, 3) and rows[:, 2].sum() == KERNEL.size

    def test_nonfinite_elements_are_in_no_bucket(self):
        """NaN and infinities leave the rest as it is, in weights and in gradients."""
        value, gradient = KERNEL.copy(), KERNEL.copy()
        value[0], gradient[:, 0] = [NAN, INF, -INF], NAN
        values = written(histograms(), record(variable("path", value, gradient=gradient)))
        assert_histogram(values["weights/path"], value[1:].astype("f"))
        assert_histogram(values["gradients/path"], gradient[:, 1:].astype("f"))
        assert values["weights/path"][:, 2].sum() == 9

    def test_nothing_finite(self):
        """Where nothing is finite all rows are zero."""
        values = written(histograms(), record(variable("path", [NAN, INF])))
        np.testing.assert_array_equal(values["weights/path"], np.zeros((30, 3)))

    def test_a_zero_bias(self):
        """Where all elements are equal each edge is that value, and the last bucket has all."""
        values = written(histograms(), record(variable("bias", np.zeros(5), role="bias")))
        expected = np.zeros((30, 3))
        expected[-1, 2] = 5
        np.testing.assert_array_equal(values["biases/bias"], expected)

    def test_a_scalar_variable(self):
        """A scalar is one element."""
        rows = written(histograms(), record(variable("scale", 2.5)))["weights/scale"]
        assert rows[:, :2].min() == rows[:, :2].max() == 2.5
        assert rows[:, 2].tolist() == [0] * 29 + [1]

    def test_an_empty_variable(self):
        """A variable without elements has rows of zeros, and its gradient too."""
        one = variable("path", np.zeros((0, 3)), gradient=np.zeros((0, 3)))
        for rows in written(histograms(), record(one)).values():
            np.testing.assert_array_equal(rows, np.zeros((30, 3)))

    def test_slices(self):
        """Of `tf.IndexedSlices` the touched rows are counted, repeated indices summed."""
        slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([5, 0, 5]))
        one = variable("path", np.zeros((9, 1)), gradient=slices)
        assert_histogram(written(histograms(), record(one))["gradients/path"], [[2.0], [5.0]])

    @pytest.mark.parametrize(
        "make", [histograms, lambda buckets: histogram_of("tag", [1.0], buckets)]
    )
    def test_buckets_must_be_a_positive_int(self, make):
        """Anything else is an error when the summary is made."""
        for buckets, seen in ((2.0, "2.0 (float)"), (True, "True (bool)"), ("9", "'9' (str)")):
            with pytest.raises(TypeError) as caught:
                make(buckets)
            assert str(caught.value) == f"buckets must be a positive int, got {seen}."
        for buckets in (0, -1):
            with pytest.raises(ValueError) as caught:
                make(buckets)
            assert str(caught.value) == f"buckets must be a positive int, got {buckets}."

    def test_buckets_may_be_an_int_of_numpy(self):
        """Any integer will do."""
        assert len(histogram_of("tag", KERNEL, np.int32(4)).buckets) == 4

    def test_histogram_of(self):
        """`histogram_of` makes the value of any array or tensor, with tag and description."""
        for data in (KERNEL, KERNEL.tolist(), tf.constant(KERNEL), np.append(KERNEL, NAN)):
            value = histogram_of("activations", data, description="Of the first layer.")
            assert (value.tag, value.description) == ("activations", "Of the first layer.")
            assert_histogram(value.buckets, KERNEL)


def two_variables():
    """A kernel and a bias with all that a step leaves behind."""
    return (
        variable("kernel", KERNEL, before=KERNEL + 0.5, gradient=3 * KERNEL),
        variable("bias", BIAS, before=BIAS * 2, gradient=4 * BIAS, role="bias"),
    )


class TestScalars:
    """`scalars` yields the few numbers."""

    def test_global_norms(self):
        """Norms and ratio are over all variables."""
        values = written(scalars(), record(*two_variables(), losses=[0.25]))
        assert list(values) == ["loss", "gradient_norm", "weight_norm", "update_ratio"]
        assert values["loss"] == 0.25
        weights = norm([KERNEL, BIAS])
        assert values["weight_norm"] == pytest.approx(weights, rel=1e-6)
        assert values["gradient_norm"] == pytest.approx(norm([3 * KERNEL, 4 * BIAS]), rel=1e-6)
        update = norm([np.full((4, 3), 0.5), BIAS])
        assert values["update_ratio"] == pytest.approx(update / weights, rel=1e-5)

    def test_per_variable(self):
        """`per_variable=True` adds the same of each variable, and takes nothing away."""
        of_record = record(*two_variables(), losses=[0.25])
        values, without = written(scalars(True), of_record), written(scalars(), of_record)
        assert {tag: values.pop(tag) for tag in without} == without
        kernel, bias = norm([KERNEL]), norm([BIAS])
        assert values == {
            "gradient_norm/kernel": pytest.approx(3 * kernel, rel=1e-6),
            "weight_norm/kernel": pytest.approx(kernel, rel=1e-6),
            "update_ratio/kernel": pytest.approx(math.sqrt(12 * 0.25) / kernel, rel=1e-5),
            "gradient_norm/bias": pytest.approx(4 * bias, rel=1e-6),
            "weight_norm/bias": pytest.approx(bias, rel=1e-6),
            "update_ratio/bias": pytest.approx(1.0, rel=1e-5),
        }

    def test_losses(self):
        """One loss is `loss`, several are numbered; a NaN stays one."""
        assert written(scalars(), record(losses=[])) == {}
        assert written(scalars(), record(losses=[2.0])) == {"loss": 2.0}
        values = written(scalars(), record(losses=[2.0, NAN]))
        assert list(values) == ["loss/0", "loss/1"]
        assert values["loss/0"] == 2.0 and math.isnan(values["loss/1"])

    def test_without_a_tape(self):
        """Without gradients and values before the update the weights' norm alone is there."""
        values = written(scalars(True), record(variable("w", [3.0, 4.0])))
        assert values == {"weight_norm": 5.0, "weight_norm/w": 5.0}

    def test_a_variable_without_gradient(self):
        """It is in the weights' norm, and in no other."""
        frozen = variable("frozen", [4.0])
        trained = variable("w", [3.0], before=[6.0], gradient=[2.0])
        values = written(scalars(True), record(frozen, trained))
        assert "gradient_norm/frozen" not in values and "update_ratio/frozen" not in values
        assert (values["weight_norm"], values["weight_norm/frozen"]) == (5.0, 4.0)
        assert (values["gradient_norm"], values["update_ratio"]) == (2.0, 1.0)

    def test_moving_statistics_enter_no_norm(self):
        """A moving mean of a thousand leaves the weights' norm as it is; its NaN is counted."""
        moving = variable("bn/moving_mean", [1000.0, NAN], role="moving_statistic")
        values = written(scalars(True), record(moving, variable("w", [3.0])))
        assert values == {"weight_norm": 3.0, "weight_norm/w": 3.0, "nonfinite/bn/moving_mean": 1.0}

    def test_nothing_changed(self):
        """Where the update changed nothing its ratio is 0, for weights that are zero too."""
        one = variable("w", [3.0], before=[3.0])
        zero = variable("z", [0.0], before=[0.0])
        assert written(scalars(), record(one))["update_ratio"] == 0.0
        assert written(scalars(), record(zero))["update_ratio"] == 0.0

    def test_weights_that_became_zero(self):
        """A change to zero has an infinite ratio."""
        assert written(scalars(), record(variable("w", [0.0], before=[1.0])))["update_ratio"] == INF

    def test_an_empty_variable(self):
        """A variable without elements adds nothing to the norms."""
        empty = variable("e", np.zeros((0, 2)), before=np.zeros((0, 2)), gradient=np.zeros((0, 2)))
        values = written(scalars(True), record(empty))
        assert set(values.values()) == {0.0}
        assert written(scalars(), record(empty, variable("w", [3.0])))["weight_norm"] == 3.0

    def test_nonfinite_elements_are_counted(self):
        """NaN and infinities of value and gradient are counted together and spoil no norm."""
        one = variable("w", [3.0, NAN, INF], before=[4.0, 1.0, 1.0], gradient=[-INF, 4.0, NAN])
        two = variable("b", [4.0], before=[4.0], gradient=[3.0], role="bias")
        values = written(scalars(), record(one, two))
        assert values == {
            "gradient_norm": 5.0,
            "weight_norm": 5.0,
            "update_ratio": pytest.approx(0.2),
            "nonfinite/w": 4.0,
        }

    def test_nonfinite_rows_of_slices(self):
        """Of `tf.IndexedSlices` the elements of touched rows are counted."""
        slices = tf.IndexedSlices(tf.constant([[NAN, 1.0], [1.0, 2.0]]), tf.constant([5, 5]))
        values = written(scalars(), record(variable("e", np.ones((9, 2)), gradient=slices)))
        assert values["nonfinite/e"] == 1.0
        assert values["gradient_norm"] == 3.0

    def test_large_gradients_do_not_overflow(self):
        """Norms of float32 gradients leave the range of float32 only where they are written."""
        one = variable("w", [1.0], gradient=[3e38])
        two = variable("v", [1.0], gradient=[3e38])
        expected = pytest.approx(3e38 * math.sqrt(2.0), rel=1e-6)
        assert written(scalars(), record(one, two))["gradient_norm"] == expected

    @pytest.mark.parametrize("value, seen", [(1, "1 (int)"), ("yes", "'yes' (str)")])
    def test_per_variable_must_be_a_bool(self, value, seen):
        """Anything else is an error when the summary is made."""
        with pytest.raises(TypeError) as caught:
            scalars(value)
        assert str(caught.value) == f"per_variable must be a bool, got {seen}."


@pytest.mark.parametrize("make", [histograms, scalars])
def test_a_summary_has_a_name_to_be_told_by(make):
    """Messages about a stock summary name the function that made it."""
    assert make().__qualname__ == make.__name__


def test_records_compute_each_statistic_once(monkeypatch):
    """All summaries of a step share a variable's statistics."""
    from gtlog import statistics

    described, real = [], statistics.describe
    monkeypatch.setattr(statistics, "describe", lambda *a: described.append(1) or real(*a))
    of_record = record(*two_variables())
    for _ in range(2):
        for summary in (histograms(), scalars(True)):
            list(summary(of_record))
    assert len(described) <= 4  # value and gradient of two variables
