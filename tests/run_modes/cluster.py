"""Jobs of several processes on this machine, each its own TensorFlow, with a limit of time."""

import contextlib
import json
import os
import pathlib
import pickle
import socket
import subprocess
import sys

import gtlog

SECONDS = 150
_START = "import sys; sys.path.append(sys.argv[1]); from tests.run_modes import {0}; {0}.main()"


def run_job(program, tasks, folder):
    """Starts one process for each task of a job and waits for the first.

    Args:
      program: Name of the module of this package whose `main` each process calls.
      tasks: List of (job name, index). The first one pickles its results, to the path that is its
        last argument; those that serve without end are stopped when it is done.
      folder: Where results and output of the processes go.

    Returns:
      What the first process pickled.

    Raises:
      AssertionError: it failed or did not end in time; the message is the output of all.
    """
    folder = pathlib.Path(folder)
    cluster = _addresses(tasks)
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(_process(program, cluster, job, index, folder))
            for job, index in tasks
        ]
        try:
            code = processes[0].wait(SECONDS)
        except subprocess.TimeoutExpired:
            code = f"none in {SECONDS} seconds"
    output = "".join(path.read_text(errors="replace") for path in sorted(folder.glob("*.txt")))
    assert code == 0, f"exit code {code}\n{output}"
    return pickle.loads((folder / "results").read_bytes())


def _addresses(tasks):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in tasks]
        cluster = {}
        for (job, _), one in zip(tasks, sockets):
            one.bind(("127.0.0.1", 0))
            cluster.setdefault(job, []).append(f"127.0.0.1:{one.getsockname()[1]}")
    return cluster


@contextlib.contextmanager
def _process(program, cluster, job, index, folder):
    environment = dict(
        os.environ,
        TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": job, "index": index}}),
        PYTHONPATH=str(pathlib.Path(gtlog.__file__).parents[1]),
    )
    root = str(pathlib.Path(__file__).parents[2])
    command = [sys.executable, "-c", _START.format(program), root, str(folder / "results")]
    with open(folder / f"{job}-{index}.txt", "w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=str(folder)
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
