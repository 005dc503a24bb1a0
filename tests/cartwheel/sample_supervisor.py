"""A shop of two small services for tests of the supervisor.

``python -m tests.cartwheel.sample_supervisor`` is `cartwheel up` with this shop. It is no part of
`sample_shop`, because a replica cannot import what the operator's command needs
(`app.process.lean_start`).
"""

import sys

import typer

from cartwheel.errors import CommandError
from cartwheel.local.foreground import run_in_foreground
from cartwheel.local.settings import load_local_settings
from cartwheel.local.timeouts import Timeouts
from cartwheel.local.topology import ServiceSpec

FACTORY = "tests.cartwheel.sample_shop:create"
SHOP = (
    ServiceSpec("cart", FACTORY, "tests.cartwheel", replicas=2, store=None),
    ServiceSpec("storefront", FACTORY, "tests.cartwheel", upstreams=("cart",), store=None),
)
# Short, so that tests need not wait for minutes.
TIMEOUTS = Timeouts(probe_interval=0.1, probe_timeout=1.0, liveness_timeout=4.0)


def main() -> None:
    try:
        run_in_foreground(SHOP, load_local_settings(), TIMEOUTS)
    except CommandError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
