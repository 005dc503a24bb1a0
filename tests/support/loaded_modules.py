"""Prints as JSON which modules a process has loaded.

After the start of a service (`products`, `cart`, …), or without an argument after the import of
everything that images contain.
"""

if __name__ == "__main__":
    import sys

    from app.process.lean_start import prepare

    if sys.argv[1:]:
        prepare()

import importlib
import json
import pkgutil
import sys

import uvloop

IMPORTED_LATER = ("uvicorn.main",)
"""By a command of the manifests."""


async def start(service: str) -> None:
    """Everything until the readiness of the store is known; it need not be there."""
    import app.server  # noqa: F401
    from app.process.http_protocol import uvicorn_config

    application = importlib.import_module(f"services.{service}.main").create()
    state = application.state
    uvicorn_config(application, state.settings, state.lifecycle, lifespan="on").load()
    async with application.router.lifespan_context(application):
        await state.health.results()


def import_all() -> None:
    for root in ("app", "services", "loadtest"):
        package = importlib.import_module(root)
        for found in pkgutil.walk_packages(package.__path__, f"{root}."):
            if not found.name.endswith((".__main__", ".locustfile")):
                importlib.import_module(found.name)
    for name in IMPORTED_LATER:
        importlib.import_module(name)


if __name__ == "__main__":
    if sys.argv[1:]:
        uvloop.run(start(sys.argv[1]))
    else:
        import_all()
    sys.stdout.write(
        json.dumps([name for name, module in sys.modules.items() if module is not None])
    )
