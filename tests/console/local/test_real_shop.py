"""The real shop, as the console sees it: its edges."""

import httpx2
import pytest

from cartwheel.chaos.shop import Shop
from cartwheel.mesh.frame import OUTSIDE
from tests.console.local.test_source import watching
from tests.support.waiting import until

# With all tests that use the shop of the console.
pytestmark = pytest.mark.xdist_group("console")


async def test_a_visit_is_seen_on_each_edge_that_it_takes(plain_shop: Shop) -> None:
    async with watching(plain_shop.state.root) as watched:
        await watched.next_frames(3)
        async with httpx2.AsyncClient(base_url=plain_shop.url) as client:
            for _ in range(5):
                (await client.get("/")).raise_for_status()
        await until(
            lambda: (
                {(OUTSIDE, "storefront"), ("storefront", "products")}
                <= {(one.source, one.target) for one in watched.frames[-1].edges}
            )
        )
        frame = watched.frames[-1]
        products = next(one for one in frame.services if one.name == "products")
        assert products.p95 is not None
        assert {one.errors for one in frame.edges} == {0.0}
