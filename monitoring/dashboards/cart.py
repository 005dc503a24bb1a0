"""Cart and its autoscaler: what is asked, what one replica bears, and who decided what."""

from grafana_foundation_sdk.builders import dashboard

from monitoring.dashboards.panels import ONLY_IN_A_CLUSTER, SOURCE, graph, page, query, row

RATE = "$__rate_interval"
# As in manifests/base/cart/deployment.yaml and the two autoscaling components; a test compares.
CPU_REQUEST_CORES = 0.05
CPU_TARGET = 0.6
REQUESTS_TARGET = 20

HPA = 'horizontalpodautoscaler=~"cart|keda-hpa-cart"'


def quantile(q: float, *labels: str) -> str:
    """Of the cart together, or of each value of these labels."""
    return (
        f"histogram_quantile({q}, sum by ({', '.join([*labels, 'le'])}) "
        f'(rate(http_request_duration_seconds_bucket{{service="cart"}}[{RATE}])))'
    )


def why_it_scaled() -> dashboard.AnnotationQuery:
    """A line in every panel at each moment the desired number of replicas changed."""
    return (
        dashboard.AnnotationQuery()
        .name("The autoscaler changed its mind")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("orange")
        .expr(f"changes(kube_horizontalpodautoscaler_status_desired_replicas{{{HPA}}}[10s]) > 0")
    )


def build() -> dashboard.Dashboard:
    serving = (
        'count(sum by (instance) (rate(http_requests_received_total{service="cart",'
        'route=~"/v1/.*"}[10s])) > 0)'
    )
    return (
        page(
            "cart",
            "Cart and its autoscaler",
            "How much is asked of the cart, what each replica bears, and why there are so many.",
        )
        .annotation(why_it_scaled())
        .with_row(row("Asked and answered"))
        .with_panel(
            graph(
                "Arrivals and answers",
                "How much is asked of the cart, and how much of it is refused?",
                [
                    query(
                        f'sum(rate(http_requests_received_total{{service="cart"}}[{RATE}]))',
                        "received",
                    ),
                    query(
                        f'sum(rate(http_request_duration_seconds_count{{service="cart"}}[{RATE}]))',
                        "answered",
                    ),
                    query(
                        f'sum(rate(http_requests_shed_total{{service="cart"}}[{RATE}])) '
                        f'or sum(rate(http_requests_received_total{{service="cart"}}[{RATE}])) * 0',
                        "refused",
                    ),
                ],
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "In flight",
                "How many requests is the cart working on?",
                [
                    query(
                        'sum by (instance) (http_requests_in_flight{service="cart"})',
                        "{{instance}}",
                    )
                ],
                unit="short",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Latency",
                "How long does the cart take?",
                [
                    query(quantile(0.5), "half"),
                    query(quantile(0.95), "95 %"),
                    query(quantile(0.99), "99 %"),
                ],
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Latency by replica: slowest 5 %",
                "Is one replica slower than the others? A slow one of four hides in the average.",
                [query(quantile(0.95, "instance"), "{{instance}}")],
                unit="s",
                width=24,
                height=6,
            )
        )
        .with_row(row("What the autoscaler sees, and does"))
        .with_panel(
            graph(
                "CPU per replica",
                "How much of its requested CPU does each replica use? Over the line it scales out.",
                [
                    query(
                        f'rate(process_cpu_seconds_total{{service="cart"}}[{RATE}]) '
                        f"/ {CPU_REQUEST_CORES}",
                        "{{instance}}",
                    ),
                    query(f"vector({CPU_TARGET})", "target"),
                ],
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Requests per replica",
                "How many requests a second reach each replica? Over the line it scales out.",
                [
                    query(
                        "sum by (instance) "
                        f'(rate(http_requests_received_total{{service="cart"}}[{RATE}]))',
                        "{{instance}}",
                    ),
                    query(f"vector({REQUESTS_TARGET})", "target"),
                ],
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Replicas",
                "How many are wanted, run, are ready, and really get requests? "
                "The gaps are the stages between a decision and its effect.",
                [
                    query(
                        f"max(kube_horizontalpodautoscaler_status_desired_replicas{{{HPA}}})",
                        "desired",
                    ),
                    query('kube_deployment_status_replicas{deployment="cart"}', "current"),
                    query('kube_deployment_status_replicas_ready{deployment="cart"}', "ready"),
                    query(serving, "serving"),
                ],
                unit="short",
                steps=True,
            )
        )
        .with_panel(
            graph(
                "Why it does not scale",
                "Which conditions does the autoscaler report? AbleToScale and ScalingActive are "
                "1 when all is well, ScalingLimited is 1 at the minimum or the maximum.",
                [
                    query(
                        "max by (condition) (kube_horizontalpodautoscaler_status_condition"
                        f'{{{HPA},status="true"}})',
                        "{{condition}}",
                    )
                ],
                unit="short",
                width=24,
                height=5,
                steps=True,
                when_empty=ONLY_IN_A_CLUSTER,
            )
        )
    )
