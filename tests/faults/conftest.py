"""What the tests of faults share."""

import pytest

from .warm_python import WarmPython


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A `WarmPython`, one for all tests of a module."""
    with WarmPython(tmp_path_factory.mktemp("children")) as python:
        yield python
