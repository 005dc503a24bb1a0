"""The page of the doctor lists its checks as they are, in their order."""

import re

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster import CHECKS as CLUSTER_CHECKS
from cartwheel.doctor.local import CHECKS as LOCAL_CHECKS
from tests.docs.pages import ROOT


def test_the_page_lists_every_check_as_it_is() -> None:
    text = (ROOT / "docs/doctor.md").read_text()
    listed = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text, re.MULTILINE)
    checks: list[Check[object]] = [*LOCAL_CHECKS, *CLUSTER_CHECKS]  # type: ignore[list-item]
    assert listed == [(check.name, check.looks_at) for check in checks]


def test_no_two_checks_have_one_name() -> None:
    names = [check.name for check in (*LOCAL_CHECKS, *CLUSTER_CHECKS)]
    assert len(names) == len({*names})
