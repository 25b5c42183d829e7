"""What all tests share."""

import gc
import os
import warnings

import hypothesis
import pytest

# TensorFlow reads it when it is first imported: its C++ side then reports errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# Warnings are errors in the tests, but what TensorFlow and Keras warn of while they are imported
# differs from version to version and says nothing about gtlog.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        import tensorflow as tf
    except ModuleNotFoundError:  # the tests of what needs none run without it
        tf = None
    else:
        tf.keras.layers  # noqa: B018  (tf.keras is imported at its first use)


def _make_two_devices():
    """Two devices, so that a distribution strategy has two replicas.

    Only before its first operation can TensorFlow be told. Its older versions call it experimental.
    """
    configuration = getattr(tf.config, "LogicalDeviceConfiguration", None) or (
        tf.config.experimental.VirtualDeviceConfiguration
    )
    (
        getattr(tf.config, "set_logical_device_configuration", None)
        or tf.config.experimental.set_virtual_device_configuration
    )(tf.config.list_physical_devices("CPU")[0], [configuration(), configuration()])


if tf is not None:
    _make_two_devices()

# For the type checker alone; --doctest-modules would import it.
collect_ignore = ["typing"]

# No deadline: the first call of an operation takes far longer than the second. A CI run draws the
# same examples each time, to fail for the change at hand alone; a run at a desk draws new ones.
# Either prints what reproduces a failure.
hypothesis.settings.register_profile(
    "gtlog", deadline=None, print_blob=True, derandomize="CI" in os.environ
)
hypothesis.settings.load_profile("gtlog")


@pytest.fixture(scope="session", autouse=True)
def _no_coverage_of_other_processes():
    """Keeps older pytest-cov from measuring the processes that tests start, and kill, as well."""
    for name in [name for name in os.environ if name.startswith("COV_CORE_")]:
        del os.environ[name]


@pytest.fixture(scope="module", autouse=True)
def _garbage_of_this_module_alone():
    """Takes what is there before a module out of the garbage collector's sight.

    TensorFlow, the tests and their reports are millions of objects, and each `gc.collect()` of a
    test, or of Keras, would go through all of them: that is up to a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """A `WarmPython`, one for all tests that run programs."""
    from .warm_python import WarmPython

    with WarmPython(tmp_path_factory.mktemp("children")) as python:
        yield python


@pytest.fixture
def logdir(tmp_path):
    """A log directory that does not exist yet, as `str`."""
    return str(tmp_path / "logs")
