"""Leaves out, where there is no TensorFlow, the tests against it."""

import importlib.util

collect_ignore = []
if importlib.util.find_spec("tensorflow") is None:
    collect_ignore.append("test_against_tensorflow.py")
