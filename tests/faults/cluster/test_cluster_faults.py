"""Faults in the shop's own cluster: `make test-faults-cluster`."""

from collections.abc import Callable

import pytest

from cartwheel.chaos.cluster.faults import run_fault
from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.errors import UsageError

Figure = Callable[..., None]


@pytest.fixture(scope="module")
def cluster() -> ShopCluster:
    try:
        return ShopCluster()
    except UsageError as error:
        pytest.skip(str(error))


def check(result: Result) -> None:
    assert result.held, [claim.sentence for claim in result.claims if not claim.held]


@pytest.mark.fault(39)
async def test_a_drain_evicts_every_cart_and_no_request_fails(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("drain", cluster)
    check(result)
    figure("{evicted} evicted, {failed} of {requests} requests failed".format_map(result.figures))


@pytest.mark.fault(2, store="valkey")
async def test_the_pod_of_valkey_is_lost_and_the_cart_is_back_in_time(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("valkey-pod-lost", cluster)
    check(result)
    figure("cluster: back {recovery} s after Valkey".format_map(result.figures))


@pytest.mark.fault(8, store="postgres")
async def test_the_pod_of_postgres_is_lost_and_orders_are_back_in_time(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("postgres-pod-lost", cluster)
    check(result)
    figure("cluster: back {recovery} s after Postgres".format_map(result.figures))


@pytest.mark.fault(23)
async def test_a_network_policy_parts_the_cart_from_the_storefront_and_nothing_restarts(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("partition", cluster)
    check(result)
    figure("cluster: back {recovery} s after the policy".format_map(result.figures))


@pytest.mark.fault(40)
async def test_without_metrics_server_the_replicas_stay_and_the_doctor_says_why(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("metrics-server-gone", cluster)
    check(result)
    figure("the HPA is active {back} s after its return".format_map(result.figures))


@pytest.mark.fault(40)
async def test_without_prometheus_at_the_peak_the_replicas_stay(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("prometheus-gone", cluster)
    check(result)
    figure(
        "{fewest:.0f} of {peak:.0f} replicas stayed without Prometheus".format_map(result.figures)
    )


@pytest.mark.fault(83)
async def test_network_policies_let_only_known_callers_in(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("forbidden-traffic", cluster)
    check(result)
    figure("{closed} of 4 ways are closed".format_map(result.figures))


@pytest.mark.fault(84)
async def test_the_namespace_refuses_pods_with_more_rights(
    cluster: ShopCluster, figure: Figure
) -> None:
    result = await run_fault("privileged-pods", cluster)
    check(result)
    figure("{refused} of 5 pods are refused".format_map(result.figures))
