"""File names: what is fit stays, what is not stays apart."""

import unicodedata

import pytest

from fmn.speech.names import distinct_names, safe_name


@pytest.mark.parametrize("text", ["pour milk", "cut-onion_2", "öffnen", "打开", "v1.2", "a" * 120])
def test_fit_names_stay(text):
    assert safe_name(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("a/b", "a\\b", "a:b", "../x", "..", ".", "", " ", ".hidden", "end.", " x", "tab\there", "line\nbreak", "a?"),
        *("CON", "nul.txt", "a" * 121, "ö" * 100, "word-0123456789", unicodedata.normalize("NFD", "öffnen")),
        *("\u202eltr", "a\0b"),
    ],
)
def test_unfit_names_become_fit_and_differ(text):
    name = safe_name(text)
    assert name != text and name == unicodedata.normalize("NFC", name) and name.isprintable()
    assert not set(name) & set('/\\:*?"<>|') and not name.startswith(".") and len(name.encode()) <= 140
    assert name == safe_name(text)


def test_names_that_differ_only_in_unfit_characters_do_not_collide():
    texts = ["a/b", "a:b", "a b", "a\\b", "a  b", "a b.", " a b", "a\nb", "a?b", "A/B", "a/b/"]
    texts += [unicodedata.normalize("NFD", "ö"), "ö", safe_name("a/b")]
    assert len({safe_name(text).casefold() for text in texts}) == len(texts)


def test_names_that_differ_only_in_case_are_marked():
    names = distinct_names({label: label for label in ("Cut", "cut", "pour")})
    assert names["pour"] == "pour"
    assert len({name.casefold() for name in names.values()}) == 3
    assert distinct_names({1: "a", 2: "a", 3: "b"})[3] == "b"
    assert len(set(distinct_names({1: "a", 2: "a"}).values())) == 2
