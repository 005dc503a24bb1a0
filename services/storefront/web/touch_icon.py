"""Draws the shop's wheel as a PNG, where SVG is not supported: home screens and previews.

`python -m services.storefront.web.touch_icon` writes the file in `static/`.
"""

import math
import struct
import zlib
from pathlib import Path

FILE = Path(__file__).parent.parent / "static" / "apple-touch-icon.png"
SIZE = 180
SAMPLES = 3
"""Sampled points along each side of a pixel, for smooth edges."""
PAPER, INK, ACCENT = (0xFB, 0xF8, 0xF3), (0x1D, 0x1B, 0x19), (0xC8, 0x40, 0x1F)

# In units of the 64 × 64 mark in the header, measured from its centre.
RIM, RIM_WIDTH, SPOKE_WIDTH, HUB, HALF_SIZE = 27.0, 4.0, 4.0, 6.0, 38.0
Colour = tuple[int, int, int]


def draw() -> bytes:
    """The file's content."""
    rows = b"".join(b"\0" + _row(y) for y in range(SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _row(y: int) -> bytes:
    return bytes(channel for x in range(SIZE) for channel in _pixel(x, y))


def _pixel(x: int, y: int) -> Colour:
    points = [(place + 0.5) / SAMPLES for place in range(SAMPLES)]
    seen = [_colour_at(x + right, y + down) for right in points for down in points]
    red, green, blue = (sum(channel) // len(seen) for channel in zip(*seen, strict=True))
    return red, green, blue


def _colour_at(x: float, y: float) -> Colour:
    right, down = ((place / SIZE - 0.5) * 2 * HALF_SIZE for place in (x, y))
    distance = math.hypot(right, down)
    if distance <= HUB:
        return ACCENT
    if abs(distance - RIM) <= RIM_WIDTH / 2:
        return INK
    if distance > RIM:
        return PAPER
    # Eight spokes: the distance to the line of the nearest one.
    angle = math.atan2(down, right)
    spoke = round(angle / (math.pi / 4))
    if distance * abs(math.sin(angle - spoke * math.pi / 4)) > SPOKE_WIDTH / 2:
        return PAPER
    return ACCENT if spoke == -1 else INK


if __name__ == "__main__":
    FILE.write_bytes(draw())
