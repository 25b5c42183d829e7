"""Plants changes into gtlog, one at a time, and counts how many the tests notice.

    python -m tests.mutation --sample 20 --seed 1 statistics naming

A process that has imported TensorFlow forks one for each change. That one puts the changed module
into a copy of the package, runs the module's tests against it and stops at the first that fails.
"""

import argparse
import ast
import copy
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
# The tests that speak of a module, the quickest first.
TESTS = {
    "statistics/on_host": [
        "quick/test_statistics.py",
        "quick/test_signed_log.py",
        "quick/test_summaries.py",
    ],
    "variables/naming": [
        "quick/test_naming.py",
        "test_hostile_names.py",
        "test_variables.py",
        "quick/test_messages.py",
    ],
    "when/schedule": [
        "quick/test_schedules.py",
        "test_steps_and_schedules.py",
        "quick/test_messages.py",
    ],
    "tape": [
        "test_tape.py",
        "conformance/test_tape_contract.py",
        "test_isolation.py",
        "test_public_api.py",
    ],
    "steps/eager": [
        "test_tape.py",
        "quick/test_messages.py",
        "test_steps_and_schedules.py",
        "test_isolation.py",
        "test_shared_logger.py",
        "test_graph_loops.py",
        "test_xla.py",
        "test_replicas.py",
        "conformance/test_truth.py",
    ],
    "writing/writer": ["test_writer.py", "quick/test_messages.py", "faults"],
    "writing/tensorboard/event_file": ["test_writer.py", "faults"],
    "writing/tensorboard/log_directory": ["test_writer.py", "faults"],
    "writing/destinations": ["test_sinks.py", "faults/test_disk.py"],
    "writing/given_sink": ["test_sinks.py"],
    "sinks/numbers": ["quick/test_sinks.py"],
    "sinks/table_file": ["quick/test_sinks.py"],
    "writing/outage": ["faults", "quick/test_messages.py"],
    "notices/failures": ["quick/test_messages.py", "test_hostile_names.py"],
}
DEFAULT = ("statistics/on_host", "variables/naming", "when/schedule", "tape", "steps/eager")
SECONDS = 600

_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


def mutants_of(tree):
    """Yields (line, what was changed, changed tree) for each change that can be planted."""
    for position, node in enumerate(ast.walk(tree)):
        for what, change in _changes(node):
            mutant = copy.deepcopy(tree)
            twin = next(one for k, one in enumerate(ast.walk(mutant)) if k == position)
            change(twin)
            yield node.lineno, what, ast.fix_missing_locations(mutant)


def _changes(node):
    """What may be changed of one node: pairs of a text and a function that changes its twin."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        other = _COMPARISONS[type(node.ops[0])]
        yield f"comparison to {other.__name__}", lambda n: n.ops.__setitem__(0, other())
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _ARITHMETIC:
        new = _ARITHMETIC[type(node.op)]
        yield f"operator to {new.__name__}", lambda n: setattr(n, "op", new())
    elif isinstance(node, ast.BoolOp):
        op = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"to {op.__name__}", lambda n: setattr(n, "op", op())
    elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield "condition to its opposite", lambda n: setattr(
            n, "test", ast.UnaryOp(ast.Not(), n.test)
        )
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        value = _other(node.value)
        yield f"{node.value} to {value}", lambda n: setattr(n, "value", value)
    elif isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield "return None", lambda n: setattr(n, "value", ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Yield)):
        yield "statement out", lambda n: setattr(n, "value", ast.Constant(None))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield "sign or not out", lambda n: setattr(n, "op", ast.UAdd() if _is_sign(n) else _Keep())


def _other(number):
    if isinstance(number, bool):
        return not number
    return number + 1 if isinstance(number, int) else 2 * number + 1


def _is_sign(node):
    return isinstance(node.op, ast.USub)


class _Keep(ast.Not):
    """`not` that is written as a comparison with False would be; see `unparsed`."""


def unparsed(tree):
    """The source of a tree, a dropped `not` as `bool(...)`."""

    class Drop(ast.NodeTransformer):
        def visit_UnaryOp(self, node):
            self.generic_visit(node)
            if isinstance(node.op, _Keep):
                return ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
            return node

    return ast.unparse(ast.fix_missing_locations(Drop().visit(tree)))


def is_caught(module, source):
    """Whether the tests of a module fail, or hang, with this source in its place."""
    with tempfile.TemporaryDirectory() as folder:
        package = pathlib.Path(folder) / "gtlog"
        shutil.copytree(ROOT / "gtlog", package)
        (package / f"{module}.py").write_text(source, encoding="utf-8")
        child = os.fork()
        if not child:
            _run_tests(module, folder)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return status != 0
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return True


def _run_tests(module, folder):
    import pytest

    os.setpgid(0, 0)
    sys.path.insert(0, folder)
    os.chdir(ROOT)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    tests = [str(ROOT / "tests" / name) for name in TESTS[module]]
    try:
        status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests])
    except BaseException:  # noqa: B036  (whatever it is, the change was noticed)
        status = 1
    os._exit(int(status))


def main(argv=None):
    """Runs a sample and prints it; returns 1 where a module's tests fail without any change."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(DEFAULT), help=", ".join(TESTS))
    parser.add_argument("--sample", type=int, default=10, help="changes for each module (10)")
    parser.add_argument("--seed", type=int, default=None, help="of the sample (a new one)")
    arguments = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    os.environ["CI"] = "1"  # hypothesis draws the same examples each time
    import tensorflow as tf

    tf.keras.layers  # noqa: B018  (imported at its first use)
    total = caught = 0
    for module in arguments.modules:
        source = (ROOT / "gtlog" / f"{module}.py").read_text(encoding="utf-8")
        if is_caught(module, source):
            print(f"{module}: its tests fail as it is", flush=True)
            return 1
        mutants = list(mutants_of(ast.parse(source)))
        sample = random.Random(seed).sample(mutants, min(arguments.sample, len(mutants)))
        survivors = []
        for line, what, tree in sample:
            if not is_caught(module, unparsed(tree)):
                survivors.append(f"  {module}.py:{line}: {what}")
        print(f"{module}: {len(sample) - len(survivors)} of {len(sample)} caught", flush=True)
        print(*survivors, sep="\n", end="\n" if survivors else "", flush=True)
        total += len(sample)
        caught += len(sample) - len(survivors)
    print(f"{caught} of {total} caught ({100 * caught / total:.0f} %)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
