"""Text that may be shown in a terminal or on a page: nothing in it acts."""

import unicodedata

# What moves a terminal's cursor, reverses the order of a text, or is no text at all: controls,
# formats, surrogates, private and unassigned characters, line and paragraph separators.
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def printable(text, most=None):
    r"""A text as it may be shown in a terminal or on a page: nothing in it acts.

    Args:
      text: Any `str`.
      most: Number of characters after which it is cut; None keeps it whole.

    Returns:
      The text with each control, format, surrogate or unassigned character as its escape, but for
      line feeds where `most` is given: a message may have several lines, a name may not.

    >>> printable("kernel\x1b[31m")
    'kernel\\x1b[31m'
    """
    if most is not None and len(text) > most:
        text = f"{text[:most]}… ({len(text) - most} more characters)"
    if text.isascii() and text.isprintable():
        return text
    keep = "\n" if most is not None else ""
    return "".join(one if one in keep or not _acts(one) else _escaped(one) for one in text)


def _acts(character):
    return unicodedata.category(character) in _UNPRINTABLE


def _escaped(character):
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
