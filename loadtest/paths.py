"""The routes of the shop that a load uses, as the storefront offers them."""

PRODUCTS = "/api/products/v1"
CART = "/api/cart/v1"
USER = "/api/user/v1"
TRACKING = "/api/tracking/v1"
ORDER = f"{TRACKING}/orders/{{id}}"
