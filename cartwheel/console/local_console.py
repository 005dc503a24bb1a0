"""The console of the shop that runs in a state folder: all its parts, put together."""

from cartwheel.console.live import Live
from cartwheel.console.server import Contents, Session
from cartwheel.invocation import display_path
from cartwheel.local.state_folder import StateFolder


def local_console(state: StateFolder, *, shop_url: str | None = None) -> Contents:
    """What the console of this shop shows and serves."""
    live = Live()
    session = Session("local", f"The shop in {display_path(state.root)}", shop_url=shop_url)
    return Contents(live, parts=[], session=lambda: session)
