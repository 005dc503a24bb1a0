"""What any store may raise. Apart from the stores, so that using one does not load the others."""

from app.errors import Unavailable


class StoreUnavailable(Unavailable):
    """The store did not do its part in time; the same request may work in a moment."""

    type = "store-unavailable"
    title = "The store is not answering"
