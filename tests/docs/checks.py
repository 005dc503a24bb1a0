"""What is wrong with a page: one function for each kind of thing a page names.

Each yields a sentence that begins with page and line.
"""

import importlib
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from posixpath import normpath

from cartwheel import cli
from loadtest.__main__ import parse as parse_load_arguments
from tests.docs import facts
from tests.docs.pages import ROOT, Mention, Page
from tests.support.shop import SERVICES

SUFFIXES = "py|md|yaml|toml|json|lua|css|js|html|svg|env|sh|txt"
PATH = re.compile(
    rf"[\w.*-]+(/[\w.*-]+)*/|([\w.*-]+/)+[\w.*-]+|[\w.-]+\.({SUFFIXES})|Dockerfile\S*"
)
# What programs of ours make while they run is in no checkout.
MADE = (".cartwheel", ".venv", "manifests/components/generated-secrets/generated", "generated.")
# The guide's own example; a test executes that page.
EXAMPLE = "giftwrap"

METHODS = "GET|POST|PUT|PATCH|DELETE|HEAD"
ROUTE = re.compile(
    rf"(?P<methods>(?:{METHODS})(?:, (?:{METHODS}))* )?(?P<path>/[^\s?]*)(?:\?(?P<query>\S*))?"
)
METRIC = re.compile(
    r"(?<![\w.:])(?!CARTWHEEL)([a-z]+(?:_[a-z]+)*_(?:total|seconds|bytes|in_flight|open|info|ready|concurrency_limit|in_use|queued)"
    r"|[a-z_]+:[a-z_0-9]+:[a-z_0-9]+)\b(?:\{([a-z_, ]+)\})?(?!\()"
)
IDENTIFIER = re.compile(r"([a-zA-Z][\w.]*?)(?:\(\))?")

# Words of Kubernetes and of other libraries, which no file of ours has a reason to contain.
FOREIGN = {
    "invoke_script",
    "AmbiguousSelector",
    "file_sd_configs",
    "AuthenticationError",
    "external.metrics.k8s.io",
    "prometheus.cartwheel.svc",
    "app.kubernetes.io/name",
}


def check_links(page: Page) -> Iterator[str]:
    """Relative links and the anchors they name."""
    for link in page.links:
        if re.match(r"[a-z]+:", link.text):
            continue
        path, _, anchor = link.text.partition("#")
        target = normpath(str(page.folder / path)) if path else page.path
        if target not in facts.files() and f"{target}/" not in facts.files():
            yield f"{link}: leads to no file"
        elif anchor and anchor not in Page(target, (ROOT / target).read_text()).anchors:
            yield f"{link}: {target} has no such heading"


def check_paths(page: Page) -> Iterator[str]:
    """Files and folders, in backticks and in commands, and modules of Python."""
    for span in page.spans:
        is_path = PATH.fullmatch(span.text) and span.text not in FOREIGN
        if is_path and not _is_made(span.text) and not _exists(span.text, page):
            yield f"{span}: there is no such file or folder"
    for block in page.blocks:
        for line in block.lines():
            for path in re.findall(r"(?<![\w./-])[\w-]+(?:/[\w.*-]+)+/?", line.text):
                is_ours = f"{path.split('/')[0]}/" in facts.files() and not _is_made(path)
                if is_ours and EXAMPLE not in page.text and not _exists(path, page):
                    yield f"{line.page}:{line.line}: {path}: there is no such file or folder"
    packages = r"app(?!\.kubernetes)|services|cartwheel|loadtest|monitoring"
    for module in page.mentions(rf"(?<![\w./\"'-])(?:{packages})(?:\.\w+)+(?::\w+)?"):
        if EXAMPLE not in module.text and not _is_module(module.text):
            yield f"{module}: there is no such module"


def _is_made(path: str) -> bool:
    return path.startswith(MADE) or f"/{EXAMPLE}" in path


def _exists(path: str, page: Page) -> bool:
    if "*" in path:
        return any(ROOT.glob(path))
    if "/" in path.rstrip("/") and f"{path.split('/')[0]}/" in facts.files():
        return path in facts.files() or f"{path.rstrip('/')}/" in facts.files()
    # A service's page speaks of its own files, any other of all.
    within = f"{page.folder}/" if page.path.startswith("services/") else ""
    return facts.exists(path, within=within) or path in facts.files()


def _is_module(text: str) -> bool:
    name, _, attribute = text.partition(":")
    if re.fullmatch(rf"\w+\.({SUFFIXES})", name):  # a file
        return True
    try:
        if find_spec(name) is not None:
            return not attribute or hasattr(importlib.import_module(name), attribute)
        parent, _, symbol = name.rpartition(".")
        return hasattr(importlib.import_module(parent), symbol)
    except ImportError:
        return False


def check_settings(page: Page) -> Iterator[str]:
    """Environment variables, with the defaults a service's table gives them."""
    for name in page.mentions(r"CARTWHEEL_[A-Z_]*[A-Z]"):
        if name.text not in facts.settings():
            yield f"{name}: nothing reads this setting"
    if page.path.startswith("services/"):
        yield from _check_own_settings(page, page.folder.name)


def _check_own_settings(page: Page, service: str) -> Iterator[str]:
    defaults = facts.own_settings(service)
    for name in defaults.keys() - {mention.text for mention in page.mentions(r"CARTWHEEL_\w+")}:
        yield f"{page.path}: {name} is a setting of this service and not on its page"
    for row in page.mentions(r"(?m)^\| *`CARTWHEEL_.*$"):
        names, shown = row.text.split("|")[1:3]
        variables = re.findall(r"CARTWHEEL_\w+", names)
        values = [value.strip(" `") for value in shown.split(", ")]
        wanted = [defaults.get(name, "–") for name in variables]
        if values != wanted:
            yield f"{Mention(row.page, row.line, names.strip())}: the default is {wanted}"


def check_routes(page: Page) -> Iterator[str]:
    """Routes in backticks; a service's page has all of its own."""
    shown = set()
    for span in page.spans:
        match = ROUTE.fullmatch(span.text)
        if match is None:
            continue
        methods = (match["methods"] or "").replace(",", "").split()
        path = re.sub(r"\{[^}]*\}", "{}", match["path"])
        shown |= {(method, path) for method in methods}
        for method in methods or [None]:
            if not _is_route(method, path):
                yield f"{span}: no service has this route"
        query = {part.partition("=")[0] for part in (match["query"] or "").split("&") if part}
        for name in sorted(query - facts.query_parameters((methods[0], path))) if query else ():
            yield f"{span}: takes no parameter {name}"
    if page.path.startswith("services/"):
        for method, path in sorted(facts.operations(page.folder.name) - shown):
            if page.folder.name != "storefront":
                yield f"{page.path}: {method} {path} is not on the page of its service"


def _is_route(method: str | None, path: str) -> bool:
    start = path.removesuffix("…") if path.endswith("…") else None
    return any(
        (method in (None, known)) and (template.startswith(start) if start else template == path)
        for known, template in _routes()
    )


def _routes() -> set[facts.Route]:
    # What the storefront passes on is any path of a service.
    passed_on = {(method, "/api/{}/v1/") for method, path in facts.routes() if "/api/" in path}
    return {*facts.routes(), *passed_on}


def check_problems(page: Page) -> Iterator[str]:
    """Types of problems, as in 404 `unknown-product`."""
    for found in page.mentions(r"\b[45]\d\d `[a-z]+(?:-[a-z]+)+`"):
        service = page.folder.name if page.path.startswith("services/") else ""
        problem = found.text.split("`")[1]
        if not facts.is_text_of(service, problem):
            yield f"{found}: no error has this type"


def check_metrics(page: Page) -> Iterator[str]:
    """Metrics with their labels; a service's page has all of its own."""
    known = [facts.metrics(service) for service in (*SERVICES, "loadtest")]
    for span in page.mentions(METRIC.pattern):
        match = METRIC.fullmatch(span.text)
        assert match is not None
        name, labels = match[1], {label.strip() for label in (match[2] or "").split(",") if label}
        if name in facts.rules("record") or name in _metrics_of_the_cluster():
            continue
        owners = [labels_of[name] for labels_of in known if name in labels_of]
        if not owners and name not in facts.words():
            yield f"{span}: no service publishes this metric"
        elif owners and any(owners) and not any(labels <= found for found in owners):
            yield f"{span}: has no such label; it has {sorted(owners[0])}"
    if page.path.startswith("services/"):
        service = page.folder.name
        common = set.intersection(*(set(facts.metrics(each)) for each in SERVICES))
        of_stores = {"store_operation_duration_seconds"}
        for name in sorted(set(facts.metrics(service)) - common - of_stores):
            if name not in page.text:
                yield f"{page.path}: {name} is a metric of this service and not on its page"


def _metrics_of_the_cluster() -> set[str]:
    text = (ROOT / "tests/monitoring/kube-state-metrics.txt").read_text()
    return set(re.findall(r"^\w+", text, re.MULTILINE))


def check_alerts(page: Page) -> Iterator[str]:
    """Names behind the word alert or alerts."""
    for found in page.mentions(r"(?i)\balerts?\b(?:,? (?:and )?[`*][A-Z]\w+[`*])+"):
        for name in re.findall(r"[`*]([A-Z]\w+)[`*]", found.text):
            if name not in facts.rules("alert"):
                yield f"{Mention(found.page, found.line, name)}: there is no such alert"


def check_commands(page: Page) -> Iterator[str]:
    """`make`, `cartwheel`, the load generator, and the profiles of Skaffold."""
    for command in page.commands():
        for part in re.split(r" *(?:&&|;|\|\|) *", command.text):
            for problem in _problems_of(part, page):
                yield f"{command}: {problem}"


def _problems_of(command: str, page: Page) -> Iterator[str]:
    try:
        words = shlex.split(command, comments=True)
    except ValueError:  # a cut of a longer command
        return
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    match words:
        case ["make", target, *variables]:
            yield from _problems_of_make(target, variables, page)
        case ["cartwheel", *arguments]:
            yield from _problems_of_cartwheel(arguments)
        case ["python", "-m", "loadtest", *arguments]:
            yield from _problems_of_load(arguments)
        case ["skaffold", *arguments] if "-p" in arguments:
            profile = arguments[arguments.index("-p") + 1]
            if profile not in facts.profiles():
                yield f"there is no profile {profile}"


def _problems_of_make(target: str, variables: list[str], page: Page) -> Iterator[str]:
    if target not in facts.make_targets():
        yield f"the Makefile has no target {target}"
    for variable in variables:
        name, _, value = variable.partition("=")
        if target == "test" and name == "ARGS" and not _exists(value, page):
            if not _is_made(value):
                yield f"there is no {value}"
        elif target == "load" and name == "ARGS":
            yield from _problems_of_cartwheel(["load", *shlex.split(value)])
        elif target == "deploy" and name == "ARGS":
            yield from _problems_of(f"skaffold run {value}", page)
        elif name != "ARGS" and name not in facts.settings():
            yield f"nothing reads {name}"


def _problems_of_cartwheel(arguments: list[str]) -> Iterator[str]:
    name, *rest = arguments or ["--version"]
    if name == "--version":
        return
    if name not in cli.COMMANDS:
        yield f"cartwheel has no command {name}"
        return
    command = cli.load_command(name)
    try:
        # A command that is only named has none of its arguments.
        context = command.make_context(name, rest, resilient_parsing=not rest)
    except Exception as error:
        yield f"cartwheel {name}: {getattr(error, 'message', error)}"
        return
    service = context.params.get("service")
    if service is not None and service not in SERVICES:
        yield f"there is no service {service}"


def _problems_of_load(arguments: list[str]) -> Iterator[str]:
    try:
        parse_load_arguments(arguments)
    except SystemExit:
        yield f"python -m loadtest does not take {' '.join(arguments)}"


def check_names(page: Page) -> Iterator[str]:
    """Identifiers in backticks: classes, constants, functions, fields, log events."""
    for span in page.spans:
        match = IDENTIFIER.fullmatch(span.text)
        if match is None or match[1] in FOREIGN or PATH.fullmatch(span.text):
            continue
        if span.text in facts.settings() or METRIC.fullmatch(span.text):
            continue
        looks_like_code = re.search(r"_|\.|\(|[a-z][A-Z]", span.text)
        if looks_like_code and not set(re.split(r"\W", match[1])) <= facts.words():
            yield f"{span}: occurs nowhere in the code"


def check_mentions_in_code() -> Iterator[str]:
    """Pages, with the anchor behind their name, in code and manifests."""
    for name in sorted(facts.source_files()):
        text = (ROOT / name).read_text(errors="ignore")
        for path, anchor in re.findall(r"\b(docs/[\w/.-]+\.md)(?:#([\w-]+))?", text):
            if path not in facts.files():
                yield f"{name}: names {path}, which does not exist"
            elif anchor and anchor not in Page(path, (ROOT / path).read_text()).anchors:
                yield f"{name}: {path} has no heading {anchor}"
