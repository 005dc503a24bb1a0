"""Shop: is it well? The four golden signals of each service, and the shop's own numbers."""

from grafana_foundation_sdk.builders import dashboard

from monitoring.dashboards.panels import NO_EVENTS, graph, number, page, query, row

RATE = "$__rate_interval"


def quantile(q: float) -> str:
    return (
        f"histogram_quantile({q}, sum by (service, le) "
        f"(rate(http_request_duration_seconds_bucket[{RATE}])))"
    )


def build() -> dashboard.Dashboard:
    errors = (
        f'sum by (service) (rate(http_request_duration_seconds_count{{status=~"5.."}}[{RATE}]))'
    )
    answers = f"sum by (service) (rate(http_request_duration_seconds_count[{RATE}]))"
    return (
        page("shop", "Shop", "Is the shop well, and what is it selling?")
        .with_panel(
            number(
                "Requests",
                "How much is asked of the shop, all services together?",
                f"sum(rate(http_requests_received_total[{RATE}]))",
                unit="reqps",
            )
        )
        .with_panel(
            number(
                "Errors",
                "Which share of all answers is our fault (5xx)?",
                f'(sum(rate(http_request_duration_seconds_count{{status=~"5.."}}[{RATE}])) '
                f"or sum(rate(http_request_duration_seconds_count[{RATE}])) * 0) "
                f"/ (sum(rate(http_request_duration_seconds_count[{RATE}])) > 0)",
                unit="percentunit",
                bad_above=0.005,
            )
        )
        .with_panel(
            number(
                "Slowest 5 % of pages",
                "How long do a shopper's slow pages take?",
                "histogram_quantile(0.95, sum by (le) (rate("
                f'http_request_duration_seconds_bucket{{service="storefront"}}[{RATE}])))',
                unit="s",
                bad_above=0.5,
            )
        )
        .with_panel(
            number(
                "Into carts",
                "How many pieces go into carts, a second?",
                f"sum(rate(cart_items_added_total[{RATE}]))",
                unit="cps",
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            number(
                "Orders",
                "How many orders were confirmed in the last 15 minutes?",
                'sum(increase(orders_total{outcome="confirmed"}[15m]))',
                unit="short",
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            number(
                "Replicas",
                "How many replicas of all services answer scrapes?",
                "count(build_info)",
                unit="short",
            )
        )
        .with_row(row("Golden signals"))
        .with_panel(
            graph(
                "Traffic: requests received",
                "How much is asked of each service? Refused requests are counted too.",
                [
                    query(
                        f"sum by (service) (rate(http_requests_received_total[{RATE}]))",
                        "{{service}}",
                    )
                ],
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Errors: share of answers",
                "Which share of a service's answers is its own fault (5xx)?",
                [query(f"({errors} or {answers} * 0) / ({answers} > 0)", "{{service}}")],
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Latency: slowest 5 %",
                "How long do the slowest 5 % of answers take?",
                [query(quantile(0.95), "{{service}}")],
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Saturation: in flight",
                "How many requests is each service working on?",
                [query("sum by (service) (http_requests_in_flight)", "{{service}}")],
                unit="short",
            )
        )
        .with_panel(
            graph(
                "Saturation: event loop",
                "Is a loop blocked? The worst 1 % of its delays.",
                [
                    query(
                        "histogram_quantile(0.99, sum by (service, le) "
                        f"(rate(event_loop_lag_seconds_bucket[{RATE}])))",
                        "{{service}}",
                    )
                ],
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Stores: slowest 5 %",
                "Is a store the problem?",
                [
                    query(
                        "histogram_quantile(0.95, sum by (service, store, le) "
                        f"(rate(store_operation_duration_seconds_bucket[{RATE}])))",
                        "{{service}} → {{store}}",
                    )
                ],
                unit="s",
            )
        )
        .with_row(row("Business"))
        .with_panel(
            graph(
                "Pieces into carts",
                "Are people shopping?",
                [query(f"sum(rate(cart_items_added_total[{RATE}]))", "pieces")],
                unit="cps",
                width=6,
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Orders by outcome",
                "Do checkouts end well?",
                [query(f"sum by (outcome) (rate(orders_total[{RATE}]))", "{{outcome}}")],
                unit="cps",
                width=6,
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Reservations by outcome",
                "Is stock set aside, sold, or given back?",
                [
                    query(
                        f"sum by (outcome) (rate(stock_reservations_total[{RATE}]))",
                        "{{outcome}}",
                    )
                ],
                unit="cps",
                width=6,
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Sessions by outcome",
                "Can people log in?",
                [query(f"sum by (outcome) (rate(sessions_total[{RATE}]))", "{{outcome}}")],
                unit="cps",
                width=6,
                when_empty=NO_EVENTS,
            )
        )
    )
