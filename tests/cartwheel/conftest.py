"""Fixtures of the tool's tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cartwheel.supervisor_process import SupervisorProcess, running

Start = Callable[..., SupervisorProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start supervisors that are stopped at the end of the test."""
    with ExitStack() as stack:

        def begin(
            *program: str, state: Path = tmp_path / "state", piped: bool = False, **more: str
        ) -> SupervisorProcess:
            output = tmp_path / f"output-{len(list(tmp_path.iterdir()))}"
            options = {"program": program} if program else {}
            return stack.enter_context(
                running(state, output=output, piped=piped, **options, **more)
            )

        yield begin


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisorProcess]:
    """A sample shop that the tests of a module share; each test scales it as it needs."""
    folder = tmp_path_factory.mktemp("shop")
    with running(folder / "state", output=folder / "output") as run:
        yield run.ready()
