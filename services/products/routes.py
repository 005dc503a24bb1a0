"""The HTTP API of the catalogue and the stock."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, TypeAdapter

from app.errors import UnprocessablePayload
from app.headers import first_value
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
from app.request.ready_json import ReadyJson
from services.products.dependencies import (
    Catalogue,
    IfMatch,
    RequireStaff,
    Reservations,
    parse_etags,
)
from services.products.models import (
    MAX_AMOUNT,
    Amount,
    Categories,
    LookupRequest,
    LookupResponse,
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
    etag_of,
)
from services.products.repository import (
    Listing,
    OutOfStock,
    PagePosition,
    ReservationClosed,
    ReservationMismatch,
)
from services.products.search import parse_search
from services.products.service import FRESH_SECONDS, ProductChanged, UnknownProduct

router = APIRouter(prefix="/v1")

MAX_SEARCH_WORDS = 8
BRIEF_CACHING = f"public, max-age={FRESH_SECONDS:.0f}"
PICTURE_CACHING = "public, max-age=3600"
SVG = "image/svg+xml"

# The content of a cursor: the sort value and SKU of a product, and whether to read backwards.
POSITIONS: Mapping[Sort, TypeAdapter[tuple[str | int, str, bool]]] = {
    Sort.NAME: TypeAdapter(tuple[SortText, Sku, bool]),
    Sort.CHEAPEST: TypeAdapter(tuple[Amount, Sku, bool]),
    Sort.DEAREST: TypeAdapter(tuple[Amount, Sku, bool]),
    Sort.NEWEST: TypeAdapter(tuple[Milliseconds, Sku, bool]),
}

_ETAG_HEADERS: dict[str, Any] = {
    "headers": {
        "ETag": {"description": "The content's entity tag.", "schema": {"type": "string"}},
        "Cache-Control": {
            "description": "How long it may be cached.",
            "schema": {"type": "string"},
        },
    }
}
CONDITIONAL: dict[int | str, dict[str, Any]] = {
    200: _ETAG_HEADERS,
    304: {"description": "Not modified", **_ETAG_HEADERS},
}

Search = Annotated[
    Annotated[str, Text(0, 80)] | None,
    Query(description="Words that must all occur in name, summary or description."),
]

InStock = Annotated[bool, Query(description="Only what can be bought now.")]
Price = Annotated[
    int | None, Query(ge=0, le=MAX_AMOUNT, description="In the currency's smallest unit.")
]


@router.get("/products", tags=["catalogue"], response_model=ProductPage, responses=CONDITIONAL)
async def list_products(
    request: Request,
    catalogue: Catalogue,
    category: Slug | None = None,
    q: Search = None,
    in_stock: InStock = False,
    min_price: Price = None,
    max_price: Price = None,
    sort: Sort = Sort.NAME,
    limit: Limit = 24,
    cursor: Cursor = None,
) -> Response:
    """Products, a page at a time.

    A search ignores case, accents and plurals. When nothing matches, one wrong letter in a word
    is corrected.
    """
    if min_price is not None and max_price is not None and min_price > max_price:
        raise UnprocessablePayload(
            errors=[{"pointer": "/max_price", "message": "must not be below min_price"}]
        )
    words = parse_search(q or "", max_words=MAX_SEARCH_WORDS)
    listing = Listing(category, words, in_stock, min_price, max_price, sort)
    # A cursor is valid only for the listing it came from.
    name = f"products {listing}"
    position = PagePosition(*decode_cursor(cursor, name, POSITIONS[sort])) if cursor else None
    page = await catalogue.list_products(listing, limit=limit, position=position)
    return _json_response(
        request,
        ProductPage(
            items=page.products,
            total=page.total,
            next_cursor=_cursor(page.following, name),
            previous_cursor=_cursor(page.previous, name),
            searched_for=page.searched_for,
        ),
    )


@router.get("/categories", tags=["catalogue"], response_model=Categories, responses=CONDITIONAL)
async def list_categories(request: Request, catalogue: Catalogue) -> Response:
    """All categories, in the order in which the shop shows them."""
    return _json_response(request, Categories(items=await catalogue.categories()))


@router.post("/products:lookup", tags=["catalogue"])
async def look_up_products(request: LookupRequest, catalogue: Catalogue) -> LookupResponse:
    """Current prices and stock of up to 100 products. Never cached."""
    return await catalogue.lookup(request.skus)


@router.get(
    "/products/{sku}",
    tags=["catalogue"],
    response_model=Product,
    responses={**CONDITIONAL, **problems(UnknownProduct)},
)
async def read_product(request: Request, sku: Sku, catalogue: Catalogue) -> Response:
    """One product."""
    found = await catalogue.find(sku)
    return _conditional_json(request, found.content, etag=found.etag)


@router.get(
    "/products/{sku}/image.svg",
    tags=["catalogue"],
    response_class=Response,
    responses={
        200: {**_ETAG_HEADERS, "content": {SVG: {"schema": {"type": "string"}}}},
        304: CONDITIONAL[304],
        **problems(UnknownProduct),
    },
)
async def read_picture(request: Request, sku: Sku, catalogue: Catalogue) -> Response:
    """The product's picture, at most 4 KB of SVG."""
    return _conditional_picture(request, (await catalogue.picture(sku)).encode())


@router.put(
    "/products/{sku}",
    tags=["staff"],
    dependencies=[RequireStaff],
    responses={
        200: _ETAG_HEADERS,
        201: {"description": "Added, with nothing in stock yet", "model": Product, **_ETAG_HEADERS},
        **problems(401, 403, ProductChanged),
    },
)
async def put_product(
    sku: Sku,
    details: ProductDetails,
    if_match: IfMatch,
    catalogue: Catalogue,
    response: Response,
) -> Product:
    """Add a product or change it. Its stock stays as it is."""
    product, is_new = await catalogue.put(sku, details, expected_etags=if_match)
    response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
    response.headers["etag"] = _quoted(product.etag())
    return product


@router.put(
    "/products/{sku}/stock",
    tags=["staff"],
    dependencies=[RequireStaff],
    responses={200: _ETAG_HEADERS, **problems(401, 403, UnknownProduct, ProductChanged)},
)
async def put_stock(
    sku: Sku,
    level: StockLevel,
    if_match: IfMatch,
    catalogue: Catalogue,
    response: Response,
) -> Product:
    """Set how many can be sold from now on. Reservations stay as they are."""
    product = await catalogue.set_stock(sku, level.available, expected_etags=if_match)
    response.headers["etag"] = _quoted(product.etag())
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
    reservation: ReservationRequest,
    caller: ServiceCaller,
    reservations: Reservations,
    response: Response,
) -> Reservation:
    """Reserve all lines of an order, or none. A repeated request answers the same reservation."""
    reserved, is_new = await reservations.reserve(order_id, reservation.lines)
    response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
    return reserved


@router.post(
    "/reservations/{order_id}:commit",
    tags=["stock"],
    responses=problems(401, 404, ReservationClosed),
)
async def commit_reservation(
    order_id: OrderId, caller: ServiceCaller, reservations: Reservations
) -> Reservation:
    """Make the sale final: the order is paid."""
    return await reservations.commit(order_id)


@router.post("/reservations/{order_id}:release", tags=["stock"], responses=problems(401))
async def release_reservation(
    order_id: OrderId, caller: ServiceCaller, reservations: Reservations
) -> Reservation:
    """Return the stock of a cancelled order. A reserve that arrives later is refused."""
    return await reservations.release(order_id)


def _cursor(position: PagePosition | None, listing: str) -> str | None:
    if position is None:
        return None
    return encode_cursor([position.value, position.sku, position.backwards], listing)


def _json_response(request: Request, body: BaseModel) -> Response:
    content = body.model_dump_json().encode()
    return _conditional_json(request, content, etag=etag_of(content))


def _conditional_json(request: Request, content: bytes, *, etag: str) -> Response:
    """The JSON with its entity tag, or 304 if the caller has it already."""
    headers = {"etag": _quoted(etag), "cache-control": BRIEF_CACHING}
    return _not_modified(request, etag, headers) or ReadyJson(content, headers=headers)


def _conditional_picture(request: Request, picture: bytes) -> Response:
    etag = etag_of(picture)
    headers = {"etag": _quoted(etag), "cache-control": PICTURE_CACHING}
    return _not_modified(request, etag, headers) or Response(
        picture, media_type=SVG, headers=headers
    )


def _not_modified(request: Request, etag: str, headers: Mapping[str, str]) -> Response | None:
    value = first_value(request.scope["headers"], b"if-none-match")
    if value is None:
        return None
    known = value.decode("latin-1").replace("W/", "")
    if {etag, "*"}.isdisjoint(parse_etags(known)):
        return None
    return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)


def _quoted(etag: str) -> str:
    return f'"{etag}"'
