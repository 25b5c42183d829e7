"""Paths as words of a shell command, which any terminal can print without side effects."""

import os
import shlex


def shell_word(path, encoding="utf-8"):
    """A path as a word of a shell command, quoted if needed.

    If a part cannot be printed (control characters, bytes that are no text, characters that the
    terminal's encoding lacks), it is written as `$'...'`, which bash and zsh read.

    Args:
      path: Path, `str`.
      encoding: Encoding of the terminal.

    >>> print(shell_word("logs"), shell_word("my logs"), shell_word("\\x1b[2J"))
    logs 'my logs' $'\\x1b[2J'
    """
    if all(_prints(character, encoding) for character in path):
        return shlex.quote(path)
    return "$'" + "".join(_escaped(character, encoding) for character in path) + "'"


def _prints(character, encoding):
    return character.isprintable() and bool(character.encode(encoding, "ignore"))


def _escaped(character, encoding):
    if character in "\\'":
        return "\\" + character
    if _prints(character, encoding):
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
