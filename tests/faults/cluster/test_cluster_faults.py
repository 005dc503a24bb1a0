"""Faults in the shop's own cluster: `make test-faults-cluster`."""

from collections.abc import Callable, Mapping

import pytest

from cartwheel.chaos.cluster.faults import run_fault
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.errors import UsageError

Figure = Callable[..., None]


@pytest.fixture(scope="module")
def cluster() -> ShopCluster:
    try:
        return ShopCluster()
    except UsageError as error:
        pytest.skip(str(error))


async def figures_of(name: str, cluster: ShopCluster) -> Mapping[str, float]:
    """Run the fault; what must hold has held."""
    result = await run_fault(name, cluster)
    assert result.held, [claim.sentence for claim in result.claims if not claim.held]
    return result.figures


@pytest.mark.fault(39)
async def test_a_drain_evicts_every_cart_and_no_request_fails(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("drain", cluster)
    figure("{evicted} evicted, {failed} of {requests} requests failed".format_map(figures))


@pytest.mark.fault(2, store="valkey")
async def test_the_pod_of_valkey_is_lost_and_the_cart_is_back_in_time(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("valkey-pod-lost", cluster)
    figure("cluster: back {recovery} s after Valkey".format_map(figures))


@pytest.mark.fault(8, store="postgres")
async def test_the_pod_of_postgres_is_lost_and_orders_are_back_in_time(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("postgres-pod-lost", cluster)
    figure("cluster: back {recovery} s after Postgres".format_map(figures))


@pytest.mark.fault(23)
async def test_a_network_policy_parts_the_cart_from_the_storefront_and_nothing_restarts(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("partition", cluster)
    figure("cluster: back {recovery} s after the policy".format_map(figures))


@pytest.mark.fault(40)
async def test_without_metrics_server_the_replicas_stay_and_the_doctor_says_why(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("metrics-server-gone", cluster)
    figure("the HPA is active {back} s after its return".format_map(figures))


@pytest.mark.fault(40)
async def test_without_prometheus_at_the_peak_the_replicas_stay(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("prometheus-gone", cluster)
    figure("{fewest:.0f} of {peak:.0f} replicas stayed without Prometheus".format_map(figures))


@pytest.mark.fault(83)
async def test_network_policies_let_only_known_callers_in(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("forbidden-traffic", cluster)
    figure("{closed} of 4 ways are closed".format_map(figures))


@pytest.mark.fault(84)
async def test_the_namespace_refuses_pods_with_more_rights(
    cluster: ShopCluster, figure: Figure
) -> None:
    figures = await figures_of("privileged-pods", cluster)
    figure("{refused} of 5 pods are refused".format_map(figures))
