"""What gtlog does to the machine: it writes event files into the log directory, no more."""

import os
import stat

import pytest

WATCHED = """
import os, socket, sys, tempfile
import numpy as np
import tensorflow as tf
import gtlog
from gtlog.testing import read_events

logdir, away = sys.argv[1:]
os.umask(0o027)
os.chdir(away)
os.environ["HOME"] = os.environ["TMPDIR"] = away

def build(logdir):
    weight = tf.Variable(tf.zeros([3, 3, 2, 4]), name="conv/kernel")
    logger = gtlog.StepLogger(logdir, every=2)

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum((weight - 1.0) ** 2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))

    traced = tf.function(train_step, autograph=False)
    beneath = tf.function(gtlog.logged_step(logdir + "/beneath")(train_step), autograph=False)

    def run(k):
        with logger.step():
            (traced if k % 4 else train_step)()
        beneath()

    return logger, run

# What is loaded at first use is loaded here.
with tempfile.TemporaryDirectory() as folder:
    logger, run = build(folder)
    for k in range(5):
        run(k)
    logger.close()

seen, opened, watching = [], [], True
FORBIDDEN = (
    "exec", "compile", "pickle.find_class", "import", "marshal.loads", "code.__new__",
    "socket.", "urllib.Request", "http.client.", "ftplib.", "smtplib.",
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "ctypes.",
    "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown",
    "os.truncate", "os.putenv", "shutil.", "tempfile.", "sys.addaudithook", "sys.settrace",
)

def watch(event, arguments):
    if not watching:
        return
    if event == "socket.gethostname":  # the name of the machine is in the name of the file
        return
    if event.startswith(FORBIDDEN):
        seen.append((event, arguments))
    elif event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            opened.append(path)

sys.addaudithook(watch)
sockets = lambda: [
    link for link in map(readlink, os.listdir("/proc/self/fd")) if link.startswith("socket:")
] if os.path.isdir("/proc/self/fd") else []

def readlink(name):
    try:
        return os.readlink("/proc/self/fd/" + name)
    except OSError:
        return ""

before = sockets()
logger, run = build(logdir)
for k in range(9):
    run(k)
logger.flush()
logger.close()
watching = False
assert sockets() == before
assert "loss" in read_events(logdir).tags and "images/conv/kernel" in read_events(logdir).tags
del run, logger
# TensorFlow's own trace of a function may look at sources; gtlog is not to be among the callers.
print(repr(seen), repr(opened))
"""


@pytest.fixture(scope="module")
def watched(python, tmp_path_factory):
    """Runs logged steps in every way under the watch; returns folders and what was seen."""
    logdir, away = tmp_path_factory.mktemp("logs") / "made", tmp_path_factory.mktemp("away")
    out, _ = python.output(WATCHED, logdir, away)
    return logdir, away, out.strip()


def test_it_runs_no_code_and_opens_no_port(watched):
    """No code is evaluated, unpickled, imported or run, no socket or process is made."""
    assert watched[2] == "[] []"


def test_it_makes_event_files_alone(watched):
    """Where it runs, in the home directory and among temporary files there is nothing new."""
    logdir, away, _ = watched
    assert os.listdir(away) == []
    names = [name for _, _, names in os.walk(logdir) for name in names]
    assert len(names) == 2 and all(name.startswith("events.out.tfevents.") for name in names)


def test_permissions_are_the_umasks(watched):
    """Files and directories have what the umask leaves, and no more."""
    logdir, _, _ = watched
    for place, _, names in os.walk(logdir):
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o750
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(place, name)).st_mode) == 0o640
