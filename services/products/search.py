"""Matches the words of a search with those of the products.

Case, accents and joiners are ignored; plurals and singulars match each other. A word that no
product has is corrected, if one letter makes the difference.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MIN_CORRECTED_LETTERS = 4
"""Shorter words are not corrected: too many of them differ in one letter."""
MAX_TOKENS = 8

_WORD = re.compile(r"\w+")
# Letters that Unicode does not decompose into a letter and an accent.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "men": "man",
    "mice": "mouse",
    "women": "woman",
}
_SINGULAR_ENDINGS = ("ss", "us", "is")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a search.

    ``written`` is the word as typed; ``tokens`` are its parts. Each token is a tuple of forms,
    one of which must be the beginning of a word of the product.
    """

    written: str
    tokens: tuple[tuple[str, ...], ...] = ()


def parse_search(text: str, *, max_words: int) -> tuple[Word, ...]:
    """The first ``max_words`` words of a search."""
    return tuple(
        Word(word.casefold(), tuple(forms(token) for token in tokens(word)[:MAX_TOKENS]))
        for word in text.split()[:max_words]
    )


def search_terms(texts: Iterable[str]) -> str:
    """The forms of all words of a product, each after a space."""
    found = {form for text in texts for token in tokens(text) for form in forms(token)}
    return "".join(f" {form}" for form in sorted(found))


def tokens(text: str) -> list[str]:
    """The words of a text, in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(
        letter for letter in decomposed if unicodedata.category(letter) not in ("Mn", "Cf")
    )
    return _WORD.findall(bare.translate(_PLAIN_LETTERS))


def forms(token: str) -> tuple[str, ...]:
    """The word, and the singulars it may be the plural of."""
    if token in _IRREGULAR:
        return (token, _IRREGULAR[token])
    if len(token) < 4 or not token.endswith("s") or token.endswith(_SINGULAR_ENDINGS):
        return (token,)
    singulars = [token[:-1]]
    if token.endswith("ies"):
        singulars.append(f"{token[:-3]}y")
    elif token.endswith("ves"):
        singulars += [f"{token[:-3]}f", f"{token[:-3]}fe"]
    elif token.endswith(("ches", "shes", "ses", "xes", "zes")):
        singulars.append(token[:-2])
    return (token, *singulars)


class Vocabulary:
    """All words of the products; corrects misspelt words."""

    def __init__(self, terms: Iterable[str]) -> None:
        counts = Counter(term for line in terms for term in line.split())
        self._counts = counts
        self._sorted = sorted(counts)
        self._by_length: defaultdict[int, list[str]] = defaultdict(list)
        for term in counts:
            self._by_length[len(term)].append(term)

    def corrected(self, words: Sequence[Word]) -> tuple[Word, ...] | None:
        """The words with misspelt ones corrected; None when no word can be corrected."""
        corrected = tuple(self._corrected(word) for word in words)
        return None if corrected == tuple(words) else corrected

    def _corrected(self, word: Word) -> Word:
        corrections = [self._corrections(token) for token in word.tokens]
        if not any(corrections):
            return word
        corrected = tuple(
            found or token for found, token in zip(corrections, word.tokens, strict=True)
        )
        return Word(" ".join(token[0] for token in corrected), corrected)

    def _corrections(self, token: tuple[str, ...]) -> tuple[str, ...]:
        """The words that differ in one letter, the likeliest first; none for a known word."""
        written = token[0]
        if len(written) < MIN_CORRECTED_LETTERS or any(map(self._is_prefix, token)):
            return ()
        candidates = {
            term
            for form in token
            for length in (len(form) - 1, len(form), len(form) + 1)
            for term in self._by_length.get(length, ())
            if _is_one_typo_apart(form, term)
            # The first letter is rarely wrong, and many short words differ only in it.
            and (len(written) > MIN_CORRECTED_LETTERS or term[0] == written[0])
        }
        likeliest_first = sorted(
            candidates, key=lambda term: (term[0] != written[0], -self._counts[term], term)
        )
        return tuple(likeliest_first[:MAX_TOKENS])

    def _is_prefix(self, form: str) -> bool:
        index = bisect_left(self._sorted, form)
        return index < len(self._sorted) and self._sorted[index].startswith(form)


def _is_one_typo_apart(one: str, other: str) -> bool:
    """Whether one letter is added, missing or replaced, or two neighbours are swapped."""
    short, long = sorted((one, other), key=len)
    same = 0
    while same < len(short) and short[same] == long[same]:
        same += 1
    if len(short) < len(long):
        return short[same:] == long[same + 1 :]
    swapped = short[same : same + 2] == long[same : same + 2][::-1]
    return short[same + 1 :] == long[same + 1 :] or (
        swapped and short[same + 2 :] == long[same + 2 :]
    )
