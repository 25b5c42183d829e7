"""Whether two runs wrote the same events."""

import numpy as np

from .modes import COLUMNS

_BESIDE = ("gtlog/", "fit/", "epoch/")  # tables, and what Keras shows


def column_of(tag):
    """The column of the table that a tag belongs to."""
    return next(name for name, starts in COLUMNS.items() if tag.startswith(starts))


def of_column(events, column):
    """The events of a column by tag and step."""
    charts = (one for one in events if not one.tag.startswith(_BESIDE))
    return {(one.tag, one.step): one for one in charts if column_of(one.tag) == column}


def vitals(events):
    """By step, path and column the numbers of the vitals tables."""
    headers = {one.tag: one.header for one in events if one.header}
    return {
        (one.step, row[0], name): number
        for one in events
        if one.tag.startswith("gtlog/vitals")
        for row, numbers in zip(headers[one.tag]["variables"], one.value.tolist())
        for name, number in zip(headers[one.tag]["columns"], numbers)
    }


def step_values(events):
    """By step and name the numbers of whole steps."""
    headers = {one.tag: one.header for one in events if one.header}
    return {
        (one.step, name): number
        for one in events
        if one.tag.startswith("gtlog/steps")
        for name, number in zip(headers[one.tag]["names"], one.value.tolist())
    }


def part_of_vitals(name):
    """The columns of the table of run modes that a column of the vitals needs."""
    if name.startswith(("value", "sketch", "identical")):
        return ("weights",)
    return {"update_rms": ("updates",), "update_ratio": ("updates",)}.get(
        name, ("gradients", "updates") if name == "descent" else ("gradients",)
    )


def assert_same(actual, expected, rounding):
    """Asserts the same tags and steps, and values equal within a relative tolerance."""
    assert sorted(actual) == sorted(expected)
    for key, one in expected.items():
        _ASSERT[one.kind](actual[key].value, one.value, rounding, f"{key[0]} at step {key[1]}")


def _assert_scalar(actual, expected, rounding, where):
    np.testing.assert_allclose(actual, expected, rtol=rounding, atol=1e-6, err_msg=where)


def _assert_histogram(actual, expected, rounding, where):
    spread = max(np.abs(expected[:, :2]).max(), 1e-3)
    np.testing.assert_allclose(
        actual[:, :2], expected[:, :2], rtol=rounding, atol=rounding * spread, err_msg=where
    )
    # An element that lies on an edge may fall to either side.
    moved = np.abs(np.cumsum(actual[:, 2]) - np.cumsum(expected[:, 2])).max()
    assert moved <= max(1, 0.01 * expected[:, 2].sum()), where
    assert actual[:, 2].sum() == expected[:, 2].sum(), where


def _assert_image(actual, expected, rounding, where):
    assert actual.shape == expected.shape, where
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= 3 + 255 * rounding, where


_ASSERT = {"scalar": _assert_scalar, "histogram": _assert_histogram, "image": _assert_image}
