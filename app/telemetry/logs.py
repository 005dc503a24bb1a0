"""Logs: one line per event on stdout, with the request it belongs to and without secrets.

log = get_logger()
log.info("order.confirmed", order_id=order.id)
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from app.settings import ServiceSettings
from app.telemetry.context import NO_REQUEST, current_context

REDACTED = "[redacted]"
_SENSITIVE_KEY = re.compile(
    r"authorization|token|passw|secret|address|e-?mail|cookie|credential|api_?key", re.IGNORECASE
)
# A stranger chooses some of the texts, so the time grows with their length only: each part begins
# where a word does, and looks ahead before it reads the word.
_SENSITIVE_TEXT = re.compile(
    r"(?P<scheme>\b(?:bearer|basic)\s+)\S+"
    r"|(?<![\w-])(?=[\w-]++\.[\w-]++\.)[\w-]*?\beyJ[\w-]++\.[\w-]++\.[\w-]*+"
    r"|(?P<user>://[^/\s:@]*+:)[^/\s@]++(?=@)"
    r"|(?P<name>\b(?=\w*?(?:passw|secret|token))\w++['\"]?\s*+[=:]\s*+['\"]?)[^\s,'\"&)}\]]++"
    r"|(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++",
    re.IGNORECASE,
)
_MAX_DEPTH = 6


def get_logger() -> FilteringBoundLogger:
    """A logger for events named `subject.what_happened` and values as keyword arguments."""
    return cast(FilteringBoundLogger, structlog.get_logger())


def configure_logging(settings: ServiceSettings, service: str) -> None:
    """Write our log events and those of libraries to stdout. Never called at import."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _AddReplica(service, settings.instance),
        _add_request,
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_Stdout())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


class _Stdout:
    """The current `sys.stdout`, looked up at each write because it may be redirected later."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


class _AddReplica:
    """Adds the service and the replica."""

    def __init__(self, service: str, instance: str) -> None:
        self._replica = {"service": service, "instance": instance}

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {**event, **self._replica}


def _add_request(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    context = current_context()
    if context is NO_REQUEST:
        return event
    return {"request_id": context.request_id, "trace_id": context.trace_id, **event}


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Redact values of sensitive keys at any depth, and what looks like a secret inside texts."""
    return {key: _redacted(key, value, _MAX_DEPTH) for key, value in event.items()}


def _redacted(key: str, value: Any, depth: int) -> Any:
    if _SENSITIVE_KEY.search(key):
        return REDACTED
    if isinstance(value, str):
        return _SENSITIVE_TEXT.sub(_hide, value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth == 0:
        return REDACTED
    if isinstance(value, Mapping):
        return {str(name): _redacted(str(name), item, depth - 1) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", item, depth - 1) for item in value]
    return _SENSITIVE_TEXT.sub(_hide, str(value))


def _hide(match: re.Match[str]) -> str:
    return (match["scheme"] or match["user"] or match["name"] or "") + REDACTED
