"""Product pictures."""

import xml.etree.ElementTree as ElementTree

import pytest

from services.products import pictures
from services.products.pictures import toys
from services.products.seed import CatalogueProduct, read_catalogue

PRODUCTS = [
    (category.slug, product) for category in read_catalogue() for product in category.products
]
SVG = "{http://www.w3.org/2000/svg}"


def test_every_product_has_a_drawing_of_its_own() -> None:
    assert {product.sku for _, product in PRODUCTS} == pictures.DRAWINGS.keys()
    assert len(set(pictures.DRAWINGS.values())) == len(PRODUCTS)


def test_a_product_nobody_has_drawn_gets_a_wheel_in_its_categorys_colours() -> None:
    toy = pictures.draw(sku="TOY-NEW-01", title="New", category="toys")
    assert toys.PALETTE.tile in toy
    assert pictures.draw(sku="NEW-01", title="New", category="new") != toy


@pytest.mark.parametrize(
    ("category", "product"), PRODUCTS, ids=[product.sku for _, product in PRODUCTS]
)
def test_a_picture_is_small_self_contained_and_the_same_each_time(
    category: str, product: CatalogueProduct
) -> None:
    picture = pictures.draw(sku=product.sku, title=product.name, category=category)
    assert picture == pictures.draw(sku=product.sku, title=product.name, category=category)
    assert len(picture.encode()) <= 4096
    root = ElementTree.fromstring(picture)
    assert root.findtext(f"{SVG}title") == product.name
    assert root.get("viewBox") == "0 0 320 320"
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "g", "path", "circle", "ellipse"}
    assert "href" not in picture


def test_a_title_cannot_leave_its_element() -> None:
    title = '<script>alert("x")</script> & more'
    picture = pictures.draw(sku="A-1", title=title, category="toys")
    assert ElementTree.fromstring(picture).findtext(f"{SVG}title") == title
