"""Text from outside (file names, labels, metadata, reasons) as a terminal or a page may show it."""

from html import escape

_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_HALVES = range(0xD800, 0xE000)  # what Python makes of a file name that is not UTF-8
_CODES = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *_BIDI, *_HALVES)
_ESCAPES = {code: repr(chr(code))[1:-1] for code in _CODES}
_ESCAPES_OF_LINES = {code: escape for code, escape in _ESCAPES.items() if code != ord("\n")}


def printable(text: str, lines: bool = False) -> str:
    r"""The text with its control characters, line breaks and changes of direction as escapes, such as \x1b and \n.

    What is no text in a file name is an escape too. Nothing that is left can move the cursor, colour or erase what
    stands there, ring, or turn the letters round.
    lines: it has lines, which stay.
    """
    return text.translate(_ESCAPES_OF_LINES if lines else _ESCAPES)


def in_html(text: str) -> str:
    """The same as text of a page, or as a value in quotes there."""
    return escape(printable(text))
