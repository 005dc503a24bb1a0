"""The HTTP contract of the catalogue and the stock."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, TypeAdapter

from app.errors import UnprocessablePayload
from app.identity import ServiceCaller
from app.models import Text
from app.request.pagination import (
    Cursor,
    Limit,
    Milliseconds,
    SortText,
    decode_cursor,
    encode_cursor,
)
from app.request.problems import problems
from services.products.dependencies import Expected, Goods, Staff, StockRoom, fingerprints_in
from services.products.models import (
    MAX_AMOUNT,
    Amount,
    Categories,
    Lookup,
    LookupAnswer,
    OrderId,
    Product,
    ProductDetails,
    ProductPage,
    Reservation,
    ReservationRequest,
    Sku,
    Slug,
    Sort,
    StockLevel,
    fingerprint,
)
from services.products.repository import (
    Listing,
    OutOfStock,
    Place,
    ReservationClosed,
    ReservationMismatch,
)
from services.products.search import searched
from services.products.service import FRESH_SECONDS, ProductChanged, UnknownProduct

router = APIRouter(prefix="/v1")

MAX_WORDS = 8
BRIEFLY = f"public, max-age={FRESH_SECONDS:.0f}"
FOR_AN_HOUR = "public, max-age=3600"
SVG = "image/svg+xml"

# What is in a cursor: the sort value and the SKU of a product, and whether to read backwards.
POSITIONS: Mapping[Sort, TypeAdapter[tuple[str | int, str, bool]]] = {
    Sort.NAME: TypeAdapter(tuple[SortText, Sku, bool]),
    Sort.CHEAPEST: TypeAdapter(tuple[Amount, Sku, bool]),
    Sort.DEAREST: TypeAdapter(tuple[Amount, Sku, bool]),
    Sort.NEWEST: TypeAdapter(tuple[Milliseconds, Sku, bool]),
}

_TAGGED: dict[str, Any] = {
    "headers": {
        "ETag": {"description": "Names this content.", "schema": {"type": "string"}},
        "Cache-Control": {"description": "How long it is good.", "schema": {"type": "string"}},
    }
}
UNCHANGED: dict[int | str, dict[str, Any]] = {
    200: _TAGGED,
    304: {"description": "Not modified", **_TAGGED},
}

Search = Annotated[
    Annotated[str, Text(0, 80)] | None,
    Query(description="Words that must all occur in name, summary or description."),
]


InStock = Annotated[bool, Query(description="Only what can be bought now.")]
Price = Annotated[
    int | None, Query(ge=0, le=MAX_AMOUNT, description="In the currency's smallest unit.")
]


@router.get("/products", tags=["catalogue"], response_model=ProductPage, responses=UNCHANGED)
async def list_products(
    request: Request,
    catalogue: Goods,
    category: Slug | None = None,
    q: Search = None,
    in_stock: InStock = False,
    min_price: Price = None,
    max_price: Price = None,
    sort: Sort = Sort.NAME,
    limit: Limit = 24,
    cursor: Cursor = None,
) -> Response:
    """The goods, a page at a time.

    A search forgives capitals, accents, plurals, and one wrong letter in a word that is nowhere.
    """
    if min_price is not None and max_price is not None and min_price > max_price:
        raise UnprocessablePayload(
            errors=[{"pointer": "/max_price", "message": "must not be below min_price"}]
        )
    words = searched(q or "", most=MAX_WORDS)
    listing = Listing(category, words, in_stock, min_price, max_price, sort)
    # A cursor reads on in the list it came from, and in no other.
    name = f"products {listing}"
    place = Place(*decode_cursor(cursor, name, POSITIONS[sort])) if cursor else None
    shelf = await catalogue.list_products(listing, limit=limit, place=place)
    return _answer(
        request,
        ProductPage(
            items=shelf.products,
            total=shelf.total,
            next_cursor=_cursor(shelf.following, name),
            previous_cursor=_cursor(shelf.previous, name),
            searched_for=shelf.searched_for,
        ),
    )


@router.get("/categories", tags=["catalogue"], response_model=Categories, responses=UNCHANGED)
async def list_categories(request: Request, catalogue: Goods) -> Response:
    """The parts of the shop, in the order to show them."""
    return _answer(request, Categories(items=await catalogue.categories()))


@router.post("/products:lookup", tags=["catalogue"])
async def look_up_products(lookup: Lookup, catalogue: Goods) -> LookupAnswer:
    """Prices and stock of up to a hundred products, as they are right now."""
    return await catalogue.lookup(lookup.skus)


@router.get(
    "/products/{sku}",
    tags=["catalogue"],
    response_model=Product,
    responses={**UNCHANGED, **problems(UnknownProduct)},
)
async def read_product(request: Request, sku: Sku, catalogue: Goods) -> Response:
    """One product."""
    return _answer(request, await catalogue.find(sku))


@router.get(
    "/products/{sku}/image.svg",
    tags=["catalogue"],
    response_class=Response,
    responses={
        200: {**_TAGGED, "content": {SVG: {"schema": {"type": "string"}}}},
        304: UNCHANGED[304],
        **problems(UnknownProduct),
    },
)
async def read_picture(request: Request, sku: Sku, catalogue: Goods) -> Response:
    """The product's picture, at most 4 KB of SVG."""
    picture = (await catalogue.picture(sku)).encode()
    return _tagged(request, picture, media_type=SVG, caching=FOR_AN_HOUR)


@router.put(
    "/products/{sku}",
    tags=["staff"],
    dependencies=[Staff],
    responses={
        200: _TAGGED,
        201: {"description": "Added, with nothing in stock yet", "model": Product, **_TAGGED},
        **problems(401, 403, ProductChanged),
    },
)
async def put_product(
    sku: Sku, details: ProductDetails, expected: Expected, catalogue: Goods, response: Response
) -> Product:
    """Add a product or change it. Its stock stays as it is."""
    product, is_new = await catalogue.put(sku, details, expected=expected)
    response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
    response.headers["etag"] = _tag(product.fingerprint())
    return product


@router.put(
    "/products/{sku}/stock",
    tags=["staff"],
    dependencies=[Staff],
    responses={200: _TAGGED, **problems(401, 403, UnknownProduct, ProductChanged)},
)
async def put_stock(
    sku: Sku, level: StockLevel, expected: Expected, catalogue: Goods, response: Response
) -> Product:
    """Say how many can be sold from now on. What is reserved already stays reserved."""
    product = await catalogue.set_stock(sku, level.available, expected=expected)
    response.headers["etag"] = _tag(product.fingerprint())
    return product


@router.put(
    "/reservations/{order_id}",
    tags=["stock"],
    responses={
        201: {"description": "Reserved", "model": Reservation},
        **problems(401, OutOfStock, ReservationMismatch, ReservationClosed),
    },
)
async def reserve(
    order_id: OrderId,
    wanted: ReservationRequest,
    caller: ServiceCaller,
    stock: StockRoom,
    response: Response,
) -> Reservation:
    """Set everything an order needs aside, or nothing. The same again answers the same."""
    reservation, is_new = await stock.reserve(order_id, wanted.lines)
    response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
    return reservation


@router.post(
    "/reservations/{order_id}:commit",
    tags=["stock"],
    responses=problems(401, 404, ReservationClosed),
)
async def commit_reservation(
    order_id: OrderId, caller: ServiceCaller, stock: StockRoom
) -> Reservation:
    """The order is paid: what it reserved is sold."""
    return await stock.commit(order_id)


@router.post("/reservations/{order_id}:release", tags=["stock"], responses=problems(401))
async def release_reservation(
    order_id: OrderId, caller: ServiceCaller, stock: StockRoom
) -> Reservation:
    """The order is off: its stock can be sold again. A reservation still on its way is refused."""
    return await stock.release(order_id)


def _cursor(place: Place | None, listing: str) -> str | None:
    return encode_cursor([place.value, place.sku, place.backwards], listing) if place else None


def _answer(request: Request, answer: BaseModel) -> Response:
    return _tagged(
        request,
        answer.model_dump_json().encode(),
        media_type="application/json",
        caching=BRIEFLY,
    )


def _tagged(request: Request, content: bytes, *, media_type: str, caching: str) -> Response:
    """The content with its entity tag, or 304 for a caller who has exactly this."""
    name = fingerprint(content)
    headers = {"etag": _tag(name), "cache-control": caching}
    known = request.headers.get("if-none-match", "").replace("W/", "")
    if not {name, "*"}.isdisjoint(fingerprints_in(known)):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _tag(name: str) -> str:
    return f'"{name}"'
