"""`cartwheel bench` through its front door, with samples so short that they measure nothing."""

import json
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

from cartwheel.bench.command import BENCHES
from tests.cartwheel.supervisor_process import ROOT, TIMEOUT, environment, eventually

# On one worker: the fixtures run benches, which take long.
pytestmark = pytest.mark.xdist_group("bench")

SHORT = ("--rounds", "1", "--seconds", "0.1", "--connections", "4")
PYTHON_VARIANTS = ("floor", "naive", "idiomatic", "before", "cartwheel")
# A server that is no cart: it takes the socket of the bench and always sends the same.
IMPOSTOR = """
import socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"version": 7}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-request-id", "7")
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET

server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[-1].partition("=")[2]))
server.socket.setblocking(True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Outcome:
    """What a bench printed and wrote."""

    code: int
    output: str
    errors: str
    report: Mapping[str, Any]
    chart: str


def bench_environment(folder: Path, path: Path | None = None) -> dict[str, str]:
    """With a folder of its own for temporary files; ``path`` is where programs are found."""
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    return environment(folder / "state", TMPDIR=str(temporary), PATH=str(path or folder / "none"))


def bench(
    folder: Path, *arguments: str, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cartwheel", "bench", *arguments],
        cwd=ROOT,
        env=bench_environment(folder, path),
        capture_output=True,
        text=True,
        timeout=3 * TIMEOUT,
        check=False,
    )


def checkout(folder: Path, server: str | None = None) -> Path:
    """A folder that looks like another checkout; its code is this one's, or a server of its own."""
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    if server is None:
        for package in ("app", "services"):
            (folder / package).symlink_to(ROOT / package)
    else:
        (folder / "app").mkdir()
        (folder / "app/__init__.py").touch()
        (folder / "app/server.py").write_text(server)
    return folder


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cartwheel", "bench", *arguments],
        cwd=ROOT,
        env=bench_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run of the cart add with all variants, on a machine without Node."""
    folder = tmp_path_factory.mktemp("bench")
    report, chart = folder / "report.json", folder / "chart.svg"
    files = ("--json", str(report), "--svg", str(chart))
    done = bench(folder, *SHORT, *files, "--against", str(checkout(folder / "other")))
    assert done.returncode == 0, done.stderr
    assert not list((folder / "temporary").iterdir()), "temporary files are left"
    return Outcome(
        done.returncode,
        done.stdout,
        done.stderr,
        json.loads(report.read_text()),
        chart.read_text(),
    )


def test_all_variants_answer_alike_and_have_a_row(outcome: Outcome) -> None:
    rows = [line.split()[0] for line in outcome.output.splitlines() if line.strip()]
    assert [word for word in rows if word in PYTHON_VARIANTS] == [*PYTHON_VARIANTS, "cartwheel"]


def test_each_gate_is_printed_with_its_outcome(outcome: Outcome) -> None:
    lines = [line for line in outcome.output.splitlines() if "≤" in line or "≥" in line]
    assert any(line.startswith("CPU ÷ floor") for line in lines)
    assert any(line.startswith("errors at 1,024 connections") for line in lines)
    express = next(line for line in lines if "express" in line)
    assert express.endswith("not measured")


def test_without_node_one_sentence_says_what_is_left_out(outcome: Outcome) -> None:
    sentence = "express and fastify are left out: there is no Node ≥ 24 here."
    assert outcome.output.count(sentence) == 1


def test_the_stages_are_printed_where_there_is_no_terminal(outcome: Outcome) -> None:
    assert "cart-add: warm-up\ncart-add: round 1 of 1\n" in outcome.errors
    assert "\x1b" not in outcome.output + outcome.errors


def test_the_json_has_every_figure_and_every_sample(outcome: Outcome) -> None:
    (result,) = outcome.report["benches"]
    assert result["name"] == "cart-add"
    assert [row["variant"] for row in result["rows"]] == list(PYTHON_VARIANTS)
    for row in result["rows"]:
        assert {"cpu", "cpu_ratio", "rate", "p50", "p99", "steady_p99", "errors"} <= row.keys()
        assert {"errors_256", "errors_1024", "memory"} <= row.keys()
    assert {sample["variant"] for sample in result["samples"]} == set(PYTHON_VARIANTS)
    assert all(sample["requests"] for sample in result["samples"])
    assert {"name", "measured", "gate", "stretch", "outcome"} <= result["gates"][0].keys()


def test_the_machine_is_described_without_its_name(outcome: Outcome) -> None:
    assert set(outcome.report["machine"]) == {"cores", "cpu", "system", "python", "packages"}
    described = json.dumps(outcome.report["machine"])
    assert platform.python_version() in described
    assert str(Path.home()) not in described


def test_the_chart_is_well_formed_and_names_each_variant(outcome: Outcome) -> None:
    root = ElementTree.fromstring(outcome.chart)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(PYTHON_VARIANTS) <= set(texts)


def test_a_variant_that_answers_differently_is_refused(tmp_path: Path) -> None:
    other = checkout(tmp_path / "other", IMPOSTOR)
    done = bench(tmp_path, *SHORT, "--variants", "floor,before", "--against", str(other))
    assert done.returncode == 1
    assert "before does not answer like floor, so nothing was measured. The first add: " in (
        done.stderr
    )
    assert '{"version": 7} instead of {"version":1,' in done.stderr


def test_a_server_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    other = checkout(tmp_path / "other", "raise SystemExit('no settings')")
    done = bench(tmp_path, *SHORT, "--variants", "before", "--against", str(other))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "before does not start: no settings"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rounds", "0"), "--rounds 0 is not possible: choose 1 to 100."),
        (("--seconds", "99"), "--seconds 99 is not possible: choose 0.1 to 10."),
        (("--connections", "0"), "--connections 0 is not possible: choose 1 to 1024."),
        (("hats",), "There is no bench 'hats': choose cart-add, "),
        (("--variants", "floor,hats"), "There is no variant 'hats' here: choose floor, "),
        (("--against", "/dev"), "/dev is no checkout of Cartwheel with an environment in .venv"),
        (("--nope",), "No such option: --nope."),
    ],
)
def test_wrong_usage_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = bench(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("node", "npm", "reason"),
    [
        ("echo v20.1.0", "", "they need Node ≥ 24, here is v20.1.0."),
        (
            "echo v24.1.0",
            "echo 'no network'; exit 1",
            "their packages could not be fetched (no network).",
        ),
    ],
)
def test_a_node_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, node: str, npm: str, reason: str
) -> None:
    programs = tmp_path / "programs"
    program(programs, "node", node)
    program(programs, "npm", npm)
    done = bench(tmp_path, *SHORT, "--variants", "express", path=programs)
    assert done.returncode == 1
    assert done.stderr == (
        f"There is nothing to measure. express and fastify are left out: {reason}\n"
    )
    assert not list((tmp_path / "state/bench").glob(".node-*")), "a draft is left"


def test_the_packages_of_node_are_fetched_once(tmp_path: Path) -> None:
    """This Node is Python with the floor, which answers as Express has to."""
    programs = tmp_path / "programs"
    program(programs, "npm", f'echo "$@" >> {tmp_path}/fetched')
    program(
        programs,
        "node",
        'case "$1" in --version) echo v24.0.0;; *) '
        f'exec "{sys.executable}" -m uvicorn cartwheel.bench.variants.floor:app '
        '--fd "$BENCH_FD";; esac',
    )
    for variant in ("express", "fastify"):
        done = bench(tmp_path, *SHORT, "--variants", variant, path=programs)
        assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "state/bench").iterdir()
    assert {"package.json", "express.js", "fastify.js"} <= {file.name for file in folder.iterdir()}
    (fetch,) = (tmp_path / "fetched").read_text().splitlines()
    assert fetch.startswith("install --prefix ")
    assert "--ignore-scripts" in fetch


def test_ctrl_c_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    arguments = ("--rounds", "100", "--variants", "floor,cartwheel")
    with started(tmp_path, *arguments) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "round 1" in line:
                break
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    eventually(lambda: not any(map(is_alive, children)))
    assert not list((tmp_path / "temporary").iterdir())


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_two_benches_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with (
        started(tmp_path, *SHORT, "--variants", "floor") as first,
        started(tmp_path, *SHORT, "--variants", "floor") as second,
    ):
        for process in (first, second):
            output, errors = process.communicate(timeout=2 * TIMEOUT)
            assert process.returncode == 0, errors
            assert "floor" in output


def test_the_help_names_every_bench(tmp_path: Path) -> None:
    words = " ".join(bench(tmp_path, "--help").stdout.split())
    assert f"What to measure: {', '.join(BENCHES)} or all" in words


def test_markdown_is_a_section_with_the_command(tmp_path: Path) -> None:
    done = bench(tmp_path, "token", "--rounds", "1", "--markdown")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("| the machine | |\n|---|---|\n| cores | ")
    assert "\n### Check of an access token, CPU\n\n`cartwheel bench token`\n" in done.stdout
    assert "| cartwheel |" in done.stdout
    assert "| token seen before |" in done.stdout


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "report.json"
    done = bench(tmp_path, "token", "--rounds", "1", "--json", str(missing))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("cannot be written (No such file or directory).")
