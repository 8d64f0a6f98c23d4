"""Text that people typed, made comparable and safe to print."""

import re
import unicodedata

# Bidirectional overrides and isolates can make a printed name read as another one.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SPACES = re.compile(r"\s+")


def clean_line(text: str) -> str:
    """One line, NFC, without control or bidi characters, runs of white space as one space."""
    without = _CONTROL.sub("", _BIDI_CONTROLS.sub("", unicodedata.normalize("NFC", text)))
    return _SPACES.sub(" ", without).strip()


def clean_text(text: str) -> str:
    """Several lines, NFC, line feeds as line ends, without control or bidi characters, trimmed."""
    normal = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", _BIDI_CONTROLS.sub("", normal)).strip()


def slugify(text: str, *, longest: int = 60) -> str:
    """An address part: lower case, letters of any script and digits, hyphens; `-` when nothing is left.

    Latin accents are folded away; Arabic letters stay as they are (browsers show them).
    """
    folded = "".join(
        character for character in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(character)
    )
    words = re.findall(r"[^\W_]+", folded)
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > longest:
            break
        slug = longer
    return slug or (words[0][:longest] if words else "-")


def comparable(text: str) -> str:
    """Text for finding names: case, accents and the ways to write an Arabic letter make no difference."""
    folded = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    return folded.replace("ى", "ي").replace("ة", "ه")


def initials(name: str) -> str:
    """Up to two capitals for an avatar: first letters of the first and the last word."""
    words = [word for word in re.split(r"[\s\-]+", name.strip()) if word and word[0].isalnum()]
    if not words:
        return "?"
    if len(words) == 1:
        return words[0][:1].upper()
    return (words[0][:1] + words[-1][:1]).upper()
