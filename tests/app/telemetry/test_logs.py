"""A log line is one JSON object that names its request and holds no secret."""

import json
import logging

import pytest

from app.settings import ServiceSettings, load
from app.telemetry.context import RequestContext, use_context
from app.telemetry.logs import configure_logging, get_logger


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> "LogLines":
    configure_logging(load(ServiceSettings, instance="small-1"), "small")
    return LogLines(capsys)


class LogLines:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def read(self) -> str:
        return self._capsys.readouterr().out


def test_a_log_line_names_its_service_and_its_request(log_lines: LogLines) -> None:
    with use_context(RequestContext("r-1")) as context:
        get_logger().info("cart.changed", lines=3)
    event = json.loads(log_lines.read())
    assert event["event"] == "cart.changed"
    assert event["lines"] == 3
    assert (event["service"], event["instance"]) == ("small", "small-1")
    assert (event["request_id"], event["trace_id"]) == ("r-1", context.trace_id)


@pytest.mark.fault(79)
def test_an_event_stays_on_one_line(log_lines: LogLines) -> None:
    get_logger().info("name.seen", name='a\n{"event": "forged"}\r\x1b[31m')
    assert len(log_lines.read().strip().splitlines()) == 1


@pytest.mark.fault(79)
@pytest.mark.parametrize(
    "key",
    ["Authorization", "access_token", "password", "new_password", "client_secret", "email",
     "shipping_address", "set-cookie", "service_tokens"],
)  # fmt: skip
def test_values_of_sensitive_keys_are_redacted_at_any_depth(log_lines: LogLines, key: str) -> None:
    get_logger().info("seen", **{key: "hush"}, inner=[{"deep": {key: "hush"}}])
    line = log_lines.read()
    assert "hush" not in line
    assert line.count("[redacted]") == 2


@pytest.mark.fault(79)
@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hush.hush",
        "token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJodXNoIn0.hush",
        "postgresql://shop:hush@db:5432/shop",
        "cannot reach hush@example.com",
        "password=hush&a=1",
        '{"refresh_token": "hush"}',
    ],
)
def test_secrets_inside_texts_are_redacted(log_lines: LogLines, text: str) -> None:
    get_logger().info("seen", text=text)
    assert "hush" not in log_lines.read()


def test_libraries_log_the_same_way(log_lines: LogLines) -> None:
    logging.getLogger("some.library").warning("cannot reach %s", "hush@example.com")
    event = json.loads(log_lines.read())
    assert (event["level"], event["service"]) == ("warning", "small")
    assert "hush" not in event["event"]
