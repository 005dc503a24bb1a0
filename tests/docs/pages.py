"""Markdown pages, taken apart: links, anchors, code in a line and blocks of code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
# A change of the past names the files of its time.
HISTORY = {"CHANGELOG.md"}

_FENCE = re.compile(r"^ *```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`((?:[^`\n]|\n(?!\s*\n))+)`(?!`)")
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|!?\[[^\]]*\])*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Mention:
    """Something a page says, and the line that says it."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Block:
    """A block of code. `line` is the line of its fence."""

    page: str
    line: int
    language: str
    text: str

    def lines(self) -> Iterator[Mention]:
        for number, text in enumerate(self.text.splitlines(), self.line + 1):
            yield Mention(self.page, number, text)

    def commands(self) -> Iterator[Mention]:
        """What a reader types, one command a line, continued lines joined."""
        joined = re.sub(r"\\\n\s*", lambda match: "\x00" * match[0].count("\n"), self.text)
        number = self.line + 1
        for text in joined.splitlines():
            is_typed = self.language == "sh" or text.lstrip().startswith("$ ")
            if is_typed and self.language in ("sh", "console"):
                command = text.strip().removeprefix("$ ").replace("\x00", " ")
                yield Mention(self.page, number, command)
            number += 1 + text.count("\x00")


@dataclass(frozen=True)
class Page:
    """A page by its path in the repository."""

    path: str
    text: str

    @property
    def folder(self) -> PurePosixPath:
        return PurePosixPath(self.path).parent

    @cached_property
    def prose(self) -> str:
        """The text with its blocks of code blanked out, each letter in its place."""
        return _FENCE.sub(_blank, self.text)

    @cached_property
    def blocks(self) -> list[Block]:
        return [
            Block(self.path, self._line(match.start()), match[1], match[2])
            for match in _FENCE.finditer(self.text)
        ]

    @cached_property
    def spans(self) -> list[Mention]:
        """Code within a line of prose; what is the text of a link is not among it."""
        return [
            self._mention(match.start(1), " ".join(match[1].replace("\\|", "|").split()))
            for match in _SPAN.finditer(self.prose)
            if not self.prose.startswith("](", match.end())
        ]

    @cached_property
    def links(self) -> list[Mention]:
        return [
            self._mention(match.start(), match[1] or match[2])
            for match in _LINK.finditer(_SPAN.sub(_blank, self.prose))
        ]

    @cached_property
    def anchors(self) -> set[str]:
        """The names its headings have on GitHub."""
        return {_anchor(match[1]) for match in _HEADING.finditer(self.prose)}

    def commands(self) -> Iterator[Mention]:
        """Every command it shows, in blocks and in its lines."""
        yield from self.spans
        for block in self.blocks:
            yield from block.commands()

    def mentions(self, pattern: str) -> Iterator[Mention]:
        """Each place where `pattern` is found, in prose and in code."""
        for match in re.finditer(pattern, self.text):
            yield self._mention(match.start(), match[0])

    def _mention(self, position: int, text: str) -> Mention:
        return Mention(self.path, self._line(position), text)

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1


def all_pages() -> list[Page]:
    """Every page of the repository that a reader may take for true today."""
    files = {
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("[a-z]*/README.md"),
        *ROOT.glob("services/*/README.md"),
        *ROOT.glob("manifests/**/README.md"),
    }
    names = sorted(file.relative_to(ROOT).as_posix() for file in files)
    return [Page(name, (ROOT / name).read_text()) for name in names if name not in HISTORY]


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _anchor(heading: str) -> str:
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
