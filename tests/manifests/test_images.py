"""The Dockerfiles: what Skaffold reads, and what must not reach the final image."""

import re
from pathlib import Path

import pytest

from tests.manifests.objects import ROOT, read

DOCKERFILES = [ROOT / "Dockerfile.base", *ROOT.glob("*/Dockerfile"), *ROOT.glob("*/*/Dockerfile")]
DOCKERFILE = (ROOT / "Dockerfile.base").read_text()
ARGUMENTS = {"PIP_INDEX_URL", "CA_CERTIFICATES"}


def test_an_index_and_certificates_of_a_company_reach_the_build_from_the_environment() -> None:
    (base,) = [
        artifact
        for artifact in read("skaffold.yaml")["build"]["artifacts"]
        if artifact["image"] == "cartwheel-base"
    ]
    passed = base["docker"]["buildArgs"]
    assert passed == {name: f'{{{{default "" .{name}}}}}' for name in ARGUMENTS}
    guide = (ROOT / "docs" / "guide" / "1-containerise.md").read_text()
    assert all(f"--build-arg {name}" in guide for name in ARGUMENTS)


def test_they_stay_in_the_stage_that_is_thrown_away() -> None:
    dependencies, image = re.split(r"^FROM .*$", DOCKERFILE, flags=re.MULTILINE)[1:]
    for name in ARGUMENTS:
        assert f"ARG {name}\n" in dependencies
        assert name not in image


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_skaffold_finds_every_file_that_is_copied(file: Path) -> None:
    # It takes a here-document for the name of a file, and then builds nothing.
    copied = re.findall(r"^(?:COPY|ADD) (?!--from)(.*)$", file.read_text(), flags=re.MULTILINE)
    assert copied
    for line in copied:
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        assert all((ROOT / source).exists() for source in sources), line
