"""No character of a name moves a cursor, ends a line or leaves its place in a page."""

from html import unescape

import pytest

from fmn.printable import in_html, printable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("bell\x07 back\x08 line\n return\r tab\t", r"bell\x07 back\x08 line\n return\r tab\t"),
        ("c1 \x9b31m del \x7f", r"c1 \x9b31m del \x7f"),
        ("gpj.\u202eevil\u2069", r"gpj.\u202eevil\u2069"),
        ("\u2028\u200f", r"\u2028\u200f"),
        (
            "pour water, öffnen, 食べる, [red]x[/red] :smile: $x$",
            "pour water, öffnen, 食べる, [red]x[/red] :smile: $x$",
        ),
    ],
)
def test_control_characters_are_escapes(text, said):
    assert printable(text) == said and printable(said) == said


def test_lines_stay_where_they_are_wanted():
    assert printable("a\n\x1bb", lines=True) == "a\n\\x1bb"


def test_in_a_page_it_is_text():
    text = "\"><script>alert('1')</script>&\x1b\udce9"
    said = in_html(text)
    assert not set("<>\"'") & set(said) and unescape(said) == "\"><script>alert('1')</script>&\\x1b\\udce9"
