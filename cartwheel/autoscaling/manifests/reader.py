"""From files, texts and objects of the API to autoscalers."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from cartwheel.autoscaling.manifests.fields import Fields, Report, closest
from cartwheel.autoscaling.manifests.hpa import read_hpa, read_hpa_v1
from cartwheel.autoscaling.manifests.problems import ManifestError, Problem
from cartwheel.autoscaling.manifests.scaled_object import read_scaled_object
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import HorizontalPodAutoscalerSpec

Autoscaler = HorizontalPodAutoscalerSpec | ScaledObject

HPA = "HorizontalPodAutoscaler"
SCALED_OBJECT = "ScaledObject"
STDIN = "-"
_READERS: Mapping[tuple[str, str], Callable[[Fields], Autoscaler]] = {
    ("autoscaling/v2", HPA): read_hpa,
    ("autoscaling/v1", HPA): read_hpa_v1,
    ("keda.sh/v1alpha1", SCALED_OBJECT): read_scaled_object,
}
_CURRENT = {HPA: "autoscaling/v2", SCALED_OBJECT: "keda.sh/v1alpha1"}
_GROUPS = ("autoscaling/", "keda.sh/", "keda.k8s.io/")
_KINDS_OF_GROUPS = (
    HPA,
    SCALED_OBJECT,
    "Scale",
    "ScaledJob",
    "TriggerAuthentication",
    "ClusterTriggerAuthentication",
)
_LANGUAGES = {".jsonnet": "Jsonnet", ".libsonnet": "Jsonnet", ".cue": "CUE", ".tpl": "a template"}
_TEMPLATE = "{{"
MAX_DEPTH = 100
# Ten times as fast, where PyYAML has been built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_autoscalers(paths: Iterable[Path | str]) -> Sequence[Autoscaler]:
    """The autoscalers of these files, in their order; `-` is standard input.

    Raises `ManifestError` with everything that is wrong, also if there is no autoscaler at all.
    """
    found: list[Autoscaler] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found += read_autoscaler_text(read_manifest_file(path), source=_shown(path))
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise ManifestError(problems)
    return found


def read_autoscaler_text(text: str, *, source: str) -> Sequence[Autoscaler]:
    """The autoscalers of this text. Raises `ManifestError`."""
    report = Report(source)
    found: list[Autoscaler] = []
    try:
        text.encode()
        _check_depth(text)
        for document in yaml.compose_all(text, Loader=_LOADER):
            found += _read_document(document, "", report)
    except UnicodeEncodeError as error:
        first = text.count("\n", 0, error.start) + 1
        report.problems.append(Problem("is no text that UTF-8 can encode", source, first))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        report.problems.append(Problem(f"no YAML: {error.problem}", source, line))
    except yaml.YAMLError as error:
        report.add(f"no YAML: {str(error).splitlines()[0]}")
    if not (found or report.problems):
        report.add(f"neither a {HPA} nor a {SCALED_OBJECT} is in it")
    if report.problems:
        problems = sorted(report.problems, key=lambda one: one.line or 0)
        raise ManifestError(_with_hint_at_templates(problems, text.splitlines()))
    return found


def own_document(text: str) -> str:
    """The document of the only autoscaler of a text that can be read, without the others."""
    starts = [
        event.end_mark.index
        for event in yaml.parse(text, Loader=_LOADER)
        if isinstance(event, yaml.DocumentStartEvent)
    ]
    if len(starts) < 2:
        return text
    # What stands before the first one belongs to it.
    bounds = [0, *starts[1:], len(text)]
    for start, end in pairwise(bounds):
        document = text[start:end].strip("\n").removesuffix("---").rstrip() + "\n"
        with suppress(ManifestError):
            read_autoscaler_text(document, source="")
            return document
    return text


def autoscaler_from_object(obj: Mapping[str, Any], *, source: str = "") -> Autoscaler:
    """The autoscaler of an object that an API returned; unknown fields are ignored.

    Raises `ManifestError`, also for an object of another kind.
    """
    kind, version = str(obj.get("kind", "")), str(obj.get("apiVersion", ""))
    metadata = obj.get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, Mapping) else ""
    report = Report(source or f"{kind}/{name}", is_strict=False)
    found: list[Autoscaler] = []
    if (version, kind) in _READERS:
        node = yaml.SafeDumper("").represent_data(dict(obj))
        found += _read_document(node, "", report)
    else:
        report.add(f"{kind} of {version} is no autoscaler that can be read here")
    if report.problems:
        raise ManifestError(report.problems)
    return found[0]


def read_manifest_file(path: Path | str) -> str:
    """The text of a file of manifests; `-` is standard input. Raises `ManifestError`."""
    source, path = _shown(path), Path(path)
    if language := _LANGUAGES.get(path.suffix):
        raise ManifestError([Problem(f"is {language}, not YAML; render it first", source)])
    try:
        content = sys.stdin.buffer.read() if str(path) == STDIN else path.read_bytes()
        return content.decode("utf-8-sig")
    except IsADirectoryError:
        hint = f"is a folder; render it: kubectl kustomize {path} > rendered.yaml"
        raise ManifestError([Problem(hint, source)]) from None
    except UnicodeDecodeError:
        raise ManifestError([Problem("is no UTF-8 text", source)]) from None
    except OSError as error:
        raise ManifestError([Problem(error.strerror or str(error), source)]) from None


def _check_depth(text: str) -> None:
    """Composing is recursive, in C too, where it ends the process. Raises `YAMLError`."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)


def _shown(path: Path | str) -> str:
    return "standard input" if str(path) == STDIN else str(path)


def _read_document(node: yaml.Node | None, path: str, report: Report) -> Iterator[Autoscaler]:
    """The autoscalers of a document, or of an item of a list in one."""
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return
    if not isinstance(node, yaml.MappingNode):
        report.add("is no Kubernetes object", path=path, node=node)
        return
    root = Fields(node, path, report)
    kind, version = root.text("kind"), root.text("apiVersion")
    if root.is_wrong("kind", "apiVersion"):
        return
    if kind == "List" or kind in (f"{HPA}List", f"{SCALED_OBJECT}List"):
        if path:
            root.report("a list in a list", "kind")
            return
        for index, item in enumerate(root.nodes("items")):
            yield from _read_document(item, f"items[{index}]", report)
    elif read := _READERS.get((version, kind)):
        with root:
            yield read(root)
    else:
        _report_near_miss(root, kind, version)


def _report_near_miss(root: Fields, kind: str, version: str) -> None:
    """Other kinds are skipped, but not what was meant to be an autoscaler."""
    if kind in _CURRENT:
        root.report(f"{version} is not supported; use {_CURRENT[kind]}", "apiVersion")
    elif version.startswith(_GROUPS) and kind not in _KINDS_OF_GROUPS:
        best = closest(kind, _KINDS_OF_GROUPS)
        root.report(f"unknown kind {kind}" + (f"; did you mean {best}?" if best else ""), "kind")


def _with_hint_at_templates(problems: Sequence[Problem], lines: Sequence[str]) -> list[Problem]:
    """Where a line has `{{`, say that it is a template, once, instead of what YAML makes of it."""
    templates = {number for number, line in enumerate(lines, 1) if _TEMPLATE in line}
    found = [one for one in problems if one.line in templates]
    if not found:
        return list(problems)
    hint = "is a template ({{ … }}); render it first, for example with helm template"
    first = min(found, key=lambda one: one.line or 0)
    others = [one for one in problems if one not in found]
    return [Problem(hint, first.source, first.line), *others]
