"""Packages of other trackers, imported when a sink is made."""

import importlib


def imported(package, extra, user):
    """A package that is an extra.

    Args:
      package: Its name.
      extra: The extra of gtlog that installs it.
      user: What needs it, for the message.

    Raises:
      ModuleNotFoundError: it is not installed. The message names the extra.
    """
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        module = None
    # A folder of that name, as wandb leaves one in each project, is imported as an empty package.
    if getattr(module, "__file__", None) is None:
        raise ModuleNotFoundError(
            f"{user} needs the package {package}, which is not installed: "
            f"pip install 'gtlog[{extra}]' (or pip install {package}).",
            name=package,
        )
    return module
