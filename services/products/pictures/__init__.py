"""Product pictures, drawn by code: a module for each category, a function for each product.

The same SKU always gives the same picture, at most 4 KB of SVG.
"""

from services.products.pictures import bicycles, carts, curiosities, kitchen, skates, toys
from services.products.pictures.svg_canvas import Palette, SvgCanvas

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

    A product without a drawing gets a plain wheel in its category's colours.
    """
    module = _BY_CATEGORY.get(category)
    canvas = SvgCanvas(module.PALETTE if module else _PLAIN, seed=sku)
    DRAWINGS.get(sku, _plain_wheel)(canvas)
    return canvas.to_svg(title)


def _plain_wheel(canvas: SvgCanvas) -> None:
    colours = canvas.palette
    canvas.circle(160, 160, 96)
    canvas.circle(160, 160, 85, colour=colours.main)
    canvas.spokes(160, 160, 82, 9, colour=colours.ink)
    canvas.filled_circle(160, 160, 18, fill=colours.second)
