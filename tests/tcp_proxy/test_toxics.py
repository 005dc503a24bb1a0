"""Toxics are read strictly from JSON, and written as they are read."""

from typing import Any

import pytest

from cartwheel.tcp_proxy import (
    Bandwidth,
    Down,
    InvalidToxic,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    Toxic,
    parse_toxic,
    parse_toxics,
)


@pytest.mark.parametrize(
    "toxic",
    [
        Latency(latency_ms=500, jitter_ms=50, stream="upstream", toxicity=0.3),
        Bandwidth(bytes_per_second=1),
        Timeout(),
        ResetPeer(timeout_ms=10),
        Slicer(average_size=10, size_variation=5, delay_ms=0.5),
        LimitData(bytes=0),
        SlowClose(delay_ms=600_000),
        Down(),
    ],
    ids=lambda toxic: toxic.type,
)
def test_a_toxic_is_read_as_it_is_written(toxic: Toxic) -> None:
    assert parse_toxics([toxic.as_json()]) == (toxic,)


def test_only_the_type_and_what_has_no_default_are_needed() -> None:
    assert parse_toxic({"type": "latency", "latency_ms": 1}) == Latency(latency_ms=1)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "A toxic is an object, not []."),
        ({}, "type is one of latency, bandwidth, timeout, reset_peer, slicer, limit_data,"),
        ({"type": ["latency"]}, "type is one of latency, "),
        ({"type": "latency"}, "latency needs the field latency_ms."),
        (
            {"type": "latency", "latency_ms": 1, "latency": 2},
            "latency has no field 'latency'; it has stream, toxicity, latency_ms, jitter_ms.",
        ),
        ({"type": "down", "stream": "upstream"}, "down has no field 'stream'"),
        (
            {"type": "latency", "latency_ms": -1},
            "latency_ms is a number from 0 to 600000, not -1.",
        ),
        ({"type": "latency", "latency_ms": float("nan")}, "latency_ms is a number"),
        ({"type": "latency", "latency_ms": float("inf")}, "latency_ms is a number"),
        ({"type": "latency", "latency_ms": True}, "latency_ms is a number"),
        ({"type": "latency", "latency_ms": "1"}, "latency_ms is a number"),
        ({"type": "latency", "latency_ms": None}, "latency_ms is a number"),
        ({"type": "limit_data", "bytes": 1.0}, "bytes is an integer from 0"),
        ({"type": "bandwidth", "bytes_per_second": 0}, "bytes_per_second is an integer from 1"),
        ({"type": "timeout", "toxicity": 1.1}, "toxicity is a number from 0 to 1, not 1.1."),
        ({"type": "timeout", "stream": "both"}, "stream is one of upstream, downstream, not"),
        ({"type": "timeout", "stream": ["upstream"]}, "stream is one of"),
    ],
)
def test_what_is_wrong_with_a_toxic_is_said_in_one_sentence(document: Any, message: str) -> None:
    with pytest.raises(InvalidToxic) as raised:
        parse_toxic(document)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_a_toxic_that_is_built_is_checked_too() -> None:
    with pytest.raises(InvalidToxic, match="average_size is an integer from 1"):
        Slicer(average_size=0)


def test_toxics_are_a_list() -> None:
    with pytest.raises(InvalidToxic, match=r"Toxics are a list, not \{\}\."):
        parse_toxics({})
