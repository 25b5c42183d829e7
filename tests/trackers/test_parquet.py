"""A table as Parquet, read with pandas."""

import math

import pytest

import gtlog
from gtlog.sinks import TableSink
from gtlog.summaries import Scalar

from .training import train, train_until_nan

pandas = pytest.importorskip("pandas", reason="needs pandas and pyarrow: tox run -e sinks")
pytest.importorskip("pyarrow", reason="needs pandas and pyarrow: tox run -e sinks")


def test_it_is_the_table_that_csv_is(tmp_path):
    """Both endings have the same rows."""
    paths = [tmp_path / "table.csv", tmp_path / "table.parquet"]
    train_until_nan([TableSink(path, per_variable=True) for path in paths])
    comma, parquet = pandas.read_csv(paths[0]), pandas.read_parquet(paths[1])
    assert (comma["name"] == "finding").any() and comma["variable"].notna().any()
    for column in ("step", "name", "variable", "text"):
        assert comma[column].fillna("").tolist() == parquet[column].fillna("").tolist()
    assert comma["value"].to_numpy() == pytest.approx(parquet["value"].to_numpy(), nan_ok=True)


def test_types(tmp_path):
    """Steps are int64, values float64, infinity is kept."""
    sink = TableSink(tmp_path / "table.parquet")
    sink.write(2**40, [Scalar("a", math.inf)])
    sink.close()
    frame = pandas.read_parquet(sink.path)
    assert (str(frame["step"].dtype), str(frame["value"].dtype)) == ("int64", "float64")
    assert (frame["step"][0], frame["value"][0]) == (2**40, math.inf)


def test_flush(tmp_path):
    """`flush` writes what is there so far; the file is whole each time."""
    sink = TableSink(tmp_path / "table.parquet")
    with gtlog.StepLogger(sink) as log:
        for step in range(3):
            log.scalar("a", step)
            log.flush()
            assert pandas.read_parquet(sink.path)["value"].tolist() == list(range(step + 1))


def test_append(tmp_path):
    """A resumed run keeps the rows that are there, and knows their steps."""
    path = tmp_path / "table.parquet"
    train(TableSink(path), steps=3)
    sink = TableSink(path, append=True)
    assert sink.earlier_steps() == (0, 2)
    train(sink, steps=2, step=3)
    frame = pandas.read_parquet(path)
    assert frame[frame["name"] == "loss"]["step"].tolist() == [0, 1, 2, 3, 4]


def test_append_to_something_else(tmp_path):
    """A file with other columns is refused."""
    path = tmp_path / "table.parquet"
    pandas.DataFrame({"epoch": [1]}).to_parquet(path)
    with pytest.raises(ValueError, match="has the columns \\['epoch'\\]"):
        TableSink(path, append=True)
