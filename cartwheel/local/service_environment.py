"""The environment variables of a service's processes."""

import os

from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import ServiceSpec


def service_environment(
    spec: ServiceSpec, settings: LocalSettings, state: StateFolder, store_url: str | None
) -> dict[str, str]:
    """The person's own environment; variables that the local run decides override it."""
    overrides = {
        "CARTWHEEL_HOST": settings.host,
        "CARTWHEEL_PORT": str(settings.port_of(spec.name)),
        "CARTWHEEL_SECRETS_DIR": str(state.secrets),
        # Callers read these files again and again, so replicas come and go without a restart.
        **{
            f"CARTWHEEL_{name.upper()}_URL": f"file:{state.endpoints_file(name, caller=spec.name)}"
            for name in spec.upstreams
        },
        # The supervisor parses the output of replicas, to report their errors.
        "CARTWHEEL_LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }
    if store_url is not None:
        overrides["CARTWHEEL_STORE_URL"] = store_url
    return {**os.environ, **overrides, **spec.environment}
