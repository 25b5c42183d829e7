"""Python processes of their own, for what a process can do but once."""

import os
import pathlib
import subprocess
import sys
import textwrap

import gtlog


def run_python(source, *arguments):
    """Runs source code with the gtlog under test; returns what it wrote to stdout and stderr.

    Raises:
      AssertionError: it failed; the message is what it wrote to stderr.
    """
    environment = dict(os.environ, PYTHONPATH=str(pathlib.Path(gtlog.__file__).parents[1]))
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode(), result.stderr.decode()
