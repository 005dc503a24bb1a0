"""What a page shows in the place of a missing part."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.telemetry.context import current_context
from services.storefront.page_parts import MissingPart, UpstreamName


@dataclass(frozen=True, slots=True)
class MissingPartView:
    title: str
    text: str
    request_id: str


NOT_ANSWERING: Mapping[UpstreamName, str] = {
    "products": "The shelves are not answering.",
    "cart": "The cart is not answering.",
    "user": "The front desk is not answering.",
    "tracking": "The order desk is not answering.",
}
_TEXTS: Mapping[UpstreamName, str] = {
    "products": "Nothing is lost. Please try again in a moment.",
    "cart": "What you put in is safe. Please try again in a moment.",
    "user": "Your cart and your orders are safe. You can go on looking around.",
    "tracking": "Your cart and your orders are safe. Please try again in a moment.",
}


def missing_part_view(part: MissingPart) -> MissingPartView:
    return MissingPartView(
        NOT_ANSWERING[part.upstream], _TEXTS[part.upstream], current_context().request_id
    )
