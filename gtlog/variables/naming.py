"""What a variable is called in TensorBoard: its path."""

import hashlib
import re

from gtlog.notices.text import printable

_UNNAMED = re.compile(r"(?:.*/)?Variable(?:_\d+)?")
_OUTPUT_NUMBER = re.compile(r":\d+$")
_MOST_CHARACTERS = 512
_DOTS = re.compile(r"(?<![^/])\.{1,2}(?![^/])")


def own_path(name):
    r"""The path that a variable's full name stands for: the name without its output number.

    Names come from users' models, and go to terminals and pages. Characters that are not text are
    written as `printable` writes them, components `.` and `..` as `_` and `__`, and a path of more
    than 512 characters is cut, with a digest of the whole.

    >>> own_path("sequential/dense/kernel:0")
    'sequential/dense/kernel'
    >>> own_path("../\x1b[2Jkernel:0")
    '__/\\x1b[2Jkernel'
    """
    path = _OUTPUT_NUMBER.sub("", name).strip("/") or "Variable"
    path = _DOTS.sub(lambda dots: "_" * len(dots.group()), printable(path))
    if len(path) <= _MOST_CHARACTERS:
        return path
    digest = hashlib.sha256(path.encode()).hexdigest()[:16]
    # The role is found by the end of a path.
    half = _MOST_CHARACTERS // 2 - len(digest)
    return f"{path[:half]}…{digest}…{path[-half:]}".strip("/")


def is_unnamed(path):
    """Whether a path is what TensorFlow calls a variable that was given no name.

    >>> is_unnamed("Variable_3"), is_unnamed("layer/Variable"), is_unnamed("layer/w")
    (True, True, False)
    """
    return _UNNAMED.fullmatch(path) is not None


def without_first(path, name):
    """The path without its first component, where that is `name` and others follow.

    >>> without_first("sequential/dense/kernel", "sequential"), without_first("kernel", "kernel")
    ('dense/kernel', 'kernel')
    """
    first, slash, rest = path.partition("/")
    return rest if slash and first == name else path


def path_of_shards(path):
    """The path of a variable that lies in shards, given the path of one shard.

    >>> path_of_shards("embedding/embeddings/part_0")
    'embedding/embeddings'
    """
    return re.sub(r"/part_\d+$", "", path)


def unique_path(path, taken):
    """The path, or the path with the first free number where `taken` holds it already.

    >>> unique_path("dense/kernel", {"dense/kernel", "dense/kernel_1"})
    'dense/kernel_2'
    """
    candidate, number = path, 0
    while candidate in taken:
        number += 1
        candidate = f"{path}_{number}"
    return candidate
