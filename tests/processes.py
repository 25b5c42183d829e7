"""Python processes of their own, for what a process can do but once."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import gtlog


@contextlib.contextmanager
def serving(command, output, **options):
    """A process that serves until the block is left.

    Args:
      command: List of its words.
      output: Path of the file for what it writes.
      options: Further arguments of `subprocess.Popen`.
    """
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=20)


def url_of(process, output):
    """The address that a server on this machine has written; None before."""
    text = output.read_text()
    assert process.poll() is None, f"The server ended:\n{text}"
    found = re.search(r"http://127\.0\.0\.1:\d+/(\S+/)?", text)
    return found and found.group()


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
