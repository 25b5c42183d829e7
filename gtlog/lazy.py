"""Names of a package that are imported when they are first asked for."""

import importlib
import sys


def names(package, homes):
    """The `__getattr__` and `__dir__` of a package whose names are imported when asked for.

    So the package, and the help of a command line beside it, can be imported without numpy.

    Args:
      package: Its `__name__`.
      homes: Dict from each name to the module that has it.

    Returns:
      A function of a name, which raises AttributeError for other names; and one without arguments.
    """

    def getattr_of_package(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    def dir_of_package():
        return sorted({*vars(sys.modules[package]), *homes})

    return getattr_of_package, dir_of_package
