"""The modules of the page as one script, for a page that has no server.

A browser loads no module from a `file:` address, so each becomes a function whose result is what
it exports, in an order in which all that a module imports comes before it. It knows the few forms
of `import` and `export` that the page uses and refuses others.
"""

import posixpath
import re
from collections.abc import Callable, Mapping

_IMPORT = re.compile(
    r"""^import\s+(?:(?:\{(?P<names>[^}]*)\}|\*\s+as\s+(?P<all>\w+))\s+from\s+)?"""
    r"""["'](?P<path>\.[^"']*)["'];?""",
    re.MULTILINE,
)
_EXPORT = re.compile(
    r"^export\s+(?=(?:async\s+function\*?|function\*?|class|const)\s+(?P<name>\w+))", re.MULTILINE
)
_LEFT = re.compile(r"^(?:import|export)\b.*|\bimport\s*\(.*|\bimport\.meta.*", re.MULTILINE)

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class BundleError(Exception):
    """A module that cannot become a part of one script."""


def bundle(main: str, read: Callable[[str], str], *, instead: Mapping[str, str]) -> str:
    """The script that runs a module with all that it imports.

    ``read`` gives the text of a module by its path; ``instead`` has the modules that are replaced
    by others. The same modules give the same script.
    """
    parts: dict[str, str] = {}
    _add(main, read, instead, parts, above=())
    body = "\n".join(parts.values())
    if "</script" in body:
        raise BundleError("a module has an end of a script in its text")
    return f'"use strict";\n(() => {{\nconst modules = {{}};\n{body}\n}})();\n'


def _add(
    path: str,
    read: Callable[[str], str],
    instead: Mapping[str, str],
    parts: dict[str, str],
    above: tuple[str, ...],
) -> None:
    path = instead.get(path, path)
    if path in parts:
        return
    if path in above:
        raise BundleError(f"modules import each other: {' → '.join([*above, path])}")
    text = read(path)
    for found in _IMPORT.finditer(text):
        _add(_resolved(path, found["path"]), read, instead, parts, (*above, path))
    parts[path] = _as_function(path, text, instead)


def _as_function(path: str, text: str, instead: Mapping[str, str]) -> str:
    def imported(found: re.Match[str]) -> str:
        target = _resolved(path, found["path"])
        module = f'modules["{instead.get(target, target)}"]'
        if found["all"]:
            return f"const {found['all']} = {module};"
        names = re.sub(r"\s+as\s+", ": ", found["names"] or "")
        return f"const {{{names}}} = {module};" if names.strip() else ""

    names = [found["name"] for found in _EXPORT.finditer(text)]
    body = _EXPORT.sub("", _IMPORT.sub(imported, text))
    if left := _LEFT.search(_COMMENT.sub("", body)):
        raise BundleError(f"{path}: this form is not known: {left[0][:80]}")
    return f'modules["{path}"] = (() => {{\n{body}\nreturn {{{", ".join(names)}}};\n}})();'


def _resolved(importer: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), path))
