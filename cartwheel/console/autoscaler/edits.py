"""What a page asks for: fields, or a whole manifest."""

from collections.abc import Callable, Mapping
from typing import Any

from cartwheel.autoscaling.editing import EditError, FieldError, with_fields
from cartwheel.autoscaling.manifests import ManifestError
from cartwheel.errors import UsageError
from cartwheel.local.autoscaling.chosen import MAX_MANIFEST_SIZE
from cartwheel.local.topology import MAX_REPLICAS

MANIFEST = "manifest"
MADE_FROM = "made_from"


class InvalidEdit(UsageError):
    """An edit that is wrong; ``field`` is as `scale_up.policies.0.value`, or `manifest`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def edited(manifest: str, body: Mapping[str, Any]) -> str:
    """The manifest that the body asks for, from the one in force. Raises `InvalidEdit`."""
    match body:
        case {"fields": _, "manifest": _}:
            raise InvalidEdit(MANIFEST, "Give either fields or a manifest, not both.")
        case {"fields": dict(fields)}:
            _check_maximum(fields)
            return on_manifest(lambda text: with_fields(text, fields), manifest)
        case {"manifest": str(text)}:
            if len(text) > MAX_MANIFEST_SIZE:
                raise InvalidEdit(
                    MANIFEST,
                    f"It has {len(text):,} characters; at most {MAX_MANIFEST_SIZE:,} are allowed.",
                )
            return text
    raise InvalidEdit(MANIFEST, "Give fields (an object) or a manifest (a text).")


def made_from(body: Mapping[str, Any]) -> str | None:
    """The manifest that a page has edited, if it says so. Raises `InvalidEdit`."""
    found = body.get(MADE_FROM)
    if found is None or isinstance(found, str):
        return found
    raise InvalidEdit(MADE_FROM, "Give the manifest that was edited (a text).")


def on_manifest(edit: Callable[[str], str], manifest: str) -> str:
    """The result of an edit. Raises `InvalidEdit`."""
    try:
        return edit(manifest)
    except FieldError as error:
        raise InvalidEdit(error.field, f"{error}.") from None
    except EditError as error:
        raise InvalidEdit(MANIFEST, f"Edit the whole manifest instead: {error}.") from None
    except ManifestError as error:
        raise InvalidEdit(MANIFEST, str(error)) from None


def _check_maximum(fields: Mapping[str, Any]) -> None:
    maximum = fields.get("max")
    if isinstance(maximum, int) and maximum > MAX_REPLICAS:
        raise InvalidEdit("max", f"max: must be at most {MAX_REPLICAS}, but is {maximum}.")
