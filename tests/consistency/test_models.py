"""The models have the limits of the services."""

from cartwheel.consistency import cart_model
from services.cart import models


def test_a_cart_of_the_model_has_the_limits_of_the_service() -> None:
    limits = (cart_model.MAX_LINES, cart_model.MAX_QUANTITY)
    assert limits == (models.MAX_LINES, models.MAX_QUANTITY)
