"""Reading OpenAPI documents: finding an operation, making an answer, comparing two schemas."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

JSON = "application/json"
WORDS = ("text", "TEXT", "EUR", "DE", "a-long-name")
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """What a document says about a method of a path."""

    document: Mapping[str, Any]
    template: str
    method: str

    @property
    def definition(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["paths"][self.template][self.method.lower()]
        return found

    def parameters(self, where: str) -> dict[str, Schema]:
        """The schemas of its query, path or header parameters; headers in lower case."""
        return {
            one["name"].lower() if where == "header" else one["name"]: one["schema"]
            for one in self.definition.get("parameters", ())
            if one["in"] == where
        }

    def schemes(self) -> set[str]:
        """The names of the security schemes it asks for."""
        return {name for one in self.definition.get("security", ()) for name in one}

    def request_schema(self) -> Schema:
        schema: Schema = self.definition["requestBody"]["content"][JSON]["schema"]
        return schema

    def response_schema(self, status: int) -> Schema:
        schema: Schema = self.definition["responses"][str(status)]["content"][JSON]["schema"]
        return schema

    def success(self) -> int:
        """Its first good status."""
        return min(int(status) for status in self.definition["responses"] if status[0] == "2")

    def check(self, value: Any, schema: Schema) -> None:
        """Raises `jsonschema.ValidationError`."""
        whole = {**schema, "components": self.document["components"]}
        Draft202012Validator(whole).validate(value)


def find_operation(document: Mapping[str, Any], method: str, path: str) -> Operation:
    """The operation that answers; the template with the fewest parameters wins."""
    fitting = [
        template
        for template, methods in document["paths"].items()
        if method.lower() in methods and _pattern(template).fullmatch(path)
    ]
    assert fitting, f"{method} {path} is in no template of the document"
    return Operation(document, min(fitting, key=lambda template: template.count("{")), method)


def path_values(operation: Operation, path: str) -> Mapping[str, str]:
    """The values of its path parameters."""
    match = _pattern(operation.template).fullmatch(path)
    assert match is not None
    return match.groupdict()


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    named = [f"(?P<{part}>[^/:]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)]
    return re.compile("".join(named))


def resolved(schema: Schema, document: Mapping[str, Any]) -> Schema:
    """The schema behind a reference, or itself."""
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schemas = document.get("$defs") or document["components"]["schemas"]
        schema = schemas[name]
    return schema


def example(schema: Schema, document: Mapping[str, Any]) -> Any:
    """The least that conforms: only what is required, null where that is allowed."""
    schema = resolved(schema, document)
    if "anyOf" in schema:
        kinds = [resolved(kind, document) for kind in schema["anyOf"]]
        nothing = any(kind.get("type") == "null" for kind in kinds)
        return None if nothing else example(kinds[0], document)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {
                name: example(properties[name], document) for name in schema.get("required", ())
            }
        case "array":
            return [example(schema["items"], document)] if "items" in schema else []
        case "integer" | "number":
            return int(schema.get("minimum", 0))
        case "boolean":
            return False
        case "string":
            return _text(schema)
    return None


def _text(schema: Schema) -> str:
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    pattern = re.compile(schema.get("pattern", ""))
    # A pattern that none of these fits needs a word of its own here.
    return next(text for text in WORDS if pattern.search(text))


def broken_promises(
    reader: Schema, reading: Schema, provided: Schema, document: Mapping[str, Any], at: str = ""
) -> Iterator[str]:
    """What `reader` counts on and `provided` does not say.

    `reading` and `document` are where their references lead.
    """
    reader, provided = resolved(reader, reading), resolved(provided, document)
    reader_kinds, kinds = _kinds(reader, reading), _kinds(provided, document)
    if "null" in kinds and "null" not in reader_kinds:
        yield f"{at} may be null"
    for name in sorted(kinds.keys() - {"null"}):
        if name not in reader_kinds:
            yield f"{at} may be of type {name}"
            continue
        ours, theirs = reader_kinds[name], kinds[name]
        if name == "array" and "items" in ours:
            yield from broken_promises(ours["items"], reading, theirs["items"], document, f"{at}[]")
        elif name == "object":
            yield from _broken_members(ours, reading, theirs, document, at)
        elif not _choices(theirs) <= (_choices(ours) or _choices(theirs)):
            yield f"{at} may be one of {sorted(_choices(theirs) - _choices(ours))}"


def _broken_members(
    reader: Schema, reading: Schema, provided: Schema, document: Mapping[str, Any], at: str
) -> Iterator[str]:
    for name, schema in reader.get("properties", {}).items():
        place = f"{at}/{name}"
        if name not in provided.get("properties", {}):
            yield f"{place} is not in the document"
            continue
        if name in reader.get("required", ()) and name not in provided.get("required", ()):
            yield f"{place} may be absent"
        yield from broken_promises(schema, reading, provided["properties"][name], document, place)


def _kinds(schema: Schema, document: Mapping[str, Any]) -> dict[str, Schema]:
    kinds = [resolved(kind, document) for kind in schema.get("anyOf", [schema])]
    return {str(kind.get("type", "string")): kind for kind in kinds}


def _choices(schema: Schema) -> set[Any]:
    return {schema["const"]} if "const" in schema else set(schema.get("enum", ()))
