"""Mesh: how the services treat each other, edge by edge."""

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
        page("mesh", "Mesh", "Who calls whom, how well it goes, and what is done about it.")
        .with_row(row("Calls between services"))
        .with_panel(
            graph(
                "Calls",
                "How often does each service call its neighbours?",
                [query(all_calls, EDGE)],
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Failed calls",
                "Which share of the calls failed: timeouts, refusals, broken answers, 5xx?",
                [query(f"({failed} or {all_calls} * 0) / ({all_calls} > 0)", EDGE)],
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Slowest 5 %",
                "How long do the slowest calls of each edge take?",
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
        .with_row(row("What is done about it"))
        .with_panel(
            graph(
                "Calls by outcome",
                "What became of the calls?",
                [query(f"sum by (outcome) (rate({CALLS}_count[{RATE}]))", "{{outcome}}")],
                unit="reqps",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Second tries",
                "Are we making it worse? The budget allows 10 % of the calls, and 3 a second.",
                [
                    query(
                        f"sum by (service, upstream) (rate(http_client_retries_total[{RATE}]))",
                        EDGE,
                    )
                ],
                unit="reqps",
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Replicas left out",
                "Who is gone (absent), hangs (silent) or fails, in the eyes of its callers?",
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
                "Open breakers",
                "Which neighbours are left alone for a while, by how many replicas?",
                [query("sum by (service, upstream) (http_client_breaker_open)", EDGE)],
                unit="short",
                steps=True,
            )
        )
    )
