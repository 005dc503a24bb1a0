"""The dashboard of the shop: the four golden signals of each service, and business metrics."""

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
    responses = f"sum by (service) (rate(http_request_duration_seconds_count[{RATE}]))"
    return (
        page("shop", "Shop", "Golden signals of every service, and what the shop sells.")
        .with_panel(
            number(
                "Requests",
                "How many requests a second do all services receive?",
                f"sum(rate(http_requests_received_total[{RATE}]))",
                unit="reqps",
            )
        )
        .with_panel(
            number(
                "Error rate",
                "Which share of all responses is a server error (5xx)?",
                f'(sum(rate(http_request_duration_seconds_count{{status=~"5.."}}[{RATE}])) '
                f"or sum(rate(http_request_duration_seconds_count[{RATE}])) * 0) "
                f"/ (sum(rate(http_request_duration_seconds_count[{RATE}])) > 0)",
                unit="percentunit",
                bad_above=0.005,
            )
        )
        .with_panel(
            number(
                "Latency of pages: p95",
                "How long do the pages of the storefront take?",
                "histogram_quantile(0.95, sum by (le) (rate("
                f'http_request_duration_seconds_bucket{{service="storefront"}}[{RATE}])))',
                unit="s",
                bad_above=0.5,
            )
        )
        .with_panel(
            number(
                "Added to carts",
                "How many pieces a second are added to carts?",
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
                "How many replicas of all services does Prometheus scrape?",
                "count(build_info)",
                unit="short",
            )
        )
        .with_row(row("Golden signals"))
        .with_panel(
            graph(
                "Traffic: requests received",
                "How many requests a second does each service receive? Requests that admission "
                "control rejects (load shedding) are included.",
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
                "Errors: rate of 5xx",
                "Which share of a service's responses is a server error (5xx)?",
                [query(f"({errors} or {responses} * 0) / ({responses} > 0)", "{{service}}")],
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Latency: p95",
                "How long does each service take to respond?",
                [query(quantile(0.95), "{{service}}")],
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Saturation: requests in flight",
                "How many requests of each service have no response yet?",
                [query("sum by (service) (http_requests_in_flight)", "{{service}}")],
                unit="short",
            )
        )
        .with_panel(
            graph(
                "Saturation: event loop lag, p99",
                "Is an event loop blocked?",
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
                "Latency of stores: p95",
                "Is a store slow?",
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
                "Pieces added to carts",
                "How many pieces a second are added to carts?",
                [query(f"sum(rate(cart_items_added_total[{RATE}]))", "pieces")],
                unit="cps",
                width=6,
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Orders by outcome",
                "How do checkouts end?",
                [query(f"sum by (outcome) (rate(orders_total[{RATE}]))", "{{outcome}}")],
                unit="cps",
                width=6,
                when_empty=NO_EVENTS,
            )
        )
        .with_panel(
            graph(
                "Stock reservations by outcome",
                "Is stock reserved, sold, or released?",
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
                "Do logins succeed?",
                [query(f"sum by (outcome) (rate(sessions_total[{RATE}]))", "{{outcome}}")],
                unit="cps",
                width=6,
                when_empty=NO_EVENTS,
            )
        )
    )
