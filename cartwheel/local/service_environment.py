"""What each process is told."""

import os

from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import ServiceSpec


def environment_of(
    spec: ServiceSpec, settings: LocalSettings, state: StateFolder, store_url: str | None
) -> dict[str, str]:
    """The environment of a service: ours where the run decides, else the person's own."""
    decided = {
        "CARTWHEEL_HOST": settings.host,
        "CARTWHEEL_PORT": str(settings.port_of(spec.name)),
        "CARTWHEEL_SECRETS_DIR": str(state.secrets),
        # Loopback callers re-read these files, so replicas come and go without a restart.
        **{
            f"CARTWHEEL_{name.upper()}_URL": f"file:{state.endpoints_file(name)}"
            for name in spec.neighbours
        },
        # The supervisor reads what replicas print, to tell of errors.
        "CARTWHEEL_LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }
    if store_url is not None:
        decided["CARTWHEEL_STORE_URL"] = store_url
    return {**os.environ, **decided}
