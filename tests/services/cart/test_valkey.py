"""The scripts of the Valkey store."""

import re
from importlib.resources import files

import pytest

SCRIPTS = sorted(
    path.name
    for path in (files("services.cart.repository") / "scripts").iterdir()
    if path.name.endswith(".lua")
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_states_a_limit_of_the_cart_itself(name: str) -> None:
    script = (files("services.cart.repository") / "scripts" / name).read_text()
    code = re.sub(r"--.*", "", script)
    # Positions in a list, and the thousand between seconds, milliseconds and microseconds.
    assert set(re.findall(r"\d+", code)) <= {"0", "1", "2", "3", "4", "5", "6", "1000"}
