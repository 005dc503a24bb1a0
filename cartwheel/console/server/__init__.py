"""The HTTP server of the console: the page, the stream of frames, and the routes of each part."""

from cartwheel.console.server.access import Access
from cartwheel.console.server.app import create_app
from cartwheel.console.server.contents import Contents
from cartwheel.console.server.part import Part
from cartwheel.console.server.problems import problem
from cartwheel.console.server.query import number_of
from cartwheel.console.server.request_body import read_object
from cartwheel.console.server.session import Session

__all__ = [
    "Access",
    "Contents",
    "Part",
    "Session",
    "create_app",
    "number_of",
    "problem",
    "read_object",
]
