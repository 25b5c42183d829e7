"""`summaries.vitals()`: the table of a step, from a step to the event file and back."""

import math

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import summaries
from gtlog.testing import read_events
from gtlog.variables.roles import role_of
from gtlog.vitals.columns import COLUMNS

from .reference import vitals_of

VITALS = "gtlog/vitals"


def headers(logdir, tag=VITALS):
    """The header of each file's first event of a tag."""
    return [one.header for one in read_events(logdir) if one.tag == tag and one.header]


def tables(logdir, tag=VITALS):
    """By step, a dict from path to a dict from column to number."""
    header = headers(logdir, tag)[0]
    paths = [row[0] for row in header["variables"]]
    return {
        step: {path: dict(zip(header["columns"], row)) for path, row in zip(paths, table.tolist())}
        for step, table in read_events(logdir).of(tag).items()
    }


def only_vitals(logdir, **options):
    """A logger that writes nothing but vitals."""
    return gtlog.StepLogger(logdir, summaries=summaries.vitals(), **options)


def descend(variables, loss_of, asked=None, rate=0.1, **tape_options):
    """One step of plain gradient descent; returns loss and gradients."""
    asked = variables if asked is None else asked
    with gtlog.InstrumentedTape(**tape_options) as tape:
        loss = loss_of(*variables)
    gradients = tape.gradient(loss, asked)
    for variable, gradient in zip(asked, gradients):
        if gradient is not None:
            variable.assign_sub(rate * gradient)
    return loss, gradients


@pytest.fixture
def kernel():
    """A kernel of four inputs and three units."""
    values = np.random.RandomState(0).randn(4, 3)
    return tf.Variable(values, dtype=tf.float32, name="layer/kernel")


@pytest.fixture
def bias():
    """A bias of three units, made after the kernel."""
    return tf.Variable([0.5, -0.5, 0.0], name="layer/bias")


def ways():
    """A plain call, `tf.function` outside of the step and inside."""
    return pytest.mark.parametrize("way", ["eager", "above", "beneath"])


def run(way, logger, step):
    """Calls a step twice, logged in one of the `ways`."""
    function = tf.function(step) if way == "above" else step

    def logged():
        with logger.step():
            return function()

    whole = tf.function(logged) if way == "beneath" else logged
    results = [whole() for _ in range(2)]
    logger.close()
    return results


class TestTable:
    """A row for each variable, a column for each statistic."""

    @ways()
    def test_numbers_are_those_of_the_tensors(self, way, kernel, bias, logdir):
        """Each column is computed again from copies of value, value before and gradient."""
        copies = [[kernel.numpy(), bias.numpy()]]

        def step():
            loss_of = lambda w, b: tf.reduce_sum(tf.nn.relu(tf.ones([2, 4]) @ w + b) ** 2)  # noqa
            _, gradients = descend([kernel, bias], loss_of)
            return [*gradients, kernel.read_value(), bias.read_value()]

        results = run(way, only_vitals(logdir), step)
        for number, (result, table) in enumerate(zip(results, tables(logdir).values())):
            arrays = [tensor.numpy() for tensor in result]
            for path, before, gradient, after in zip(
                table, copies[number], arrays[:2], arrays[2:]
            ):
                expected = vitals_of(after, before, gradient)
                expected.update(asked=1.0, missing=0.0, was_read=1.0)
                if path == "layer/kernel":
                    expected["dead_units"] = np.mean(np.all(gradient == 0.0, axis=0))
                    expected["identical_units"] = 0.0
                for column in COLUMNS:
                    np.testing.assert_allclose(
                        table[path][column], expected.get(column, math.nan), rtol=1e-5, atol=1e-6,
                        err_msg=column,
                    )
            copies.append(arrays[2:])

    @pytest.mark.parametrize(
        "shape, has_units", [((4, 3), True), ((1, 3), False), ((2, 4, 3), False)]
    )
    def test_units_of_a_matrix_whose_name_says_nothing(self, shape, has_units, logdir):
        """A hand-written module's matrix has units; what is added to each example has none."""
        matrix = tf.Variable(np.random.RandomState(0).randn(*shape), name="layer/theta")
        of_units = tf.constant([1.0, 0.0, 0.0], matrix.dtype)
        with only_vitals(logdir) as logger, logger.step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(matrix * of_units)
            tape.gradient(loss, [matrix])
        row = tables(logdir)[0]["layer/theta"]
        expected = (2 / 3, 0.0) if has_units else (math.nan, math.nan)
        np.testing.assert_allclose([row["dead_units"], row["identical_units"]], expected)

    def test_header(self, kernel, bias, logdir):
        """The header names columns and variables, in the order in which these were made."""
        with only_vitals(logdir) as logger, logger.step():
            descend([bias, kernel], lambda b, w: tf.reduce_sum(w) + tf.reduce_sum(b))
        assert headers(logdir) == [
            {
                "version": 1,
                "kind": "vitals",
                "columns": list(COLUMNS),
                "variables": [
                    ["layer/kernel", "kernel", [4, 3], "float32", True, 0],
                    ["layer/bias", "bias", [3], "float32", True, 1],
                ],
            }
        ]

    def test_with_a_plain_tape(self, kernel, logdir):
        """What no InstrumentedTape tells is not known: NaN, and never 0."""
        with only_vitals(logdir) as logger, logger.step(), tf.GradientTape():
            tf.reduce_sum(kernel)
        row = tables(logdir)[0]["layer/kernel"]
        known = vitals_of(kernel.numpy())
        assert {name for name, number in row.items() if not math.isnan(number)} == {
            *known,
            "identical_units",
        }
        (header,) = headers(logdir)
        assert header["variables"][0][4] is None

    def test_sparse_gradients(self, logdir):
        """Of IndexedSlices the figures are those of the touched rows."""
        table = tf.Variable(np.random.RandomState(0).randn(50, 4), name="embedding/embeddings")
        before = table.numpy()
        with only_vitals(logdir) as logger, logger.step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(tf.gather(table, [3, 3, 7]) ** 2)
            gradient = tape.gradient(loss, table)
            dense = tf.convert_to_tensor(gradient).numpy()
            table.assign_sub(0.1 * dense)
        row = tables(logdir)[0]["embedding/embeddings"]
        touched, whole = dense[[3, 7]], vitals_of(table.numpy(), before, dense)
        assert row["gradient_rms"] == pytest.approx(np.sqrt(np.mean(touched**2)), rel=1e-5)
        assert row["gradient_zeros"] == 0.0
        assert row["descent"] == pytest.approx(whole["descent"], abs=1e-6)
        assert row["descent"] == pytest.approx(1.0, abs=1e-6)
        assert row["update_rms"] == pytest.approx(whole["update_rms"], rel=1e-5)

    @pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.complex64, tf.int32, tf.bool])
    @pytest.mark.parametrize("shape", [(), (3,), (0,)], ids=str)
    def test_types(self, dtype, shape, kernel, logdir):
        """Variables of each numeric type have a row, of rank 0 and empty ones too."""
        other = tf.Variable(tf.cast(tf.ones(shape), dtype), trainable=False, name="other")
        model = tf.Module()
        model.parts = [kernel, other]
        with only_vitals(logdir, model=model, on_error="raise") as logger, logger.step():
            descend([kernel], tf.reduce_sum)
        row = tables(logdir)[0]["other"]
        expected = 1.0 if shape != (0,) else math.nan
        np.testing.assert_equal([row["value_rms"], row["value_max"]], [expected] * 2)
        stands_still = 0.0 if shape != (0,) else math.nan
        np.testing.assert_equal([row["value_nonfinite"], row["update_rms"]], [0.0, stands_still])

    @pytest.mark.parametrize(
        "path, shape, units",
        [
            ("conv/kernel", (3, 3, 2, 4), 4),
            ("conv/depthwise_kernel", (3, 3, 2, 4), 8),
            ("dense/bias", (4,), None),
            ("embedding/embeddings", (5, 4), None),
            ("conv_transpose/kernel", (3, 3, 2, 4), None),
        ],
    )
    def test_units(self, path, shape, units):
        """Units stand along the last axis; of depthwise kernels along the last two."""
        value, gradient = np.random.RandomState(0).randn(*shape), np.zeros(shape)
        gradient[..., -1] = 1.0
        record = gtlog.VariableRecord(
            path, role_of(path), tf.constant(value), gradient=tf.constant(gradient)
        )
        (table,) = [
            one for one in summaries.vitals()(gtlog.StepRecord(0, variables=(record,)))
            if one.tag == VITALS
        ]
        share = table.array[0, COLUMNS.index("dead_units")]
        expected = math.nan if units is None else 0.75
        np.testing.assert_allclose(share, expected, rtol=1e-6)

    def test_units_are_compared_rarely(self, logdir):
        """Equal units are looked for in tables 0, 1, 2, 4, 8 and so on, and in each 64th."""
        alike = tf.Variable(tf.ones([3, 2]), name="kernel")
        with only_vitals(logdir) as logger:
            for _ in range(200):
                with logger.step(), tf.GradientTape():
                    alike.read_value()
        written = tables(logdir).items()
        shares = {step: table["kernel"]["identical_units"] for step, table in written}
        seen = [step for step, share in shares.items() if share == 1.0]
        assert seen == [0, 1, 2, 4, 8, 16, 32, 64, 128, 192]
        assert all(math.isnan(shares[step]) for step in set(shares) - set(seen))


class TestWhatTheTapeWasAsked:
    """`asked`, `missing` and `was_read`."""

    @ways()
    @pytest.mark.filterwarnings("ignore:.*returned None")
    def test_flags(self, way, kernel, bias, logdir):
        """A head that is not used was not read; what is cut off was read and has no gradient."""
        cut = tf.Variable([2.0, 3.0], name="cut/bias")
        unused = tf.Variable([2.0, 3.0], name="unused/bias")

        def step():
            def loss_of(w, b, c, _):
                constant = tf.stop_gradient(2.0 * c)
                return tf.reduce_sum(w) + tf.reduce_sum(constant) + tf.reduce_sum(b)

            return descend([kernel, bias, cut, unused], loss_of, [kernel, cut, unused])[0]

        run(way, only_vitals(logdir), step)
        for table in tables(logdir).values():
            flags = {
                path: [row["asked"], row["missing"], row["was_read"]] for path, row in table.items()
            }
            np.testing.assert_equal(flags.pop("layer/kernel"), [1, 0, 1])
            np.testing.assert_equal(flags.pop("cut/bias"), [1, 1, 1])
            np.testing.assert_equal(flags.pop("unused/bias"), [1, 1, 0])
            for flags_of_bias in flags.values():
                np.testing.assert_equal(flags_of_bias, [0, math.nan, 1])
            assert math.isnan(table["cut/bias"]["gradient_rms"])
            assert table["cut/bias"]["update_ratio"] == 0.0

    @ways()
    @pytest.mark.filterwarnings("ignore:.*returned None")
    def test_where_all_are_missing(self, way, kernel, logdir):
        """A step that gets no gradient at all says so too."""

        def step():
            return descend([kernel], lambda w: tf.stop_gradient(tf.reduce_sum(w)))[0]

        run(way, only_vitals(logdir), step)
        rows = [table["layer/kernel"] for table in tables(logdir).values()]
        assert [(row["asked"], row["missing"]) for row in rows] == [(1.0, 1.0)] * 2

    @ways()
    def test_only_steps_that_ask(self, way, kernel, bias, logdir):
        """In a graph whose branch was not taken the tape was asked for nothing."""
        number = tf.Variable(0, trainable=False)

        def step():
            return tf.cond(
                number.assign_add(1) > 1,
                lambda: descend([kernel], tf.reduce_sum)[0],
                lambda: tf.reduce_sum(kernel),
            )

        run(way, only_vitals(logdir), step)
        rows = [table["layer/kernel"] for table in tables(logdir).values()]
        np.testing.assert_equal([row["asked"] for row in rows], [math.nan, 1.0])

    def test_a_tape_that_watches_by_hand(self, kernel, logdir):
        """What a tape reads that watches nothing by itself is not known."""
        with only_vitals(logdir) as logger, logger.step():
            with gtlog.InstrumentedTape(watch_accessed_variables=False) as tape:
                tape.watch(kernel)
                loss = tf.reduce_sum(kernel)
            tape.gradient(loss, kernel)
        assert math.isnan(tables(logdir)[0]["layer/kernel"]["was_read"])

    def test_several_calls(self, kernel, bias, logdir):
        """What one call missed and another one returned is not missing."""
        with only_vitals(logdir) as logger, logger.step():
            with gtlog.InstrumentedTape(persistent=True) as tape:
                first, second = tf.reduce_sum(kernel), tf.reduce_sum(bias)
            with pytest.warns(gtlog.LoggingWarning, match="returned None"):
                tape.gradient(first, [kernel, bias])
            tape.gradient(second, [bias])
        table = tables(logdir)[0]
        assert [table[path]["missing"] for path in ("layer/kernel", "layer/bias")] == [0.0, 0.0]


class TestTags:
    """Another set of rows has another tag."""

    def test_a_set_that_comes_back(self, kernel, bias, logdir):
        """It takes its old tag again."""

        def first(record):
            return summary(gtlog.StepRecord(record.step, variables=record.variables[:1]))

        summary = summaries.vitals()
        whole = [summary, first, first, summary]

        def turns(record):
            return whole[record.step](record)

        with gtlog.StepLogger(logdir, summaries=turns) as logger:
            for _ in whole:
                with logger.step(), tf.GradientTape():
                    tf.reduce_sum(kernel) + tf.reduce_sum(bias)
        assert list(read_events(logdir).of("gtlog/vitals")) == [0, 3]
        assert list(read_events(logdir).of("gtlog/vitals/2")) == [1, 2]
        (header,) = headers(logdir, "gtlog/vitals/2")
        assert [row[0] for row in header["variables"]] == ["layer/kernel"]

    def test_loggers_count_apart(self, kernel, tmp_path):
        """Two loggers with the stock summaries both begin at the first tag."""
        for name in ("a", "b"):
            with gtlog.StepLogger(tmp_path / name) as logger, logger.step(), tf.GradientTape():
                kernel.read_value()
            assert VITALS in read_events(tmp_path / name).tags


class TestStepValues:
    """`gtlog/steps`: what `scalars` writes of the whole step."""

    def test_names_and_values(self, kernel, logdir):
        """Losses and global norms, under the names of their tags, in float64."""
        with gtlog.StepLogger(logdir) as logger:
            for _ in range(2):
                with logger.step():
                    descend([kernel], lambda w: tf.reduce_sum(w**2))
        events = read_events(logdir)
        (header,) = headers(logdir, "gtlog/steps")
        names = ["loss", "gradient_norm", "weight_norm", "update_ratio"]
        assert header == {"version": 1, "kind": "steps", "names": names}
        for step, values in events.of("gtlog/steps").items():
            assert values.dtype == np.float64
            np.testing.assert_allclose(values, [events.of(name)[step] for name in names], rtol=1e-6)

    @pytest.mark.filterwarnings("ignore:At step 0")
    def test_several_losses(self, kernel, bias, logdir):
        """Each has its own name; counts of non-finite elements are no values of the step."""
        with only_vitals(logdir) as logger, logger.step():
            with gtlog.InstrumentedTape(persistent=True) as tape:
                first, second = tf.reduce_sum(kernel), tf.reduce_sum(bias / 0.0)
            tape.gradient(first, kernel)
            tape.gradient(second, bias)
        (header,) = headers(logdir, "gtlog/steps")
        assert header["names"][:2] == ["loss/0", "loss/1"] and len(header["names"]) == 5


class TestFiles:
    """The header stands in the first event of a tag in each file."""

    def test_once_a_file(self, kernel, logdir):
        """Later events of the same file have none."""
        with only_vitals(logdir) as logger:
            for _ in range(3):
                with logger.step():
                    descend([kernel], tf.reduce_sum)
        found = [one.header is not None for one in read_events(logdir) if one.tag == VITALS]
        assert found == [True, False, False]

    def test_a_new_file_after_an_outage(self, kernel, tmp_path):
        """A file that was made because the old one was lost has the header again."""
        with only_vitals(tmp_path) as logger:
            with logger.step():
                descend([kernel], tf.reduce_sum)
            (old,) = tmp_path.iterdir()
            old.rename(tmp_path / "kept")
            with pytest.warns(gtlog.LoggingWarning, match="was deleted, moved"):
                with logger.step():
                    descend([kernel], tf.reduce_sum)
            with logger.step():
                descend([kernel], tf.reduce_sum)
        found = [one.header is not None for one in read_events(tmp_path) if one.tag == VITALS]
        assert found == [True, False]

    def test_a_users_writer(self, kernel, logdir):
        """The user's own writer gets the header with its first event."""
        with only_vitals(tf.summary.create_file_writer(logdir)) as logger:
            for _ in range(2):
                with logger.step():
                    descend([kernel], tf.reduce_sum)
        found = [one.header is not None for one in read_events(logdir) if one.tag == VITALS]
        assert found == [True, False]


def test_tens_of_thousands_of_variables(logdir):
    """20,000 tiny variables are one table of 20,000 rows, in an event of a few megabytes."""
    count = 20_000
    names = [f"layer_{k}/kernel" for k in range(count)]
    variables = tuple(
        gtlog.VariableRecord(name, "kernel", tf.constant([[float(k), 1.0]]))
        for k, name in enumerate(names)
    )
    (table,) = [
        one for one in summaries.vitals()(gtlog.StepRecord(0, variables=variables))
        if one.tag == VITALS
    ]
    assert table.array.shape == (count, len(COLUMNS)) and table.array.dtype == np.float32
    np.testing.assert_array_equal(
        table.array[:, COLUMNS.index("value_max")], np.maximum(np.arange(count), 1.0)
    )
    writer = gtlog.writing.writer.EventWriter(logdir)
    writer.write(0, [table])
    writer.close()
    assert read_events(logdir)[0].header["variables"][-1][0] == names[-1]


def test_vitals_by_default(kernel, logdir):
    """A logger writes them if it is not told which summaries to run."""
    with gtlog.StepLogger(logdir) as logger, logger.step():
        descend([kernel], tf.reduce_sum)
    assert {"gtlog/vitals", "gtlog/steps"} <= set(read_events(logdir).tags)
