"""Where a run of the demo writes: never into a folder that has something in it."""

import errno
import itertools
import os


def new_run_folder(logdir):
    """Makes the folder of a new run: `logdir` while it is empty, else a subfolder of its own.

    Args:
      logdir: Path; the folder need not exist.

    Returns:
      `logdir`, or the first of `logdir/run-2`, `logdir/run-3`, … that does not exist yet.

    Raises:
      OSError: `logdir` is a file, or a folder cannot be made or looked into.
    """
    os.makedirs(logdir, exist_ok=True)
    if not os.access(logdir, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), logdir)
    if not os.listdir(logdir):
        return logdir
    for number in itertools.count(2):
        folder = os.path.join(logdir, f"run-{number}")
        try:
            os.mkdir(folder)
        except FileExistsError:
            continue
        return folder
