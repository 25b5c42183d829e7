"""A disk may fail in any way: training goes on, what is lost is said, and logging resumes."""

import pytest

from .reading import event_files, has_half_a_record, points, steps_in_files

# Trains `steps` steps; `at` says what befalls the disk before which step. The weight after step k
# is k + 1. Prints the weight that training ended with, and then each warning of gtlog's.
TRAIN = """
import glob, os, resource, shutil, sys, warnings
import tensorflow as tf
import gtlog
from gtlog.summaries import Scalar, scalars

logdir = sys.argv[1]
limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

def fill():
    files = glob.glob(logdir + "/*")
    size = max([os.path.getsize(file) for file in files], default=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limit))  # a part of an event fits

def shut():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit))  # the head of a file fits

def empty():
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def delete():
    shutil.rmtree(logdir)

def delete_files():
    for file in glob.glob(logdir + "/*"):
        os.remove(file)

def block():
    os.rename(logdir, logdir + "-gone")
    open(logdir, "w").close()

def unblock():
    os.remove(logdir)
    os.rename(logdir + "-gone", logdir)

def forbid():
    os.chmod(logdir, 0)
    if os.getuid() == 0:  # whom no permission stops
        os.seteuid(65534)

def allow():
    os.seteuid(os.getuid())
    os.chmod(logdir, 0o755)

def damage():
    for file in glob.glob(logdir + "/*"):
        os.truncate(file, os.path.getsize(file) - 7)

writer = logdir
if "user" in sys.argv[2:]:
    writer = tf.summary.create_file_writer(logdir)
weight = tf.Variable([0.0], name="weight")
at = eval(sys.argv[2])
long_text = lambda record: [Scalar("text", 0.0, "x" * 300)]
logger = gtlog.StepLogger(writer, every=2, summaries=[scalars(), long_text])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", gtlog.LoggingWarning)
    for number in range(20):
        at.get(number, lambda: None)()
        with logger.step(), gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight)
        weight.assign_add([1.0])
    logger.close()
empty()
print(float(weight.numpy()[0]))
for one in caught:
    print(str(one.message).replace(logdir, "LOGS").replace("\\n", " "))
"""
EVEN = list(range(0, 20, 2))


@pytest.fixture
def train(python, tmp_path):
    """Trains with faults: function of their source and options; returns logdir and warnings."""

    def train(faults, *options):
        logdir = tmp_path / "logs"
        child = python.run(TRAIN, logdir, faults, *options)
        assert child.status == 0, child.err
        weight, *warnings = child.out.splitlines()
        assert weight == "20.0"  # training went on
        return logdir, warnings

    return train


# An outage before step 6, until before step 11.
OUTAGES = {
    "full": "{6: fill, 7: shut, 11: empty}",
    "in-the-way": "{6: block, 11: unblock}",
    "no-permission": "{6: forbid, 11: allow}",
}


@pytest.mark.parametrize("outage", ["full", "in-the-way"])
def test_outage(outage, train):
    """A disk that cannot be written for a while costs the steps of that while alone."""
    logdir, warnings = train(OUTAGES[outage])
    lost = [6, 8, 10]
    assert steps_in_files(logdir) == [step for step in EVEN if step not in lost]
    assert list(points(logdir, "weight_norm")) == [step for step in EVEN if step not in lost]
    (beginning,) = [one for one in warnings if "could not write to 'LOGS' at step 6: " in one]
    assert beginning.endswith(
        "Training goes on; gtlog tries again at each logged step, and then says what is lost."
    )
    assert warnings[-1] == (
        "Steps 6 to 10 are lost (3 logged): 'LOGS' could not be written to. "
        "Step 12 is written again."
    )


def test_full_disk_leaves_whole_records(train):
    """What was written of an event that did not fit is cut off, and no empty file is left."""
    logdir, _ = train(OUTAGES["full"])
    files = event_files(logdir)
    assert len(files) == 2
    assert [has_half_a_record(path) for path in files] == [False, False]


def test_full_to_the_end(train):
    """An outage that does not end is said with its steps when the logger is closed."""
    logdir, warnings = train("{6: fill, 7: shut}")
    assert steps_in_files(logdir) == [0, 2, 4]
    assert len(warnings) == 2
    assert warnings[1] == (
        "Steps 6 to 18 are lost (7 logged): 'LOGS' could not be written to. It was so to the end."
    )


def test_full_from_the_beginning(train):
    """A disk that is full at first costs the first steps."""
    logdir, warnings = train("{0: shut, 3: empty}")
    assert steps_in_files(logdir) == EVEN[2:]
    assert warnings[1].startswith("Steps 0 to 2 are lost (2 logged)")


def test_two_outages(train):
    """Each outage is said with its own steps."""
    logdir, warnings = train("{2: fill, 3: empty, 8: block, 12: unblock}")
    assert steps_in_files(logdir) == [0, 4, 6, 12, 14, 16, 18]
    assert [one.partition(":")[0] for one in warnings if "lost (" in one] == [
        "Step 2 is lost (1 logged)",
        "Steps 8 to 10 are lost (2 logged)",
    ]


def test_no_permission(train):
    """A directory that may not be entered any more costs the steps until it may again."""
    logdir, warnings = train(OUTAGES["no-permission"])
    lost = [6, 8, 10]
    assert steps_in_files(logdir) == [step for step in EVEN if step not in lost]
    assert warnings[-1].startswith("Steps 6 to 10 are lost (3 logged)")


def test_deleted_behind_the_last_step(train):
    """Files that are deleted when all is written are missed when the logger is closed."""
    logdir, warnings = train("{19: delete}")
    assert steps_in_files(logdir) == []
    (warning,) = warnings
    assert warning.endswith("with it steps 0 to 18 may be lost. It was the last one.")


@pytest.mark.parametrize("fault", ["delete", "delete_files"])
def test_deleted(fault, train):
    """A deleted directory or file is made again; the step at hand is not lost, the old ones are."""
    logdir, warnings = train("{10: %s}" % fault)
    assert steps_in_files(logdir) == [10, 12, 14, 16, 18]
    (warning,) = warnings
    assert "was deleted, moved or changed by somebody else" in warning
    assert "with it steps 0 to 8 may be lost. Step 10 and later ones go to a new" in warning


def test_deleted_before_the_first_step(train):
    """A directory that is gone when the first event comes is made, without a word."""
    logdir, warnings = train("{0: delete}")
    assert steps_in_files(logdir) == EVEN
    assert warnings == []


def test_a_directory_that_appears_later(train):
    """Where a file stands in the place of the directory at first, logging begins behind it."""
    logdir, warnings = train("{0: block, 9: unblock}")
    assert steps_in_files(logdir) == EVEN[5:]
    assert len(warnings) == 2
    assert warnings[1].startswith("Steps 0 to 8 are lost (5 logged)")


def test_damaged(train):
    """A file that somebody else has cut is left, and a new one goes on."""
    logdir, warnings = train("{10: damage}")
    assert list(points(logdir, "weight_norm"))[-5:] == [10, 12, 14, 16, 18]
    assert len(event_files(logdir)) == 2
    assert len(warnings) == 1


def test_a_closed_writer_of_the_users(train):
    """A SummaryWriter that the user closes costs the rest, which is said with its steps."""
    logdir, warnings = train("{10: lambda: writer.close()}", "user")
    assert steps_in_files(logdir) == EVEN[:5]
    assert len(warnings) == 2
    assert "could not write to the SummaryWriter at step 10: RuntimeError: " in warnings[0]
    assert "pass the log directory itself" in warnings[0]
    assert warnings[1].startswith("Steps 10 to 18 are lost (5 logged)")


def test_a_full_disk_under_a_writer_of_the_users(train):
    """TensorFlow's error is said, and that it may go on where no reader gets to."""
    logdir, warnings = train("{6: fill, 11: empty}", "user")
    assert list(points(logdir, "weight_norm")) == [0, 2, 4]
    assert "could not write to the SummaryWriter at step 6: " in warnings[0]
    assert warnings[1].startswith("Steps 6 to 10 are lost (3 logged)")
    assert warnings[1].endswith("where no reader may find them: make a new writer.")


RAISE = """
import resource, sys
import tensorflow as tf
import gtlog

logdir = sys.argv[1]
weight = tf.Variable([0.0], name="weight")
limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

@gtlog.logged_step(logdir, on_error="raise")
def train_step():
    with gtlog.InstrumentedTape():
        tf.reduce_sum(weight)
    weight.assign_add([1.0])

train_step()
resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit))
errors = []
for _ in range(2):
    try:
        train_step()
    except gtlog.LoggingError as error:
        errors.append(str(error).splitlines()[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for error in errors:
    print(error)
train_step()
print(float(weight.numpy()[0]))
"""


def test_on_error_raise(python, tmp_path):
    """With on_error="raise" each lost step raises after its update; logging resumes."""
    child = python.run(RAISE, tmp_path)
    assert child.status == 0, child.err
    *errors, weight = child.out.splitlines()
    assert [one.partition(": ")[0] for one in errors] == [
        f"gtlog could not write to {str(tmp_path)!r} at step {step}" for step in (1, 2)
    ]
    assert weight == "4.0"
    assert steps_in_files(tmp_path) == [0, 3]
