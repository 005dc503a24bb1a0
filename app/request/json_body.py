"""A JSON body as the value of a route's parameter: from bytes to a validated model.

FastAPI parses a body with `json.loads` and validates the result; before that, `strict_json` has
to parse it once more. Most bodies need neither: pydantic-core parses and validates them in one
call, and a look at the bytes tells that the strict parser would have accepted them.
"""

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from fastapi._compat import ModelField
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from app.request.strict_json import read_json

ErrorDetail = dict[str, Any] | Exception
"""One error as pydantic lists it (`type`, `loc`, `msg`), or what a validator raised instead."""
ReadBody = tuple[Any, Sequence[ErrorDetail]]
"""The value for the parameter, and what is wrong with the body: one of them counts."""

_LOCATION = ("body",)
_MAX_BOUND = 10**24
"""`strict_json` accepts longer numbers than this."""


class JsonBody:
    """The body parameter of one route."""

    def __init__(self, model_field: ModelField) -> None:
        self._field = model_field
        annotation: Any = model_field.field_info.annotation
        self._flat_model: type[BaseModel] | None = annotation if _is_flat(annotation) else None
        if model_field.field_info.is_required():
            missing = {"type": "missing", "loc": _LOCATION, "msg": "Field required"}
            self._absent: ReadBody = (None, [missing])
        else:
            self._absent = (model_field.get_default(), [])

    @property
    def absent(self) -> ReadBody:
        """What a request without a body gives."""
        return self._absent

    def read(self, content: bytes) -> ReadBody:
        """The value of a JSON body. Raises `BadRequest` unless it is strict JSON."""
        if self._flat_model is not None:
            value = _validate_flat(self._flat_model, content)
            if value is not None:
                return value, []
        return self._field.validate(read_json(content), {}, loc=_LOCATION)

    def read_other(self, content: bytes) -> ReadBody:
        """The value of a body of another media type, which is never a model."""
        return self._field.validate(content, {}, loc=_LOCATION)


def _validate_flat(model: type[BaseModel], content: bytes) -> BaseModel | None:
    """The model, if it is certain that `strict_json` accepts the body; else None.

    Of what that refuses, pydantic-core accepts escapes that no store holds, and members of the
    same name, of which it keeps the last one. Then there are more colons than members that are
    set. (A text with a colon has this effect too, and only costs the second parser.)
    """
    if b"\\" in content:
        return None
    try:
        value: BaseModel = model.__pydantic_validator__.validate_json(content)
    except ValidationError:
        return None
    return value if content.count(b":") == len(value.__pydantic_fields_set__) else None


def _is_flat(annotation: Any) -> bool:
    """Whether it is a strict model of texts, bounded integers and flags, and of nothing else.

    For these, pydantic's JSON mode accepts exactly what its Python mode accepts of the parsed
    document, and no number is too long for `strict_json`.
    """
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return False
    config = annotation.model_config
    return (
        config.get("extra") == "forbid"
        and bool(config.get("strict"))
        and all(_is_plain(one) for one in annotation.model_fields.values())
    )


def _is_plain(field: FieldInfo) -> bool:
    if field.annotation is int:
        bounds = [_bound(one) for one in field.metadata if isinstance(one, Ge | Gt | Le | Lt)]
        return len(bounds) == 2 and all(abs(bound) < _MAX_BOUND for bound in bounds)
    return _is_text_or_flag(field.annotation)


def _bound(constraint: Ge | Gt | Le | Lt) -> int:
    return cast(int, getattr(constraint, type(constraint).__name__.lower()))


def _is_text_or_flag(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return all(_is_text_or_flag(one) for one in get_args(annotation))
    if get_origin(annotation) is Literal:
        return all(isinstance(one, str) for one in get_args(annotation))
    return annotation in (str, bool, NoneType)
