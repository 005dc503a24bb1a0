"""The idempotency keys that make a form sent twice count once."""

import hashlib
import secrets


def new_form_key() -> str:
    """The key that one view of a page puts into its form."""
    return secrets.token_urlsafe(18)


def add_key(form_key: str, sku: str, quantity: int) -> str:
    """The same form sent twice is one add; with another quantity it is another add."""
    key = form_key or new_form_key()
    return hashlib.sha256(f"{key}\0{sku}\0{quantity}".encode()).hexdigest()


def reorder_key(form_key: str, sku: str) -> str:
    """For one line of an order that is put in the cart again."""
    return hashlib.sha256(f"{form_key} {sku}".encode()).hexdigest()


def guest_key(form_token: str) -> str:
    """Makes all forms of one stranger create one guest. As secret as the form token."""
    return hashlib.sha256(b"guest\0" + form_token.encode()).hexdigest()
