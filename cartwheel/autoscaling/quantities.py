"""Quantities of Kubernetes (`250m`, `1.5`, `128Mi`) as integers in thousandths, and back.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

import math
import re
from fractions import Fraction

_FORM = re.compile(
    r"(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))"
    r"((?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?\d+))?",
    re.ASCII,
)
_DECIMAL = {"n": -3, "u": -2, "m": -1, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
# The API keeps quantities in 64 bits; an exponent beyond that would only cost memory here.
_MAX_EXPONENT = 30


def parse_quantity(text: str) -> int:
    """Thousandths, rounded up as the controller does. Raises `ValueError`."""
    match = _FORM.fullmatch(text)
    if match is None or abs(int(match["exponent"] or 0)) > _MAX_EXPONENT:
        raise ValueError(f"{text!r} is not a quantity such as 250m, 1.5 or 128Mi")
    return math.ceil(Fraction(match["number"]) * _factor(match) * 1000)


def rounded(thousandths: int) -> int:
    """To three significant digits; whole numbers keep all of theirs."""
    size = abs(thousandths)
    step = 1000 if size >= 100_000 else 100 if size >= 10_000 else 10 if size >= 1000 else 1
    return (thousandths + step // 2) // step * step


def format_number(thousandths: int) -> str:
    """As people write it: ``5.25``, ``31.2``, ``1,250``; at most three decimals."""
    sign = "-" if thousandths < 0 else ""
    whole, rest = divmod(abs(thousandths), 1000)
    decimals = f".{rest:03}".rstrip("0") if rest else ""
    return f"{sign}{whole:,}{decimals}"


def format_bytes(thousandths: int) -> str:
    """Bytes, as for memory: ``128 MiB``; at most one decimal."""
    size, unit = abs(thousandths) / 1000, 0
    while size >= 1024 and unit < len(_BINARY_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{f'{size:.1f}'.removesuffix('.0')} {_BINARY_UNITS[unit]}"


def _factor(match: re.Match[str]) -> Fraction:
    if match["exponent"]:
        return Fraction(10) ** int(match["exponent"])
    suffix = match["suffix"]
    if not suffix:
        return Fraction(1)
    if suffix in _BINARY:
        return Fraction(1024) ** _BINARY[suffix]
    return Fraction(1000) ** _DECIMAL[suffix]
