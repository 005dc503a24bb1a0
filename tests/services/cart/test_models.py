"""The models of the cart."""

import hypothesis.strategies as st
from hypothesis import example, given

from services.cart.models import MAX_LINES, MAX_QUANTITY, Cart, StoredCart

LATEST = 7_258_118_400_000  # the year 2200; far later, `moment` is not exact
carts = st.builds(
    StoredCart,
    st.dictionaries(
        st.from_regex(r"[A-Z0-9][A-Z0-9-]{1,31}", fullmatch=True),
        st.integers(1, MAX_QUANTITY) | st.integers(1, MAX_QUANTITY).map(str),
        max_size=MAX_LINES,
    ),
    st.integers(0, 2**53) | st.integers(0, 2**53).map(str),
    st.none() | st.integers(0, LATEST) | st.integers(0, LATEST // 1000).map(lambda s: s * 1000),
)


@given(stored=carts)
@example(stored=StoredCart({}))
@example(stored=StoredCart({"MUG": 1, "10": 99, "LAMP-2": 3}, 7, 1_764_137_532_120))
@example(stored=StoredCart({}, 2, 1_764_137_532_000))
def test_the_json_of_a_stored_cart_is_that_of_the_documented_model(stored: StoredCart) -> None:
    assert stored.json == Cart.__pydantic_serializer__.to_json(stored.cart)


@given(stored=carts)
def test_a_cart_is_the_same_after_it_was_stored(stored: StoredCart) -> None:
    assert stored.cart.stored.cart == stored.cart
