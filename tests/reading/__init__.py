"""Tests of the reader of log directories; all but those against TensorFlow run without it."""
