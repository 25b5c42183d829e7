"""From the log directories that a user names to runs with names."""

import os

from gtlog.reading.events import event_files, local_path

MOST_RUNS = 20


def runs_beneath(logdir):
    """The directories that hold event files, of a directory and all beneath.

    Args:
      logdir: `str` or path.

    Returns:
      A list of paths, sorted.

    Raises:
      FileNotFoundError: there is no such directory, or no event file in it.
      NotADirectoryError: it is a file.
      ValueError: it is not on this machine, or holds more runs than one page can show.
    """
    logdir = local_path(logdir)
    if not os.path.exists(logdir):
        raise FileNotFoundError(f"There is no directory {logdir!r}.")
    if not os.path.isdir(logdir):
        raise NotADirectoryError(f"{logdir!r} is a file. Give the directory that it is in.")
    folders = sorted({os.path.dirname(path) for path in event_files(logdir)})
    if not folders:
        raise FileNotFoundError(
            f"There is no event file in {logdir!r}, nor beneath. A training writes them with "
            "@gtlog.logged_step above its step."
        )
    if len(folders) > MOST_RUNS:
        raise ValueError(
            f"{logdir!r} holds {len(folders)} runs, more than the {MOST_RUNS} of one page. Name "
            "those to look at."
        )
    return folders


def named_runs(folders):
    """Directories of runs with names that tell them apart.

    Args:
      folders: Paths.

    Returns:
      A list of pairs of a name and a path: the part of the path that the others do not have, of one
      run alone its last part. A directory that is given twice is there once.

    >>> [name for name, _ in named_runs(["logs/a", "logs/b/train"])]
    ['a', 'b/train']
    """
    paths = list(dict.fromkeys(os.path.abspath(one) for one in folders))
    if len(paths) == 1:
        return [(os.path.basename(paths[0]) or paths[0], paths[0])]
    if not paths:
        return []
    try:
        root = os.path.commonpath(paths)
    except ValueError:  # on several drives
        return [(path, path) for path in paths]
    names = [os.path.relpath(path, root) for path in paths]
    return [
        (os.path.basename(root) if name == os.curdir else name.replace(os.sep, "/"), path)
        for name, path in zip(names, paths)
    ]
