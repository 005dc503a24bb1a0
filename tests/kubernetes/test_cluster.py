"""A cluster, read through the kubectl in the PATH."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cartwheel.kubernetes.api import get_all, path_of
from cartwheel.kubernetes.cluster import NO_CONTEXT, Cluster
from cartwheel.kubernetes.errors import (
    ClusterError,
    Forbidden,
    NotFound,
    Unavailable,
    Unreachable,
)

InstallKubectl = Callable[[str], None]

PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def install_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstallKubectl:
    """A kubectl that runs the lines of a shell script."""

    def install(script: str) -> None:
        program = tmp_path / "kubectl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def test_a_path_is_read_with_the_context_of_the_person(install_kubectl: InstallKubectl) -> None:
    install_kubectl("""printf '{"arguments": "%s"}' "$*" """)

    read = Cluster(context="prod", timeout=3).get(PODS)

    assert read == {"arguments": f"--context=prod get --raw {PODS} --request-timeout=3s"}


@pytest.mark.parametrize(
    ("stderr", "error", "message"),
    [
        (
            'Error from server (Forbidden): pods is forbidden: User "eve" cannot list resource',
            Forbidden,
            'pods is forbidden: User "eve" cannot list resource.',
        ),
        (
            "Error from server (NotFound): the server could not find the requested resource",
            NotFound,
            "the server could not find the requested resource.",
        ),
        (
            "Error from server (ServiceUnavailable): the server is currently unable to handle the "
            "request",
            Unavailable,
            "the server is currently unable to handle the request.",
        ),
        ('error: context "prod" does not exist', Unreachable, 'context "prod" does not exist.'),
        (
            "E1126 09:57:33.000000 1 memcache.go:265] couldn't get current server API group list\n"
            "Unable to connect to the server: dial tcp: lookup example.org: no such host",
            Unreachable,
            "Unable to connect to the server: dial tcp: lookup example.org: no such host.",
        ),
        ("error: current-context must exist in order to minify", Unreachable, NO_CONTEXT),
        ("", Unreachable, "kubectl failed without a message."),
    ],
)
def test_each_failure_is_one_sentence(
    install_kubectl: InstallKubectl, stderr: str, error: type[ClusterError], message: str
) -> None:
    install_kubectl(f"cat >&2 <<'END'\n{stderr}\nEND\nexit 1")

    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Cluster().get(PODS)


def test_without_kubectl_one_reads_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Unreachable, match="kubectl is not in the PATH"):
        Cluster().get(PODS)


def test_a_response_that_is_not_json_is_an_error(install_kubectl: InstallKubectl) -> None:
    install_kubectl("echo ok")

    with pytest.raises(Unavailable, match="not JSON"):
        Cluster().get(PODS)
    assert Cluster().get_text("/livez") == "ok\n"


def test_one_failure_leaves_the_other_responses(install_kubectl: InstallKubectl) -> None:
    install_kubectl(
        'case "$3" in /a) echo \'{"is": "a"}\';; *) echo "Error from server (NotFound): gone" >&2; '
        "exit 1;; esac"
    )

    first, second = get_all(Cluster(), ["/a", "/b"])

    assert first == {"is": "a"}
    assert isinstance(second, NotFound)
    assert get_all(Cluster(), []) == []


@pytest.mark.parametrize(
    ("view", "namespace"),
    [
        ({"contexts": [{"context": {"namespace": "shop"}}]}, "shop"),
        ({"contexts": [{"context": {}}]}, "default"),
        ({"contexts": None}, "default"),
    ],
)
def test_the_namespace_is_that_of_the_context(
    install_kubectl: InstallKubectl, view: object, namespace: str
) -> None:
    install_kubectl(f"echo '{json.dumps(view)}'")

    assert Cluster().namespace == namespace


def test_the_segments_of_a_path_are_quoted() -> None:
    assert path_of("apis", "v1", "a/b") == "/apis/v1/a%2Fb"
    assert path_of("pods", labelSelector="a in (b,c)", limit="") == (
        "/pods?labelSelector=a%20in%20%28b%2Cc%29"
    )
