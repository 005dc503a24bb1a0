"""What the traffic of the mesh is, as PromQL over the services' own metrics.

The definitions are the same for the local run and a cluster: here they are evaluated by
`cartwheel.promql`, there by Prometheus. The labels `service` and `instance` are those of a target.
Probes and scrapes are in none of them: a service does not count them as requests.
"""

from collections.abc import Mapping
from enum import StrEnum

RECEIVED = "http_requests_received_total"
_RESPONSES = "http_request_duration_seconds"
_CALLS = "http_client_request_duration_seconds"
_OPERATIONS = "store_operation_duration_seconds"
_SERVER_ERROR = 'status=~"5.."'
_FAILED_OPERATION = 'outcome!="ok"'
# A client error is the caller's own, and a call that was cancelled has no outcome.
_FAILED_CALL = 'outcome!~"ok|client_error|cancelled"'
# What the readiness probe asks the store.
_NOT_OF_A_PROBE = 'operation!="schema_version"'


class Name(StrEnum):
    """The queries, named by what they result in; rates are per second."""

    RECEIVED = "received"
    RESPONSES = "responses"
    ERRORS = "errors"
    SHED = "shed"
    RESPONSE_BUCKETS = "response_buckets"
    CALLS = "calls"
    FAILED_CALLS = "failed_calls"
    CALL_BUCKETS = "call_buckets"
    RETRIES = "retries"
    OPEN_BREAKERS = "open_breakers"
    STORES = "stores"
    OPERATIONS = "operations"
    FAILED_OPERATIONS = "failed_operations"
    OPERATION_BUCKETS = "operation_buckets"
    SERVING = "serving"
    IN_FLIGHT = "in_flight"
    CPU = "cpu"
    MEMORY = "memory"


def mesh_queries(window: str, *, serving: str) -> Mapping[Name, str]:
    """All queries, with rates over a range such as ``2500ms`` or ``1m``.

    ``serving`` is the range in which a replica that serves has received a request.

    ``received``, ``serving``, ``in_flight``, ``cpu`` and ``memory`` are by replica, the others by
    service; calls are by their upstream too, operations by the kind of the store.
    """

    def rate(metric: str, *matchers: str) -> str:
        selected = f"{{{','.join(matchers)}}}" if matchers else ""
        return f"(rate({metric}{selected}[{window}]))"

    replica, call, store = "(service, instance)", "(service, upstream)", "(service, store)"
    return {
        Name.RECEIVED: f"sum by {replica} {rate(RECEIVED)}",
        Name.RESPONSES: f"sum by (service) {rate(_RESPONSES + '_count')}",
        Name.ERRORS: f"sum by (service) {rate(_RESPONSES + '_count', _SERVER_ERROR)}",
        Name.SHED: f"sum by (service) {rate('http_requests_shed_total')}",
        Name.RESPONSE_BUCKETS: f"sum by (service, le) {rate(_RESPONSES + '_bucket')}",
        Name.CALLS: f"sum by {call} {rate(_CALLS + '_count')}",
        Name.FAILED_CALLS: f"sum by {call} {rate(_CALLS + '_count', _FAILED_CALL)}",
        Name.CALL_BUCKETS: f"sum by (service, upstream, le) {rate(_CALLS + '_bucket')}",
        Name.RETRIES: f"sum by {call} {rate('http_client_retries_total')}",
        Name.OPEN_BREAKERS: f"sum by {call} (http_client_breaker_open)",
        Name.STORES: f"count by {store} ({_OPERATIONS}_count)",
        Name.OPERATIONS: f"sum by {store} {rate(_OPERATIONS + '_count', _NOT_OF_A_PROBE)}",
        Name.FAILED_OPERATIONS: (
            f"sum by {store} {rate(_OPERATIONS + '_count', _NOT_OF_A_PROBE, _FAILED_OPERATION)}"
        ),
        Name.OPERATION_BUCKETS: (
            f"sum by (service, store, le) {rate(_OPERATIONS + '_bucket', _NOT_OF_A_PROBE)}"
        ),
        Name.SERVING: serving_query(serving),
        Name.IN_FLIGHT: f"sum by {replica} (http_requests_in_flight)",
        Name.CPU: f"sum by (instance) {rate('process_cpu_seconds_total')}",
        Name.MEMORY: "sum by (instance) (process_resident_memory_bytes)",
    }


def serving_query(window: str) -> str:
    """Requests that each replica received in the range, or all of one that was scraped once."""
    return f"sum by (instance) (increase({RECEIVED}[{window}])) or sum by (instance) ({RECEIVED})"
