"""The package, as setup.cfg describes it; README has links here that hold on a package index."""

import configparser
import pathlib
import re

from setuptools import setup

ROOT = pathlib.Path(__file__).resolve().parent
# The words of a link may hold brackets of their own, as code does.
_WORDS = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
_LINK = re.compile(rf"(?P<picture>!?)(?P<words>{_WORDS})\((?!https?:|#)(?P<path>[^)\s]+)\)")


def source_url():
    """Where the repository stands: the entry `Source` of the project URLs in setup.cfg."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["metadata"]["project_urls"].splitlines()
    return dict(line.split(" = ") for line in lines if line)["Source"]


def readme():
    """README.md with absolute links, since a package index shows it without the repository."""

    def absolute(match):
        kind = "raw" if match["picture"] else "blob"
        url = f"{source_url()}/{kind}/main/{match['path']}"
        return f"{match['picture']}{match['words']}({url})"

    return _LINK.sub(absolute, (ROOT / "README.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    setup(long_description=readme())
