"""Normalising text that people typed.

Some invisible characters are part of the spelling: the joiners of Persian and of the Indic scripts
(`علی‌رضا`, `क्‍ष`), and the joiner between the emoji of a family. They are kept where they join
something. Others remain from copying and are removed at the ends. Characters that hide text or
change its direction are refused.
"""

import re
import unicodedata

ZWNJ, ZWJ = "\u200c", "\u200d"

_INVISIBLE = "\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
_UNPRINTABLE = re.compile(f"[\x00-\x1f{_INVISIBLE}]")
_UNPRINTABLE_EXCEPT_LINE_FEED = re.compile(f"[\x00-\x09\x0b-\x1f{_INVISIBLE}]")
# Left at the ends by copying: a byte order mark, zero-width spaces, direction marks.
_COPY_REMAINS = "\ufeff\u200b\u2060\u200e\u200f\u061c"
_TRIMMED = _COPY_REMAINS + "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_JOINERS = re.compile(f"[{ZWNJ}{ZWJ}]+")

VIRAMA = 9
"""The combining class of the sign after which a joiner shapes the consonant before it."""
_JOINING_SCRIPTS = (
    (0x0600, 0x08FF),  # Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic
    (0x0900, 0x0DFF),  # Devanagari to Sinhala
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Myanmar
    (0x1780, 0x1AAF),  # Khmer, Mongolian, Tai Tham
    (0x1B00, 0x1C4F),  # Balinese, Sundanese, Lepcha
    (0xA800, 0xABFF),  # Syloti Nagri to Meetei Mayek
    (0xFB50, 0xFDFF),  # Arabic presentation forms
    (0x10A00, 0x11FFF),  # Kharoshthi, Brahmi and its descendants
    (0x1E900, 0x1E95F),  # Adlam
)
_EMOJI_STYLE = "\ufe0f"
_EMOJI = ("So", "Sk", "Sm")
"""Pictures, skin tones, and the arrows that some emoji consist of."""


def normalized(value: str, *, lines: bool = False) -> str:
    """The text in NFC, trimmed, with joiners only where they join something.

    ``lines`` allows line feeds. Raises ValueError for control characters and for characters that
    hide text or change its direction.
    """
    trimmed = _JOINERS.sub(_joiner, value).strip(_TRIMMED)
    forbidden = _UNPRINTABLE_EXCEPT_LINE_FEED if lines else _UNPRINTABLE
    if forbidden.search(trimmed):
        raise ValueError("must not hold control, invisible or direction-changing characters")
    return unicodedata.normalize("NFC", trimmed)


def _joiner(match: re.Match[str]) -> str:
    """One joiner of the run if it joins something, else nothing."""
    text, joiner = match.string, match[0][0]
    before = text[match.start() - 1] if match.start() else ""
    after = text[match.end()] if match.end() < len(text) else ""
    return joiner if _joins(before, joiner, after) else ""


def _joins(before: str, joiner: str, after: str) -> bool:
    if not before:
        return False
    if unicodedata.combining(before) == VIRAMA:
        return True
    if not after:
        return False
    if _in_joining_script(before) and _in_joining_script(after):
        return True
    after_emoji = before == _EMOJI_STYLE or unicodedata.category(before) in _EMOJI
    return joiner == ZWJ and after_emoji and unicodedata.category(after) in _EMOJI


def _in_joining_script(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" and any(
        first <= ord(character) <= last for first, last in _JOINING_SCRIPTS
    )
