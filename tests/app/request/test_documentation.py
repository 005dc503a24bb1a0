"""A service answers as its OpenAPI document says."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.app.small import build
from tests.support.asgi import running

EVERYWHERE = {"400", "408", "414", "431", "500", "503"}
app = build()
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


def operation(path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = build().openapi()["paths"][path][method]
    return found


def test_an_operation_documents_every_status_it_can_answer() -> None:
    assert set(operation("/v1/items", "post")["responses"]) == {
        *EVERYWHERE,
        *("201", "409", "413", "415", "422"),
    }
    assert set(operation("/v1/items/{item_id}", "get")["responses"]) == {
        *EVERYWHERE,
        *("200", "404", "422"),
    }


def test_errors_are_documented_as_problems() -> None:
    responses = operation("/v1/items", "post")["responses"]
    for status, response in responses.items():
        if status >= "400":
            assert list(response["content"]) == ["application/problem+json"]


def test_the_frameworks_own_error_schemas_are_gone() -> None:
    assert not {"HTTPValidationError", "ValidationError"} & set(
        build().openapi()["components"]["schemas"]
    )


def test_operations_are_named_like_the_functions_behind_them() -> None:
    names = [
        op["operationId"] for path in build().openapi()["paths"].values() for op in path.values()
    ]
    assert "add_item" in names
    assert len(names) == len(set(names))


def test_a_response_schema_requires_all_members() -> None:
    page = build().openapi()["components"]["schemas"]["Page_Item_"]
    assert set(page["required"]) == {"items", "next_cursor"}


async def test_the_documentation_page_makes_no_third_party_request() -> None:
    async with running(build()) as client:
        response = await client.get("/docs")
    assert response.status_code == 200
    assert "/v1/items/{item_id}" in response.text
    assert "http" not in response.text.replace("http-equiv", "")
    assert "<script" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


@schema.exclude(path_regex="/v1/(gate|events|broken|slow)").parametrize()
@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests_are_answered_as_documented(case: Case[Any]) -> None:
    # The document cannot say all we refuse: 22.0 is an integer to JSON Schema, and a cursor that
    # was never given out looks like one that was.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
