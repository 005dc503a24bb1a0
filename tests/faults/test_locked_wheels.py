"""What is installed is what was locked: another wheel of the same name and version is refused."""

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.quick


@pytest.mark.fault(85)
def test_a_wheel_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    wheel = tmp_path / "wheeled-1.0-py3-none-any.whl"
    _write_wheel(wheel, content="good = True\n")
    lock = tmp_path / "lock.txt"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(f"wheeled==1.0 --hash=sha256:{digest}\n")
    assert _install(lock, tmp_path) == (0, "")

    _write_wheel(wheel, content="good = False\n")

    code, errors = _install(lock, tmp_path)
    assert code != 0
    assert "DO NOT MATCH THE HASHES" in errors


@pytest.mark.fault(85)
@pytest.mark.parametrize("name", ["runtime", "services", "test"])
def test_each_requirement_has_its_hashes(name: str) -> None:
    lock = (ROOT / f"requirements/{name}.txt").read_text()
    requirements = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(requirements) > 10
    assert [one for one in requirements if "--hash=sha256:" not in one] == []


@pytest.mark.fault(85)
def test_every_installation_checks_the_hashes() -> None:
    for path in ("Dockerfile.base", "cartwheel/create_venv.sh"):
        text = (ROOT / path).read_text().replace("\\\n", " ")
        locked = [line for line in text.splitlines() if re.search(r"pip.* install .*-r ", line)]
        assert locked
        assert [line for line in locked if "--require-hashes" not in line] == []


def _write_wheel(path: Path, *, content: str) -> None:
    info = "wheeled-1.0.dist-info"
    files = {
        "wheeled.py": content,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: wheeled\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},{_record_hash(text)},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(zipfile.ZipInfo(name), text)


def _record_hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"


def _install(lock: Path, folder: Path) -> tuple[int, str]:
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-index", "--find-links", str(folder), "--target", str(folder / "installed"),
        "--require-hashes", "--upgrade", "-r", str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr
