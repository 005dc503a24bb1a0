"""How a search is compared with what the goods are called.

Capitals, accents and joiners do not count, a plural finds its singular and the other way round.
A word that is nowhere in the shop is looked for with one letter wrong.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MIN_MISSPELT = 4
"""Letters a word must have before it can be a misspelt one: shorter ones are too much alike."""
MAX_TOKENS = 8

_WORD = re.compile(r"\w+")
# Letters that Unicode does not take apart into a letter and an accent.
_PLAIN = str.maketrans(
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

    ``written`` is what was typed; ``tokens`` are the words in it, each with the forms of which
    one must begin a word of the product.
    """

    written: str
    tokens: tuple[tuple[str, ...], ...] = ()


def searched(text: str, *, most: int) -> tuple[Word, ...]:
    """The words of a search, at most so many."""
    return tuple(
        Word(word.casefold(), tuple(forms(token) for token in tokens(word)[:MAX_TOKENS]))
        for word in text.split()[:most]
    )


def search_terms(texts: Iterable[str]) -> str:
    """The forms of all words of a product, each with a space before it."""
    found = {form for text in texts for token in tokens(text) for form in forms(token)}
    return "".join(f" {form}" for form in sorted(found))


def tokens(text: str) -> list[str]:
    """The words of a text in small letters without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(one for one in letters if unicodedata.category(one) not in ("Mn", "Cf"))
    return _WORD.findall(bare.translate(_PLAIN))


def forms(token: str) -> tuple[str, ...]:
    """The word, and what it may be the plural of."""
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
    """All words of the goods, and the nearest ones to a misspelt word."""

    def __init__(self, terms: Iterable[str]) -> None:
        counts = Counter(term for line in terms for term in line.split())
        self._counts = counts
        self._in_order = sorted(counts)
        self._by_length: defaultdict[int, list[str]] = defaultdict(list)
        for term in counts:
            self._by_length[len(term)].append(term)

    def corrected(self, words: Sequence[Word]) -> tuple[Word, ...] | None:
        """The words with the misspelt ones put right; None where that changes nothing."""
        better = tuple(self._corrected(word) for word in words)
        return None if better == tuple(words) else better

    def _corrected(self, word: Word) -> Word:
        near = [self._nearest(token) for token in word.tokens]
        if not any(near):
            return word
        put_right = tuple(found or token for found, token in zip(near, word.tokens, strict=True))
        return Word(" ".join(token[0] for token in put_right), put_right)

    def _nearest(self, token: tuple[str, ...]) -> tuple[str, ...]:
        """The words one letter away, the likeliest first; none for a word that is known."""
        written = token[0]
        if len(written) < MIN_MISSPELT or any(map(self._begins_a_word, token)):
            return ()
        candidates = {
            term
            for form in token
            for length in (len(form) - 1, len(form), len(form) + 1)
            for term in self._by_length.get(length, ())
            if _one_letter_apart(form, term)
            # Hardly anybody gets the first letter wrong, and most short words rhyme.
            and (len(written) > MIN_MISSPELT or term[0] == written[0])
        }
        likeliest_first = sorted(
            candidates, key=lambda term: (term[0] != written[0], -self._counts[term], term)
        )
        return tuple(likeliest_first[:MAX_TOKENS])

    def _begins_a_word(self, form: str) -> bool:
        place = bisect_left(self._in_order, form)
        return place < len(self._in_order) and self._in_order[place].startswith(form)


def _one_letter_apart(one: str, other: str) -> bool:
    """Whether a letter more, less, another one, or two neighbours swapped make the difference."""
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
