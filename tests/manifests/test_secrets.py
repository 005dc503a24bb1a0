"""The script `generate`, with a real kubectl and fake API servers."""

import base64
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from tests.manifests.objects import ROOT

FOLDER = ROOT / "manifests" / "components" / "generated-secrets"
NAMES = {"postgres", "valkey", "products", "cart", "user", "tracking", "storefront"}
SECRETS = "/api/v1/namespaces/cartwheel/secrets/"
DISCOVERY = {
    "/readyz": {"status": "ok"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {
                "name": "secrets",
                "singularName": "secret",
                "namespaced": True,
                "kind": "Secret",
                "verbs": ["get", "list"],
            }
        ],
    },
}
# kubectl starts fast, but the machine may be busy.
WITHIN = 60.0

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on PATH")
Secrets = Mapping[str, Mapping[str, str]]


class _Api(BaseHTTPRequestHandler):
    """A fake API server: some secrets, and the discovery that kubectl needs to read them."""

    secrets: Secrets

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        name = path.removeprefix(SECRETS)
        found = DISCOVERY.get(path) or (self.secrets.get(name) and self._secret(name))
        body = json.dumps(found or {"kind": "Status", "apiVersion": "v1", "code": 404}).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _secret(self, name: str) -> dict[str, object]:
        data = {k: base64.b64encode(v.encode()).decode() for k, v in self.secrets[name].items()}
        return {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "data": data}

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def cluster(secrets: Secrets) -> Iterator[str]:
    """The URL of the API server of a cluster with these secrets."""
    handler = type("Api", (_Api,), {"secrets": secrets})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def theirs(tag: str) -> Secrets:
    """The secrets of a deployed shop."""
    return {
        name: {"CARTWHEEL_SERVICE_TOKENS": f"{tag}-token", "key": f"{tag}=={name}"}
        for name in NAMES
    }


class Clone:
    """A clone of the project, and a kubeconfig with the contexts of its owner."""

    def __init__(self, folder: Path) -> None:
        self._home = folder
        self.secrets = folder / "generated-secrets"
        self.secrets.mkdir()
        shutil.copy(FOLDER / "generate", self.secrets)
        self.knows({}, current="")

    def knows(self, clusters: Mapping[str, str], *, current: str) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": current,
            "clusters": [{"name": n, "cluster": {"server": url}} for n, url in clusters.items()],
            "contexts": [{"name": n, "context": {"cluster": n}} for n in clusters],
        }
        (self._home / "config").write_text(yaml.safe_dump(config))

    def generate(self, *arguments: str, **environment: str) -> str:
        """Its output."""
        outer = {name: value for name, value in os.environ.items() if "SKAFFOLD" not in name}
        home = {"HOME": str(self._home), "KUBECONFIG": str(self._home / "config")}
        done = subprocess.run(
            [self.secrets / "generate", *arguments],
            env={**outer, **home, **environment},
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return done.stdout

    def made(self, folder: str = "generated") -> dict[str, dict[str, str]]:
        return {
            file.stem: dict(line.split("=", 1) for line in file.read_text().splitlines())
            for file in (self.secrets / folder).glob("*.env")
        }


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_without_a_cluster_they_are_made_once(clone: Clone) -> None:
    assert clone.generate() == ""
    made = clone.made()
    assert made.keys() == NAMES
    clone.generate()
    assert clone.made() == made


def test_the_services_share_one_token_and_the_stores_have_their_passwords(clone: Clone) -> None:
    clone.generate()
    made = clone.made()
    services = NAMES - {"postgres", "valkey"}
    assert len({made[service]["CARTWHEEL_SERVICE_TOKENS"] for service in services}) == 1
    for service in ("products", "user", "tracking"):
        assert f":{made['postgres'][service]}@" in made[service]["CARTWHEEL_STORE_URL"]
    assert f":{made['valkey']['password']}@" in made["cart"]["CARTWHEEL_STORE_URL"]


def test_a_second_clone_takes_those_of_the_cluster(clone: Clone) -> None:
    with cluster(theirs("first")) as url:
        clone.knows({"kind-cartwheel": url}, current="kind-cartwheel")
        assert "taken from the cluster of kind-cartwheel" in clone.generate()
        assert clone.made() == theirs("first")
        assert clone.generate() == "", "nothing to do the second time"
    clone.generate()
    assert clone.made() == theirs("first"), "the cluster is stopped, not gone"


def test_a_clone_with_others_takes_those_of_the_cluster_and_keeps_its_own(clone: Clone) -> None:
    clone.generate()
    before = clone.made()
    with cluster(theirs("first")) as url:
        clone.knows({"kind-cartwheel": url}, current="kind-cartwheel")
        output = clone.generate()
    assert clone.made() == theirs("first")
    assert clone.made("generated.previous") == before
    assert "generated.previous/" in output


def test_a_cluster_without_all_of_them_has_none(clone: Clone) -> None:
    some = {name: values for name, values in theirs("other").items() if name != "valkey"}
    with cluster(some) as url:
        clone.knows({"kind-cartwheel": url}, current="kind-cartwheel")
        assert clone.generate() == ""
    assert "other-token" not in str(clone.made())


def test_the_current_context_is_not_used(clone: Clone) -> None:
    with cluster(theirs("production")) as url:
        clone.knows({"production": url}, current="production")
        clone.generate()
    assert "production-token" not in str(clone.made())


def test_the_cluster_that_skaffold_deploys_to_is_used(clone: Clone) -> None:
    with cluster(theirs("kind")) as kind, cluster(theirs("other")) as other:
        clone.knows({"kind-cartwheel": kind, "other": other}, current="kind-cartwheel")
        clone.generate(SKAFFOLD_KUBE_CONTEXT="other")
    assert clone.made() == theirs("other")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "silent"])
def test_a_cluster_that_does_not_respond_ends_in_time(clone: Clone, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        if url == "silent":
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        clone.knows({"kind-cartwheel": url}, current="kind-cartwheel")
        clone.generate()
    assert clone.made().keys() == NAMES


def test_rendering_without_any_cluster_asks_none(clone: Clone) -> None:
    with cluster(theirs("kind")) as url:
        clone.knows({"kind-cartwheel": url}, current="kind-cartwheel")
        clone.generate(SKAFFOLD_KUBE_CONTEXT="")
    assert "kind-token" not in str(clone.made())
