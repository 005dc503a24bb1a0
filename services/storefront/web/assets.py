"""Static files whose address contains a digest of their content, so browsers keep them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    name: str
    address: str
    content_type: str
    content: bytes


class Assets:
    """The files of one folder, read once: they are few and small."""

    def __init__(self, folder: Path) -> None:
        assets = [_asset(path) for path in sorted(folder.iterdir()) if path.is_file()]
        self._by_name: Mapping[str, Asset] = {asset.name: asset for asset in assets}
        self._by_address: Mapping[str, Asset] = {asset.address: asset for asset in assets}

    def url(self, name: str) -> str:
        """The path of a file by its name. Raises KeyError for a file that is not there."""
        return f"/static/{self._by_name[name].address}"

    def named(self, name: str) -> Asset:
        """Raises KeyError for a file that is not there."""
        return self._by_name[name]

    def at(self, address: str) -> Asset | None:
        return self._by_address.get(address)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    address = f"{path.stem}.{digest}{path.suffix}"
    return Asset(path.name, address, CONTENT_TYPES[path.suffix], content)
