"""The dashboard of the cart and its autoscaler: arrivals, latency, load by replica, replicas."""

from grafana_foundation_sdk.builders import dashboard

from monitoring.dashboards.autoscaling_targets import read_targets
from monitoring.dashboards.panels import ONLY_IN_A_CLUSTER, SOURCE, graph, page, query, row

RATE = "$__rate_interval"


def quantile(q: float, *labels: str) -> str:
    """The latency of the cart, in total or by these labels."""
    return (
        f"histogram_quantile({q}, sum by ({', '.join([*labels, 'le'])}) "
        f'(rate(http_request_duration_seconds_bucket{{service="cart"}}[{RATE}])))'
    )


def scaling_events(hpa: str) -> dashboard.AnnotationQuery:
    """A line in every panel at each moment the number of desired replicas changed."""
    return (
        dashboard.AnnotationQuery()
        .name("Scaling events: desired replicas changed")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("orange")
        .expr(f"changes(kube_horizontalpodautoscaler_status_desired_replicas{{{hpa}}}[10s]) > 0")
    )


def build() -> dashboard.Dashboard:
    targets = read_targets()
    hpa = f'horizontalpodautoscaler="{targets.hpa_name}"'
    serving = (
        'count(sum by (instance) (rate(http_requests_received_total{service="cart",'
        'route=~"/v1/.*"}[10s])) > 0)'
    )
    return (
        page(
            "cart",
            "Cart and its autoscaler",
            "Requests, latency (p95), admission control, and what the HPA sees and does.",
        )
        .annotation(scaling_events(hpa))
        .with_row(row("Traffic and latency"))
        .with_panel(
            graph(
                "Requests: received, answered, shed",
                "How many requests a second arrive, and how many does admission control reject "
                "(load shedding, 503)?",
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
                        "shed",
                    ),
                ],
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Requests in flight by replica",
                "How many requests does each replica work on at the moment?",
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
                "Concurrency limit",
                "How many requests may all replicas work on at a time, how many do they work on, "
                "and how many wait? The limit falls when the latency rises, and requests that "
                "cannot expect a slot in time are shed.",
                [
                    query('sum(http_concurrency_limit{service="cart"})', "limit"),
                    query('sum(http_slots_in_use{service="cart"})', "in use"),
                    query('sum(http_requests_queued{service="cart"})', "waiting"),
                ],
                unit="short",
            )
        )
        .with_panel(
            graph(
                "Latency: p50, p95, p99",
                "How long does the cart take to respond?",
                [
                    query(quantile(0.5), "p50"),
                    query(quantile(0.95), "p95"),
                    query(quantile(0.99), "p99"),
                ],
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Latency by replica: p95",
                "Is one replica slower than the others? In the total it would not show.",
                [query(quantile(0.95, "instance"), "{{instance}}")],
                unit="s",
                width=24,
                height=6,
            )
        )
        .with_row(row("Autoscaling (HPA)"))
        .with_panel(
            graph(
                "CPU utilization per replica, of the CPU request",
                "Which share of its CPU request does each replica use? Above the HPA target the "
                "cart scales up.",
                [
                    query(
                        f'rate(process_cpu_seconds_total{{service="cart"}}[{RATE}]) '
                        f"/ {targets.cpu_request}",
                        "{{instance}}",
                    ),
                    query(f"vector({targets.cpu_utilization:g})", "HPA target"),
                ],
                unit="percentunit",
            )
        )
        .with_panel(
            graph(
                "Requests per replica",
                "How many requests a second arrive at each replica? Above the target the cart "
                "scales up, when it is scaled on requests (KEDA).",
                [
                    query(
                        "sum by (instance) "
                        f'(rate(http_requests_received_total{{service="cart"}}[{RATE}]))',
                        "{{instance}}",
                    ),
                    query(f"vector({targets.requests_per_replica:g})", "target"),
                ],
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Replicas: desired, current, ready, serving",
                "How many replicas does the HPA want, how many exist, are ready, and receive "
                "requests? The gaps are the stages between a decision and its effect.",
                [
                    query(
                        f"max(kube_horizontalpodautoscaler_status_desired_replicas{{{hpa}}})",
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
                "HPA conditions",
                "Why does it not scale? AbleToScale and ScalingActive are normally 1. "
                "ScalingLimited is 1 at minReplicas or maxReplicas.",
                [
                    query(
                        "max by (condition) (kube_horizontalpodautoscaler_status_condition"
                        f'{{{hpa},status="true"}})',
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
