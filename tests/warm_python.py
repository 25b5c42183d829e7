"""A Python process that has imported TensorFlow, and forks one for each piece of code.

Thirty processes that import TensorFlow take minutes; thirty forks of one that has, and has run
nothing yet, take seconds. A forked process ends as any does: interpreter exit included.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading

import gtlog

_SECONDS = 300
_SERVER = """
import gc, json, os, sys, warnings
warnings.simplefilter("ignore")
import numpy, tensorflow as tf
tf.keras.layers
import gtlog, gtlog.testing
gc.freeze()  # a collection in a forked process would copy the memory of all of it

def serve():
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        else:
            answer = os.fork()
            if not answer:
                return request
        print(answer, flush=True)

request = serve()
if request:
    for descriptor, name in ((1, "out"), (2, "err")):
        file = os.open(request["files"] + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    warnings.simplefilter("default")
    sys.argv = request["argv"]
    # In the namespace of the main module, which lives until the interpreter ends.
    exec(compile(request["source"], "<step>", "exec"))
"""


class WarmPython:
    """The process, as a context manager.

    Args:
      folder: `pathlib.Path` for what the forked processes print.
    """

    def __init__(self, folder):
        self._folder = folder
        self._count = 0

    def __enter__(self):
        environment = dict(os.environ, PYTHONPATH=str(pathlib.Path(gtlog.__file__).parents[1]))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            universal_newlines=True,
        )
        return self

    def __exit__(self, kind, error, traceback):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()

    def start(self, source, *arguments):
        """Forks a process that runs source code; returns a `Child`."""
        self._count += 1
        files = str(self._folder / f"child{self._count}.")
        argv = ["-c", *map(str, arguments)]
        source = textwrap.dedent(source)
        return Child(self, self.ask({"source": source, "argv": argv, "files": files}), files)

    def run(self, source, *arguments):
        """The same, to its end."""
        child = self.start(source, *arguments)
        child.wait()
        return child

    def output(self, source, *arguments):
        """Runs a program to its end; returns what it wrote to stdout and stderr.

        Raises:
          AssertionError: it failed; the message is what it wrote to stderr.
        """
        child = self.run(source, *arguments)
        assert child.status == 0, child.err
        return child.out, child.err

    def ask(self, request):
        """Sends a request, returns the number that is the answer; fails where it does not come."""
        limit = threading.Timer(_SECONDS, self._process.kill)
        limit.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())
        finally:
            limit.cancel()


class Child:
    """One forked process.

    Attributes:
      pid: Its process id.
      status: Its exit status, negative where a signal ended it; None before `wait`.
    """

    def __init__(self, python, pid, files):
        self._python = python
        self._files = files
        self.pid = pid
        self.status = None

    def wait(self):
        """Waits for its end; returns its exit status."""
        if self.status is None:
            self.status = self._python.ask({"wait": self.pid})
        return self.status

    def kill(self):
        """Ends it, where it has not ended."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    @property
    def out(self):
        """What it wrote to stdout."""
        return pathlib.Path(self._files + "out").read_text()

    @property
    def err(self):
        """What it wrote to stderr, warnings among it."""
        return pathlib.Path(self._files + "err").read_text()
