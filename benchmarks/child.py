"""Measurements that need a process of their own: memory, and the time to import."""

import importlib
import json
import os
import subprocess
import sys

_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


def run(target, **arguments):
    """Calls a function in a fresh Python process.

    Args:
      target: `package.module:function`; what it takes and returns must fit into JSON.
      **arguments: Keyword arguments for it.

    Returns:
      What the function returned.

    Raises:
      RuntimeError: the process failed.
    """
    command = [sys.executable, "-m", __name__, target, json.dumps(arguments)]
    done = subprocess.run(
        command,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"{target} failed with status {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def _environment():
    """That of this process; modules are compiled once, as pip compiles what it installs."""
    kept = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}


def call(target, arguments):
    """Calls the function that `target` names, in this process."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)(**arguments)


if __name__ == "__main__":
    print(json.dumps(call(sys.argv[1], json.loads(sys.argv[2]))))
