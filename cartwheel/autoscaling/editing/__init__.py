"""Edits of the manifest of an autoscaler that leave the rest of its text as it is."""

from cartwheel.autoscaling.editing.document import Document, EditError
from cartwheel.autoscaling.editing.fields import FieldError, fields_of, with_fields
from cartwheel.autoscaling.editing.pause import paused, resumed

__all__ = [
    "Document",
    "EditError",
    "FieldError",
    "fields_of",
    "paused",
    "resumed",
    "with_fields",
]
