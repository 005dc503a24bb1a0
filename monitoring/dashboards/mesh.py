"""The dashboard of calls between services: latency, retries, circuit breakers, ejections."""

from grafana_foundation_sdk.builders import dashboard

from monitoring.dashboards.panels import NO_EVENTS, graph, page, query, row

RATE = "$__rate_interval"
EDGE = "{{service}} → {{upstream}}"
CALLS = "http_client_request_duration_seconds"


def build() -> dashboard.Dashboard:
    failed = (
        f'sum by (service, upstream) (rate({CALLS}_count{{outcome!~"ok|client_error"}}[{RATE}]))'
    )
    all_calls = f"sum by (service, upstream) (rate({CALLS}_count[{RATE}]))"
    return (
        page(
            "mesh",
            "Mesh",
            "Calls between services: rate, errors, latency, retries, circuit breakers, outlier "
            "ejection.",
        )
        .with_row(row("Calls between services"))
        .with_panel(
            graph(
                "Call rate",
                "How many attempts a second does each service send to each upstream?",
                [query(all_calls, EDGE)],
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Error rate of calls",
                "Which share of the attempts failed: timeouts, refused connections, invalid "
                "responses, 5xx?",
                [query(f"({failed} or {all_calls} * 0) / ({all_calls} > 0)", EDGE)],
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Latency of calls: p95",
                "How long does one attempt of a call to each upstream take?",
                [
                    query(
                        "histogram_quantile(0.95, sum by (service, upstream, le) "
                        f"(rate({CALLS}_bucket[{RATE}])))",
                        EDGE,
                    )
                ],
                unit="s",
            )
        )
        .with_row(row("Resilience"))
        .with_panel(
            graph(
                "Calls by outcome",
                "How did the attempts end?",
                [query(f"sum by (outcome) (rate({CALLS}_count[{RATE}]))", "{{outcome}}")],
                unit="reqps",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Retries",
                "How many retries a second? The retry budget allows 10 % of the calls, or 3 a "
                "second if that is more; what it does not allow is counted too.",
                [
                    query(
                        f"sum by (service, upstream) (rate(http_client_retries_total[{RATE}]))",
                        EDGE,
                    ),
                    query(
                        "sum by (service, upstream) "
                        f"(rate(http_client_retries_over_budget_total[{RATE}]))",
                        EDGE + " over budget",
                    ),
                ],
                unit="reqps",
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Outlier ejections",
                "Which upstream's replicas are ejected from load balancing, because they are gone "
                "(absent), do not respond (silent) or fail?",
                [
                    query(
                        "sum by (service, upstream, reason) "
                        f"(rate(http_client_ejections_total[{RATE}]))",
                        EDGE + " {{reason}}",
                    )
                ],
                unit="cps",
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Open circuit breakers",
                "For how many replicas is the circuit breaker of an upstream open?",
                [query("sum by (service, upstream) (http_client_breaker_open)", EDGE)],
                unit="short",
                steps=True,
            )
        )
    )
