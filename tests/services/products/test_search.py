"""How a search matches and corrects words."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.request.pagination import encode_cursor
from services.products.models import Sort
from services.products.repository import Listing
from services.products.search import Vocabulary, parse_search, search_terms, tokens

DUCKS = 2
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("bicycle", "duck", "wheelbarrow", "orrery")


async def found(shop: httpx2.AsyncClient, **query: object) -> list[str]:
    response = await shop.get("/v1/products", params={"limit": 100, **query})
    assert response.status_code == 200, response.text
    page = response.json()
    assert page["total"] == len(page["items"])
    return [product["sku"] for product in page["items"]]


@pytest.mark.parametrize(
    "typed", ["duck", "ducks", "DUCKS", "dück", "du\u200cck", "dukc", "dcks", "duuck", "duct"]
)
async def test_a_search_forgives_accents_plurals_and_a_wrong_letter(
    shop: httpx2.AsyncClient, typed: str
) -> None:
    skus = await found(shop, q=typed)
    assert "TOY-DUCK-01" in skus
    assert len(skus) >= DUCKS


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("wheels", "wheel"),
        ("knives", "knife"),
        ("brushes", "brush"),
        ("boxes", "box"),
        ("lorries", "lorry"),
        ("children", "child"),
        ("horses", "horse"),
        ("Räder", "rader"),
        ("Smørrebrøds", "smorrebrod"),
    ],
)
def test_plural_and_singular_find_each_other(plural: str, singular: str) -> None:
    for text, asked in ((plural, singular), (singular, plural)):
        terms = search_terms([text])
        (word,) = parse_search(asked, max_words=8)
        assert any(f" {form}" in terms for form in word.tokens[0])


@pytest.mark.parametrize("word", ["glass", "bus", "iris", "gas", "brass"])
def test_what_only_looks_like_a_plural_stays_as_it_is(word: str) -> None:
    assert parse_search(word, max_words=8)[0].tokens == ((word,),)


@given(st.sampled_from(WORDS), st.integers(0, 20), st.sampled_from(LETTERS))
def test_any_one_wrong_letter_is_put_right(word: str, place: int, letter: str) -> None:
    place %= len(word)
    vocabulary = Vocabulary([search_terms(WORDS)])
    swapped = word[:place] + word[place : place + 2][::-1] + word[place + 2 :]
    for typed in (
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        swapped,
    ):
        asked = parse_search(typed, max_words=8)
        (best,) = vocabulary.corrected(asked) or asked
        # Short words rhyme: there the first letter has to be right.
        if len(typed) > 4 or (len(typed) == 4 and typed[0] == word[0]):
            assert any(word.startswith(form) or form == word for form in best.tokens[0])


async def test_the_answer_says_what_was_searched_for_instead(shop: httpx2.AsyncClient) -> None:
    assert (await shop.get("/v1/products?q=dukc")).json()["searched_for"] == "duck"
    assert (await shop.get("/v1/products?q=duck")).json()["searched_for"] is None
    assert (await shop.get("/v1/products?q=xyzzyx")).json()["searched_for"] is None


async def test_of_a_list_of_nothing_no_page_is_read(shop: httpx2.AsyncClient) -> None:
    assert await found(shop, q="xyzzyx") == []
    metrics = (await shop.get("/metrics")).text
    assert 'operation="count_products"' in metrics
    assert 'operation="list_products"' not in metrics


async def test_short_words_are_taken_as_they_are(shop: httpx2.AsyncClient) -> None:
    assert await found(shop, q="zzq") == []


@given(st.text(max_size=60))
def test_every_text_can_be_searched_for(text: str) -> None:
    for word in parse_search(text, max_words=8):
        assert len(word.tokens) <= 8
    assert tokens(text) == tokens(text.upper()) or not text.isascii()


@pytest.mark.parametrize("query", ["sort=name", "sort=-price&q=wheel", "in_stock=true&sort=price"])
async def test_the_page_before_is_the_page_one_came_from(
    shop: httpx2.AsyncClient, query: str
) -> None:
    first = (await shop.get(f"/v1/products?{query}&limit=5")).json()
    assert first["previous_cursor"] is None
    path = f"/v1/products?{query}&limit=5&cursor="
    second = (await shop.get(path + first["next_cursor"])).json()
    third = (await shop.get(path + second["next_cursor"])).json()
    back = (await shop.get(path + third["previous_cursor"])).json()
    assert back["items"] == second["items"]
    start = (await shop.get(path + back["previous_cursor"])).json()
    assert start["items"] == first["items"]
    assert start["previous_cursor"] is None
    assert start["total"] == first["total"] == third["total"]


async def test_goods_can_be_limited_to_what_is_in_stock_and_to_a_price(
    shop: httpx2.AsyncClient,
) -> None:
    assert len(await found(shop, in_stock=True)) == 47
    cheap = (await shop.get("/v1/products?max_price=3000&limit=100")).json()["items"]
    assert cheap
    assert all(product["price"]["amount"] <= 3000 for product in cheap)
    some = await found(shop, min_price=3000, max_price=5000)
    assert 0 < len(some) < 48


@pytest.mark.parametrize("sort", ["name", "price", "newest"])
@pytest.mark.parametrize(
    "position",
    [
        *([], [1], ["a"], [1, 2], ["a", "b"], ["a\x00", "BIKE-1", False], [2**80, "BIKE-1", True]),
        *(["a", "BIKE-1"], [1, "bike", True], [1, "BIKE-1", 1], [1, "BIKE-1", True, True]),
    ],
)
async def test_a_forged_cursor_is_refused(
    shop: httpx2.AsyncClient, sort: str, position: list[str | int]
) -> None:
    cursor = encode_cursor(position, f"products {Listing(sort=Sort(sort))}")
    response = await shop.get(f"/v1/products?sort={sort}&cursor={cursor}")
    assert response.status_code == 422
