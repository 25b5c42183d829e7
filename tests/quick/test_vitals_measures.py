"""The numbers of the vitals table, held to a computation on float64 copies of whole arrays."""

import math

import numpy as np
import pytest

from gtlog import statistics
from gtlog.vitals import measures, sketches
from gtlog.vitals.columns import COLUMNS

from ..reference import vitals_of

# Empty, one element, small, on both sides of where blocks, rows and signs change, and large.
SHAPES = ((0,), (), (1,), (3, 5), (64, 64), (4097,), (8, 513), (300, 250), (5, 65536))


class Known:
    """What other summaries would find of arrays; keeps what it is told beside it."""

    def __init__(self, after, before=None, gradient=None, is_first=False):
        self.is_first = is_first
        self.value_extremes = statistics.extremes(after)
        self.value_norm = statistics.norm(after)
        self.gradient_extremes = None if gradient is None else statistics.extremes(gradient)
        self.gradient_norm = None if gradient is None else statistics.norm(gradient)
        self.update_norm = None
        if before is not None:
            self.update_norm = statistics.norm_of_difference(after, before)
        self.told = {}

    def know(self, name, number):
        self.told[name] = number

    def knows(self, name):
        return not self.is_first


def tensors(after, before=None, gradient=None, rows=None, units=None):
    """`Tensors` of arrays."""
    known = Known(after, before, gradient)
    return measures.Tensors(after, before, gradient, rows, units, known)


def measured(*variables, **options):
    """A dict from column to number for each variable."""
    table = measures.measure([tensors(*one) for one in variables], **options)
    return [dict(zip(COLUMNS, row.tolist())) for row in table]


def assert_numbers(actual, expected, rounding=2e-6):
    """Asserts the expected columns, and NaN in the others of value, gradient and update."""
    for name in set(COLUMNS[:12]) - {"dead_units"} | set(expected):
        number = expected.get(name, math.nan)
        slack = 1e-5 if name == "descent" or name.startswith("sketch") else 0.0
        np.testing.assert_allclose(
            actual[name], number, rtol=rounding, atol=slack * max(1.0, expected["value_rms"]),
            err_msg=name,
        )


def arrays(shape, dtype=np.float32, seed=0):
    """Value after, value before and gradient, with a tenth of zeros in value and gradient."""
    random = np.random.RandomState(seed)

    def one():
        values = np.asarray(random.randn(*shape))
        if np.dtype(dtype).kind == "c":
            values = values + 1j * random.randn(*shape)
        return np.asarray(values * (random.rand(*shape) > 0.1), dtype)

    after = one()
    return after, np.asarray(after - 0.01 * one(), dtype), one()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64], ids=repr)
class TestShapesAndTypes:
    """Every column of value, gradient and update, whatever the tensor."""

    def test_with_gradient(self, shape, dtype):
        """With value, value before and gradient every column is what the copies tell."""
        given = arrays(shape, dtype)
        assert_numbers(measured(given)[0], vitals_of(*given))

    def test_with_value_alone(self, shape, dtype):
        """With the value alone the columns of gradient and update are not known."""
        after, _, _ = arrays(shape, dtype)
        assert_numbers(measured((after,))[0], vitals_of(after))

    def test_without_gradient(self, shape, dtype):
        """With the value before, and no gradient, the update is known and its direction is not."""
        after, before, _ = arrays(shape, dtype)
        assert_numbers(measured((after, before))[0], vitals_of(after, before))

    def test_non_finite_elements(self, shape, dtype):
        """Figures are those of the finite elements; the others are counted."""
        given = [array.copy() for array in arrays(shape, dtype)]
        for array, bad in zip(given, (math.nan, math.inf, -math.inf)):
            array.reshape(-1)[: 1 + array.size // 10] = bad
        assert_numbers(measured(given)[0], vitals_of(*given))

    def test_a_value_before_that_was_not_finite(self, shape, dtype):
        """Of a value that was mended the update is that of the elements that were finite."""
        after, before, gradient = arrays(shape, dtype)
        before.reshape(-1)[: 1 + before.size // 10] = math.nan
        assert_numbers(measured((after, before))[0], vitals_of(after, before))
        given = after, before, gradient
        assert_numbers(measured(given)[0], vitals_of(*given))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_, np.uint8], ids=repr)
def test_numbers_that_are_not_floating(dtype):
    """Integers and bools count as numbers."""
    after = (np.arange(40) % 5).astype(dtype)
    assert_numbers(measured((after,))[0], vitals_of(after))


@pytest.mark.parametrize("scale", [1e-36, 1e-30, 1e-20, 1e18, 3e37])
@pytest.mark.parametrize("size", [40, 20_000])
def test_the_range_of_float32(scale, size):
    """Neither tiny nor huge numbers are lost where products and sums leave the range of float32."""
    after, before, gradient = (
        (array * scale).astype(np.float32) for array in arrays((size,), np.float64)
    )
    numbers, expected = measured((after, before, gradient))[0], vitals_of(after, before, gradient)
    assert abs(expected["descent"]) > 0.0
    for name in ("value_rms", "gradient_rms", "update_rms", "update_ratio", "sketch_0", "sketch_3"):
        np.testing.assert_allclose(numbers[name], expected[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(numbers["descent"], expected["descent"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e150])
@pytest.mark.parametrize("size", [40, 20_000])
def test_the_range_of_float64(scale, size):
    """The direction of the update is told where products leave the range of float64."""
    after, before, gradient = (array * scale for array in arrays((size,), np.float64))
    before = after + gradient
    assert measured((after, before, gradient))[0]["descent"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("shape", [(40, 6), (900, 70)])
def test_sparse_gradients(shape):
    """Of touched rows the figures are theirs, and the direction that of the whole update."""
    after, before, _ = arrays(shape)
    rows = np.array([0, 3, 7, shape[0] - 1])
    gradient = arrays((4, shape[1]), seed=1)[0]
    dense = np.zeros(shape, np.float32)
    dense[rows] = gradient
    expected = vitals_of(after, before, dense)
    expected.update(
        {name: one for name, one in vitals_of(after, before, gradient=None).items()},
        descent=expected["descent"],
        **{n: one for n, one in vitals_of(gradient, None, gradient).items() if "gradient" in n},
    )
    numbers = measured((after, before, gradient, rows, shape[1]))[0]
    assert_numbers(numbers, expected)
    assert math.isnan(numbers["dead_units"])


class TestDirection:
    """`descent`, the cosine of update and negative gradient."""

    @pytest.mark.parametrize("size", [10, 100_000])
    @pytest.mark.parametrize("rate", [0.1, -0.1])
    def test_along_the_gradient(self, size, rate):
        """Plain gradient descent has 1, ascent has -1."""
        before, _, gradient = arrays((size,))
        after = before - np.float32(rate) * gradient
        numbers = measured((after, before, gradient))[0]
        assert numbers["descent"] == pytest.approx(math.copysign(1.0, rate), abs=1e-5)

    @pytest.mark.parametrize("size", [10, 100_000])
    def test_unknown_where_nothing_moves(self, size):
        """Without an update, or with a gradient of zero, there is no direction."""
        before, other, gradient = arrays((size,))
        still, flat = measured((before, before, gradient), (before, other, 0.0 * gradient))
        assert math.isnan(still["descent"]) and math.isnan(flat["descent"])
        assert still["update_ratio"] == still["update_rms"] == 0.0

    @pytest.mark.parametrize("size", [10, 100_000])
    def test_a_weight_of_zero(self, size):
        """The ratio is infinite where all weights became zero."""
        before, _, gradient = arrays((size,))
        assert measured((0.0 * before, before, gradient))[0]["update_ratio"] == math.inf


class TestDeadUnits:
    """`dead_units`, over the columns of the gradient."""

    @pytest.mark.parametrize("weights", [3, 4000, 20000])
    @pytest.mark.parametrize("units, dead", [(20, 0), (20, 1), (20, 20), (16, 0), (16, 7)])
    def test_share(self, weights, units, dead):
        """A unit is dead where each of its weights has a gradient of zero."""
        kernels = [
            (*arrays((weights, units), seed=seed)[:2], self.gradient(weights, units, count))
            for seed, count in enumerate((dead, units - dead))
        ]
        first, second = measured(*((*kernel, None, units) for kernel in kernels))
        assert first["dead_units"] == pytest.approx(dead / units)
        assert second["dead_units"] == pytest.approx(1 - dead / units)

    @staticmethod
    def gradient(weights, units, dead):
        """Of the units that are not dead one weight has a gradient, the last."""
        gradient = np.zeros((weights, units), np.float32)
        gradient[-1, dead:] = 1.0
        return gradient

    def test_of_kernels_alone(self):
        """What has no units has no dead ones."""
        after, before, gradient = arrays((3, 20))
        assert math.isnan(measured((after, before, 0.0 * gradient))[0]["dead_units"])


class TestIdenticalUnits:
    """`identical_units`, over the columns of the value."""

    @pytest.mark.parametrize("weights", [1, 2, 5, 4000])
    def test_share(self, weights):
        """A unit counts where another one has exactly its weights."""
        value = np.random.RandomState(0).randn(weights, 10).astype(np.float32)
        assert measures.identical_units(value) == 0.0
        value[:, 3] = value[:, 8] = value[:, 9]
        value[:, 0] = value[:, 1]
        assert measures.identical_units(value) == 0.5

    def test_weights_that_differ_in_one_place(self):
        """Equal weights but for one are another unit."""
        value = np.ones((50, 4), np.float32)
        value[7, :2] = 2.0
        assert measures.identical_units(value) == 1.0
        value[7, 0] = 3.0
        assert measures.identical_units(value) == 0.5

    def test_signs_of_zero(self):
        """0.0 equals -0.0."""
        assert measures.identical_units(np.array([[0.0, -0.0, 1.0]])) == pytest.approx(2 / 3)

    def test_non_finite(self):
        """Units with a NaN or an infinite weight equal none."""
        value = np.ones((3, 4))
        value[1, :2], value[1, 2:] = math.nan, math.inf
        assert measures.identical_units(value) == 0.0

    @pytest.mark.parametrize("dtype", [np.float16, np.int32, np.bool_, np.complex64])
    def test_types(self, dtype):
        """All types of numbers are compared."""
        assert measures.identical_units(np.ones((3, 4), dtype)) == 1.0

    def test_only_where_asked_for(self):
        """Where it is not looked at, it is not known."""
        given = np.ones((3, 4), np.float32), None, None, None, 4
        (without,), (with_it,) = measured(given), measured(given, look_for_identical_units=True)
        assert math.isnan(without["identical_units"]) and with_it["identical_units"] == 1.0


class TestSketches:
    """Four projections that tell a tensor that moved from one that did not."""

    @pytest.mark.parametrize("size", [1, 100, 4096, 4097, 200_000])
    def test_a_change_moves_them_by_its_size(self, size):
        """A random change of root mean square r moves them by about r."""
        random, moves = np.random.RandomState(1), []
        value = random.randn(size)
        for _ in range(50):
            changed = value + 0.01 * random.randn(size)
            (one, other) = measured((value,), (changed,))
            moves.append([other[f"sketch_{k}"] - one[f"sketch_{k}"] for k in range(4)])
        assert np.sqrt(np.mean(np.square(moves))) == pytest.approx(0.01, rel=0.25)

    @pytest.mark.parametrize("size", [100, 4096, 4097, 200_000])
    def test_any_element_moves_all_of_them(self, size):
        """A single element that changes by d moves each by d over the root of the size."""
        value = np.random.RandomState(1).randn(size)
        for place in (0, 1, size // 2, size - 1):
            changed = value.copy()
            changed[place] += 1.0
            (one, other) = measured((value,), (changed,))
            for k in range(4):
                move = abs(other[f"sketch_{k}"] - one[f"sketch_{k}"])
                assert move == pytest.approx(1.0 / math.sqrt(size), rel=1e-2)

    @pytest.mark.parametrize("size", [100, 4096, 4097, 200_000])
    def test_a_shift_of_all_elements_is_seen(self, size):
        """A change that is the same everywhere cancels in no more than one of them."""
        (one, other) = measured((np.zeros(size),), (np.ones(size),))
        moves = [abs(other[f"sketch_{k}"] - one[f"sketch_{k}"]) for k in range(4)]
        assert sorted(moves)[1] > 0.05

    def test_the_signs_never_change(self):
        """Each version and process has these signs, so runs can be compared."""
        small = sketches.of_small(np.arange(1.0, 11.0)[np.newaxis])[0] * math.sqrt(10)
        assert small.tolist() == pytest.approx([19.0, -5.0, 33.0, 19.0])
        rows = sketches.sums_of_rows(np.ones(5000))
        assert rows.tolist() == [float(k) for k in rows.tolist()]

    def test_the_same_weights_have_the_same_sketches(self):
        """Bit for bit, beside whichever other variables they are measured."""
        value = np.random.RandomState(1).randn(300).astype(np.float32)
        others = [(np.random.RandomState(k).randn(300),) for k in range(5)]
        (alone,) = measured((value,))
        among = measured(*others, (value.copy(),))[-1]
        assert [alone[f"sketch_{k}"] for k in range(4)] == [among[f"sketch_{k}"] for k in range(4)]


def test_many_variables_at_once():
    """Each row of a table of many sizes is that of its own variable."""
    random = np.random.RandomState(2)
    given = [arrays((random.randint(1, 60), 3), seed=k) for k in range(300)]
    given += [(one[0], one[1]) for one in given[:50]] + [(one[0],) for one in given[50:90]]
    for numbers, one in zip(measured(*given), given):
        assert_numbers(numbers, vitals_of(*one))


def test_no_variable():
    """An empty step has an empty table."""
    assert measures.measure([]).shape == (0, len(COLUMNS))


def test_a_tensor_out_of_reach():
    """Of a tensor on a device norms and extremes are known, and nothing that needs a copy."""
    after, before, gradient = arrays((30, 4))
    known = tensors(after, before, gradient, units=4)
    away = known._replace(value=None, before=None, gradient=None)
    numbers = dict(zip(COLUMNS, measures.measure([away], True)[0].tolist()))
    expected = vitals_of(after, before, gradient)
    unknown = {"value_zeros", "gradient_zeros", "descent", "dead_units", "identical_units"}
    unknown |= {f"sketch_{k}" for k in range(4)}
    for name in COLUMNS[:-5]:
        expectation = math.nan if name in unknown else expected[name]
        np.testing.assert_allclose(numbers[name], expectation, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=repr)
def test_norms_that_are_told_are_the_same(shape, dtype):
    """Norms that are found on the way are those of `gtlog.statistics`; of float32 exactly."""
    given = [tensors(*arrays(shape, dtype, seed)) for seed in range(3)]
    measures.measure(given)
    for one in given:
        for name, norm in one.known.told.items():
            slack = 0.0 if dtype == np.float32 else 1e-14
            assert norm == pytest.approx(getattr(one.known, name), rel=slack, abs=0.0), name
    is_read_once = dtype == np.float32 and given[0].value.size >= 16384
    if is_read_once or 0 < given[0].value.size <= sketches.SMALL:
        assert len(given[0].known.told) == 3


@pytest.mark.parametrize("shape", [(300, 250), (5, 65536)], ids=str)
def test_extremes_of_large_tensors_are_found_on_the_way(shape):
    """Where nobody has looked for the extremes before, they are told, and the row is the same."""
    after, before, gradient = arrays(shape)
    known, first = Known(after, before, gradient), Known(after, before, gradient, is_first=True)
    rows = [
        measures.measure([measures.Tensors(after, before, gradient, None, None, one)])
        for one in (known, first)
    ]
    np.testing.assert_array_equal(*rows)
    assert first.told["value_extremes"] == statistics.extremes(after)
    assert first.told["gradient_extremes"] == statistics.extremes(gradient)
    assert not {"value_extremes", "gradient_extremes"} & set(known.told)


@pytest.mark.parametrize("place", ["value", "gradient"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nothing_is_told_of_a_large_tensor_that_is_not_finite(number, place):
    """One element that is not finite, in the last block: the tensor is measured in another way."""
    after, before, gradient = arrays((5, 65536))
    (after if place == "value" else gradient).reshape(-1)[-1] = number
    first = Known(after, before, gradient, is_first=True)
    row = measures.measure([measures.Tensors(after, before, gradient, None, None, first)])[0]
    assert not first.told
    assert row[COLUMNS.index(f"{place}_nonfinite")] == 1
    assert_numbers(dict(zip(COLUMNS, row.tolist())), vitals_of(after, before, gradient))
