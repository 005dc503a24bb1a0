"""Where a form may lead on to: paths of this shop only, never another site."""

import re

# One slash, then nothing that a browser reads as another host or as a new line.
_LOCAL_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~:@!$&'()*+,;=%?-]{0,500}")


def local_path(path: str, *, default: str = "/") -> str:
    """The path if it is one of this shop, else the default."""
    return path if _LOCAL_PATH.fullmatch(path) else default
