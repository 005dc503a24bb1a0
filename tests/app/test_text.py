"""Text that people typed is normalised; deceptive characters are removed or refused."""

import unicodedata
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.models import RequestModel, Text
from app.text import normalized

ZWNJ, ZWJ, BOM = "\u200c", "\u200d", "\ufeff"
EMOJI = st.sampled_from("👩👨👧👦❤🏳🌈⚕✈")
LETTERS = {
    "Persian": "علیرضاکرمحسن",
    "Devanagari": "कषतरमनवसह",
    "Bengali": "কযরতমনসহ",
    "Sinhala": "කරයතමනසහ",
    "Malayalam": "കരനമതളസഹ",
}
VIRAMAS = {"Devanagari": "्", "Bengali": "্", "Sinhala": "්", "Malayalam": "്"}


def names_of(script: str) -> st.SearchStrategy[str]:
    return st.text(LETTERS[script], min_size=1, max_size=8)


persian_names = st.lists(names_of("Persian"), min_size=1, max_size=4).map(ZWNJ.join)
indic_names = st.one_of(
    st.tuples(names_of(script), st.sampled_from([ZWJ, ZWNJ]), names_of(script)).map(
        lambda parts, virama=virama: f"{parts[0]}{virama}{parts[1]}{parts[2]}"
    )
    for script, virama in VIRAMAS.items()
)
families = st.lists(EMOJI, min_size=1, max_size=4).map(ZWJ.join)


class Named(RequestModel):
    name: Annotated[str, Text(1, 3)]


@given(st.one_of(persian_names, indic_names, families))
def test_joiners_that_join_something_are_kept(name: str) -> None:
    assert normalized(name) == unicodedata.normalize("NFC", name)


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    "name",
    [
        "علی‌رضا",
        "احمد‌رضا",
        "क्‍ष",
        "മോഹന്‍",
        "র‍্যাব",
        "Ann 👩‍👩‍👧‍👦",
        "👩🏽‍🚀",
        "🏳️‍🌈",
        "🐈‍⬛",
        "Zoë",
        "Nguyễn",
    ],
)
def test_names_stay_as_their_owners_write_them(name: str) -> None:
    assert normalized(name) == unicodedata.normalize("NFC", name)


@given(
    st.one_of(persian_names, indic_names, families, st.just("Ann")),
    st.text(f"{BOM}\u200b\u2060\u200e\u200f {ZWNJ}", max_size=4),
    st.text(f"{BOM}\u200b\u2060\u200e\u200f \n", max_size=4),
)
def test_remains_of_copying_at_the_ends_are_removed(name: str, before: str, after: str) -> None:
    assert normalized(before + name + after) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (f"Ad{ZWJ}min", "Admin"),
        (f"Ann{ZWNJ}", "Ann"),
        (f"Ann {ZWJ} Axle", "Ann  Axle"),
        (f"علی{ZWNJ}{ZWNJ}{ZWNJ}رضا", f"علی{ZWNJ}رضا"),
        (f"👩{ZWNJ}👧", "👩👧"),
    ],
)
def test_joiners_that_join_nothing_are_removed(typed: str, kept: str) -> None:
    assert normalized(typed) == kept


@pytest.mark.fault(61)
@pytest.mark.parametrize("mark", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
@pytest.mark.parametrize("pattern", ["{}Ann", "An{}n", "Ann{}"])
def test_characters_that_change_the_direction_are_refused(mark: str, pattern: str) -> None:
    with pytest.raises(ValueError, match="direction-changing"):
        normalized(pattern.format(mark))


@pytest.mark.fault(61)
@pytest.mark.parametrize("hidden", ["\u200b", "\u200e", "\u200f", "\u061c", "\u2060", BOM, "\x00"])
def test_characters_that_hide_text_are_refused(hidden: str) -> None:
    with pytest.raises(ValueError, match="invisible"):
        normalized(f"An{hidden}n")


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        once = normalized(text)
    except ValueError:
        return
    assert normalized(once) == once


def test_a_text_is_measured_without_its_padding() -> None:
    assert Named(name=f"{BOM} Ann ").name == "Ann"
    for name in ("", BOM, f" {ZWNJ} ", "Anna"):
        with pytest.raises(ValidationError):
            Named(name=name)
