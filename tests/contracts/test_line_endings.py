"""Scripts run in a clone of somebody whose git writes CRLF, as on Windows' side of a WSL."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_BY_A_SHELL = (
    "Makefile",
    "cartwheel/create_venv.sh",
    "manifests/components/generated-secrets/generate",
    "Dockerfile.base",
    "requirements/runtime.txt",
)


@pytest.mark.parametrize("file", RUN_BY_A_SHELL)
def test_a_clone_that_asks_for_crlf_gets_lf(tmp_path: Path, file: str) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        crlf = ("-c", "core.autocrlf=true", "-c", "core.safecrlf=false")
        subprocess.run(
            ["git", *identity, *crlf, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    git("init")
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    copy = tmp_path / file
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / file, copy)
    git("add", ".")
    git("commit", "-m", "all")
    copy.unlink()
    git("checkout", file)
    assert b"\r" not in copy.read_bytes()
