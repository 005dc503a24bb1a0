"""Checks a posted form with a pydantic model, and reports errors in the shop's own words."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from services.storefront.clients import RequestDeclined
from services.storefront.view_models.form import Form

TOO_SHORT = "string_too_short"
TOO_LONG = "string_too_long"
OTHERWISE = "otherwise"
Messages = Mapping[str, Mapping[str, str]]


class FormModel(BaseModel):
    """The fields of a form. A field that was not sent is checked like an empty one.

    ``messages`` has the fields in the order of the page, each with a message for every error type
    of pydantic it needs, and one for all others. A message may name a bound: ``{max_length}``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)

    messages: ClassVar[Messages]


FormModelT = TypeVar("FormModelT", bound=FormModel)


def validate_form(form: Form, model: type[FormModelT]) -> FormModelT | Form:
    """The fields of the form, or the form with its errors.

    A form with a problem stays a form: its page shows the problem, and the errors beside it.
    """
    try:
        fields = model.model_validate(form.values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        return replace(form, errors=_errors(model, problems))
    return fields if form.is_valid else form


def with_declined_fields(form: Form, declined: RequestDeclined, model: type[FormModel]) -> Form:
    """The form with what an upstream found wrong, beside its fields."""
    fields = {problem.pointer.rpartition("/")[2] for problem in declined.errors}
    errors = {name: texts[OTHERWISE] for name, texts in model.messages.items() if name in fields}
    return replace(form, errors=errors, problem="" if errors else "This could not be read.")


def _errors(model: type[FormModel], problems: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    by_field = {str(problem["loc"][0]): problem for problem in problems}
    return {
        name: _message(texts, by_field[name])
        for name, texts in model.messages.items()
        if name in by_field
    }


def _message(texts: Mapping[str, str], problem: Mapping[str, Any]) -> str:
    return texts.get(problem["type"], texts[OTHERWISE]).format_map(problem.get("ctx", {}))
