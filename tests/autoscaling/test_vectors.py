from pathlib import Path

import pytest

from tests.autoscaling.vectors import Case, failure, main, read_cases

VECTORS = Path(__file__).parent / "vectors.jsonl"
CASES = list(read_cases(VECTORS))


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']}-{case['k']}" for case in CASES])
def test_the_rules_decide_as_the_controller_does(case: Case) -> None:
    assert failure(case) is None


def test_the_command_counts_what_passed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(VECTORS)]) == 0
    assert capsys.readouterr().out == f"{len(CASES)} passed, 0 failed\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory"),
        (b"cases", "is no file of cases"),
        (b"\xff", "is no file of cases"),
        (b"[1]", "is no file of cases"),
        (b'{"id":"L1"}', "lacks id, k or exp"),
    ],
)
def test_the_command_refuses_what_holds_no_cases(
    content: bytes | None, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cases.jsonl"
    if content is not None:
        file.write_bytes(content)

    assert main([str(file)]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{file}: ")
    assert problem in line


def test_the_command_names_each_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(
        '{"id":"L1","k":"lstab","t":"stabilize","rec":[[5,60]],"des":3,"exp":4}\n'
        '{"id":"L2","k":"lstab","t":"stabilize","rec":[[5,60]],"des":3,"exp":5}\n'
        '{"id":"L3","k":"unheard","t":"of","exp":5}\n'
    )
    assert main([str(file)]) == 1
    out = capsys.readouterr().out
    assert "L1 stabilize" in out
    assert "L3 of: there is no rule 'unheard'" in out
    assert "1 passed, 2 failed" in out
