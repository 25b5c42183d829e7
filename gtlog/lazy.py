"""Names of a package that are imported when they are first asked for."""

import importlib
import sys


def names(package, homes):
    """What a package needs as its `__getattr__` and `__dir__`.

    The package itself, and a command line's help beside it, is imported without numpy then.

    Args:
      package: Its `__name__`.
      homes: Dict from each name to the module that has it.

    Returns:
      A function of a name, which raises AttributeError for any other; and one without arguments.
    """

    def getattr_of_package(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    def dir_of_package():
        return sorted({*vars(sys.modules[package]), *homes})

    return getattr_of_package, dir_of_package
