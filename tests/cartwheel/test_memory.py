"""The memory of a process, as much as the system tells."""

import os

import psutil
import pytest

from cartwheel.local.memory import memory_of


def test_where_shared_pages_are_a_secret_all_of_them_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "memory_full_info", refuse)
    assert memory_of(os.getpid()) > 1_000_000


def test_without_a_process_there_is_none() -> None:
    assert memory_of(None) == 0
