"""The scripts of docs/examples run, log what the page promises, and train as without gtlog."""

import contextlib
import dataclasses
import json
import pathlib
import re
import socket
from typing import Tuple

import pytest

from gtlog import _compat
from gtlog.testing import read_events

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "docs" / "examples"
PAGE = (FOLDER / "index.md").read_text(encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class Example:
    """One script.

    Attributes:
      name: Its file, without `.py`.
      arguments: What makes it short.
      tags: Regular expressions; each matches a tag that is promised.
      falls: Whether the first number that it calls a loss must be above the last.
      has_equal_graphs: Whether TensorFlow computes the same with gtlog and without as it is, or
        only where it simplifies no arithmetic. See docs/known-issues.md.
      workers: How many processes it takes.
    """

    name: str
    arguments: Tuple[str, ...]
    tags: Tuple[str, ...]
    falls: bool = True
    has_equal_graphs: bool = True
    workers: int = 1


_EVERYTHING = ("weights/.*kernel", "biases/.*bias", "gradients/.*kernel", "update_ratio", "loss")

_RUN = """
import json, os, runpy, sys
import tensorflow as tf
_, folder, environment, options, *sys.argv = sys.argv
os.chdir(folder)
os.environ.update(json.loads(environment))
if options != "{}":
    tf.config.optimizer.set_experimental_options(json.loads(options))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_UNSIMPLIFIED = {"arithmetic_optimization": False, "constant_folding": False}

# TensorFlow 2.3 sums the gradients of several workers in place, which a notice says.
_SEES_WORKERS = _compat.graphs_keep_parts_of_workers()

EXAMPLES = (
    Example(
        "image_classifier",
        ("--steps", "60", "--steps-per-epoch", "30"),
        (*_EVERYTHING, "images/.*kernel", "weights/.*moving_variance"),
    ),
    Example(
        "dcgan",
        ("--steps", "20"),
        ("loss/0", "loss/1", "images/.*kernel", "gradients/.*kernel", "update_ratio"),
        falls=False,
        has_equal_graphs=False,
    ),
    Example(
        "text_lstm",
        ("--steps", "60"),
        (*_EVERYTHING, "gates/.*/f", "gradients/.*embeddings", "unit_means/.*kernel"),
    ),
    Example(
        "transformer",
        ("--steps", "100"),
        (*_EVERYTHING, "heads/.*block_1/attention/query/kernel"),
    ),
    Example("fit_train_step", ("--steps", "90"), (*_EVERYTHING, "images/.*kernel")),
    Example(
        "two_workers",
        ("--steps", "40"),
        _EVERYTHING if _SEES_WORKERS else ("weights/.*kernel", "biases/.*bias", "update_ratio"),
        workers=2,
    ),
)


def hunks(name):
    """The diff of a script on the page: pairs of the lines before and after."""
    (diff,) = re.findall(rf"\({name}\.py\).*?^```diff\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines()
        yield (
            "".join(line[1:] + "\n" for line in lines if not line.startswith("+")),
            "".join(line[1:] + "\n" for line in lines if not line.startswith("-")),
        )


def without_gtlog(name):
    """The script with the diff of the page applied backwards."""
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    for before, after in hunks(name):
        assert source.count(after) == 1, f"not once in {name}.py:\n{after}"
        source = source.replace(after, before)
    return source


def environments(workers):
    """What the environment of each worker's process has more than that of the tests."""
    if workers == 1:
        return [{}]
    with contextlib.ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(workers)]
        for one in bound:
            one.bind(("localhost", 0))
        cluster = {"worker": [f"localhost:{one.getsockname()[1]}" for one in bound]}
    return [
        {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": k}})}
        for k in range(workers)
    ]


def started(stack, python, example, script, folder):
    """The processes of a script, which do not outlive the stack."""
    options = {} if example.has_equal_graphs else _UNSIMPLIFIED
    processes = [
        python.start(
            _RUN,
            folder,
            json.dumps(environment),
            json.dumps(options),
            *(script, "--logdir", folder / "logs", *example.arguments),
        )
        for environment in environments(example.workers)
    ]
    for process in processes:
        stack.callback(process.kill)
    return processes


def outputs(processes):
    """What each process printed, and what it wrote to stderr."""
    for process in processes:
        assert process.wait() == 0, process.err
    return [(process.out, process.err) for process in processes]


@dataclasses.dataclass(frozen=True)
class Run:
    """A script that was run, and beside it the same without gtlog."""

    example: Example
    logged: list
    bare: list
    logdir: pathlib.Path


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda example: example.name)
def run(request, python, tmp_path_factory):
    """Each script, run together with what it is without gtlog."""
    example = request.param
    folder = tmp_path_factory.mktemp(example.name)
    bare_folder = tmp_path_factory.mktemp(f"{example.name}-bare")
    bare = bare_folder / f"{example.name}.py"
    bare.write_text(without_gtlog(example.name), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        processes = started(stack, python, example, FOLDER / f"{example.name}.py", folder)
        bare_processes = started(stack, python, example, bare, bare_folder)
        return Run(example, outputs(processes), outputs(bare_processes), folder / "logs")


def test_each_script_is_run():
    """No script is left out here, and each has its section on the page."""
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted(e.name for e in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_diff_is_all_of_gtlog(example):
    """The diff of the page, applied backwards, leaves a script that knows nothing of gtlog."""
    assert "gtlog" not in without_gtlog(example.name)


def test_training_is_undisturbed(run):
    """The script prints to the last digit what it prints without gtlog."""
    for (logged, _), (bare, _) in zip(run.logged, run.bare):
        assert logged == bare


def losses_of(stdout):
    """The losses that a script printed."""
    return [float(loss) for loss in re.findall(r"loss (\d+\.\d+)", stdout)]


def test_training_goes_down(run):
    """The loss falls."""
    for stdout, _ in run.logged:
        losses = losses_of(stdout)
        assert len(losses) >= 2
        assert losses[-1] < losses[0] or not run.example.falls


def test_promised_tags_are_there(run):
    """Each tag that the page speaks of was written."""
    tags = read_events(run.logdir).tags
    missing = [one for one in run.example.tags if not any(re.fullmatch(one, t) for t in tags)]
    assert missing == []


def test_nothing_is_warned_of(run):
    """gtlog sees all of the step."""
    warned = [stderr for _, stderr in run.logged if "LoggingWarning" in stderr]
    if run.example.workers > 1 and not _SEES_WORKERS:
        assert warned and all("in place" in stderr for stderr in warned)
    else:
        assert warned == []


def test_tensorflow_warns_of_nothing_more(run):
    """What gtlog does makes TensorFlow log no warning that it does not log without gtlog."""

    def warned(stderr):
        lines = [line for line in stderr.splitlines() if line.startswith("WARNING:tensorflow:")]
        return {re.sub(r"From \S+:\d+: ", "", line) for line in lines}

    for (_, logged), (_, bare) in zip(run.logged, run.bare):
        assert warned(logged) - warned(bare) == set()
