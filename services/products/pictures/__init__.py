"""The shop's pictures: one recognisable object per product, drawn by code.

The same SKU always gives the same picture, at most 4 KB of SVG.
"""

from services.products.pictures import bicycles, carts, curiosities, kitchen, skates, toys
from services.products.pictures.svg_canvas import Palette, Pen

_BY_CATEGORY = {
    "bicycles": bicycles,
    "skates": skates,
    "carts": carts,
    "toys": toys,
    "kitchen": kitchen,
    "curiosities": curiosities,
}
DRAWINGS = {
    sku: drawing for module in _BY_CATEGORY.values() for sku, drawing in module.DRAWINGS.items()
}
_PLAIN = Palette(tile="#F3F0EA", shade="#DCD5C8", ink="#2B2926", main="#6A635B", second="#C8401F")


def draw(*, sku: str, title: str, category: str) -> str:
    """The picture of a product as an SVG document; ``title`` is its accessible name.

    A product nobody has drawn yet gets a plain wheel in its category's colours.
    """
    module = _BY_CATEGORY.get(category)
    pen = Pen(module.PALETTE if module else _PLAIN, seed=sku)
    DRAWINGS.get(sku, _plain_wheel)(pen)
    return pen.picture(title)


def _plain_wheel(pen: Pen) -> None:
    colours = pen.palette
    pen.ring(160, 160, 96)
    pen.ring(160, 160, 85, colour=colours.main)
    pen.spokes(160, 160, 82, 9, colour=colours.ink)
    pen.disc(160, 160, 18, fill=colours.second)
