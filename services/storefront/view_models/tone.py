"""How a message looks: its icon and its colour."""

from typing import Literal

Tone = Literal["good", "wait", "error"]
