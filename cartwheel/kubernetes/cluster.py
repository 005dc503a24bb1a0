"""A cluster, read with `kubectl get --raw`.

kubectl is on every machine that has access to a cluster, and it knows each way to log in: client
certificates, tokens, exec plugins, proxies. So there is no client library and no second setup.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property

from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import (
    ClusterError,
    Forbidden,
    NotFound,
    Unavailable,
    Unreachable,
)

TIMEOUT = 10.0
# kubectl needs time of its own, for a login plugin for example.
START_TIME = 10.0
NO_CONTEXT = "kubectl has no current context: kubectl config use-context NAME, or --context NAME."
NO_KUBECTL = "kubectl is not in the PATH: see kubernetes.io/docs/tasks/tools."
_FROM_SERVER = re.compile(
    r"^Error from server(?: \((?P<reason>\w+)\))?: (?P<message>.*)", re.DOTALL
)
_LOG_LINE = re.compile(r"^[IWEF]\d{4} .*\n?", re.MULTILINE)
_ERRORS: dict[str | None, type[ClusterError]] = {"Forbidden": Forbidden, "NotFound": NotFound}


@dataclass(frozen=True)
class Cluster:
    """The cluster of a context of the user's kubeconfig; without one, of the current context."""

    context: str | None = None
    timeout: float = TIMEOUT

    def get(self, path: str) -> Json:
        """The object at a path of the API. Raises `ClusterError`."""
        output = self.get_text(path)
        try:
            content = json.loads(output)
        except ValueError:
            raise Unavailable(f"{path}: the response is not JSON.") from None
        if not isinstance(content, dict):
            raise Unavailable(f"{path}: the response is not an object.")
        return content

    def get_text(self, path: str) -> str:
        """The response at a path as text, `/metrics` for example. Raises `ClusterError`."""
        return self._kubectl("get", "--raw", path, f"--request-timeout={self.timeout:g}s")

    @property
    def namespace(self) -> str:
        """The namespace of the context. Raises `ClusterError`."""
        contexts = self._configuration.get("contexts") or [{}]
        return (contexts[0].get("context") or {}).get("namespace") or "default"

    @property
    def context_name(self) -> str:
        """The name of the context, also of the current one. Raises `ClusterError`."""
        contexts = self._configuration.get("contexts") or [{}]
        return contexts[0].get("name") or self.context or ""

    @cached_property
    def _configuration(self) -> Json:
        view: Json = json.loads(self._kubectl("config", "view", "--minify", "--output=json"))
        return view

    def _kubectl(self, *arguments: str) -> str:
        command = kubectl_command(self.context)
        try:
            done = subprocess.run(
                [*command, *arguments],
                # Several run at once: none of them may ask the person for a password.
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.timeout + START_TIME,
                check=False,
            )
        except OSError as error:
            raise Unreachable(f"{command[0]} does not start: {error.strerror}.") from error
        except subprocess.TimeoutExpired:
            raise Unreachable(
                f"The cluster did not respond within {self.timeout + START_TIME:g} s."
            ) from None
        if done.returncode:
            raise _error_of(done.stderr)
        return done.stdout


def kubectl_command(context: str | None) -> list[str]:
    """The start of each command line. Raises `Unreachable`: there is no kubectl."""
    program = shutil.which("kubectl")
    if program is None:
        raise Unreachable(NO_KUBECTL)
    return [program, *([f"--context={context}"] if context else [])]


def _error_of(stderr: str) -> ClusterError:
    """The error behind kubectl's words; its own log lines are left out."""
    text = _LOG_LINE.sub("", stderr).strip() or stderr.strip()
    if "current-context must exist" in text:
        return Unreachable(NO_CONTEXT)
    found = _FROM_SERVER.match(text)
    if not found:
        return Unreachable(_sentence(text.removeprefix("error: ")))
    kind = _ERRORS.get(found["reason"], Unavailable)
    return kind(_sentence(found["message"]))


def _sentence(text: str) -> str:
    one_line = " ".join(text.split()) or "kubectl failed without a message"
    return one_line if one_line.endswith((".", "?", "!")) else f"{one_line}."
