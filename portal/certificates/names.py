"""The printed name: what may stand on a certificate, and why the rest is refused.

A name is shown to people who verify it, so it must not read as something else than it is: no bidirectional
controls, no invisible characters (a joiner only between Arabic letters, where it shapes them), no mix of
scripts that look alike inside one word, and only letters that the embedded fonts can draw.
"""

import re
import unicodedata
from functools import cache

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.certificates.errors import NameRefusedError

FEWEST_LETTERS = 2
MOST_LETTERS = 60
# With spaces, hyphens and marks; also what the column holds.
_LONGEST = 120
# On one letter, behind the ones Unicode composes with it: Arabic has a shadda and a vowel.
_MOST_MARKS = 2

FONT_FAMILIES = ("ibm-plex-sans-arabic", "ibm-plex-sans")
"""Names for fontpkg, the first that can draw a character is used."""

_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_JOINERS = "\u200c\u200d"
_SPACES = re.compile(r"[ \u00a0\u202f]+")
# What stands in names besides letters and their marks: O’Neill, Jean-Pierre, J. Martin, Gal·la.
_PUNCTUATION = frozenset(" -'’ʼ.·")
_LOOKS_LIKE_ADDRESS = re.compile(r"@|://|\bwww\.", re.IGNORECASE)


def _scripts(word: str) -> set[str]:
    """The scripts of the letters of a word, by the first word of their Unicode names."""
    return {unicodedata.name(letter, "").split(" ")[0] for letter in word if letter.isalpha()} - {"MODIFIER"}


@cache
def _drawable() -> frozenset[int]:
    """Code points that one of the embedded fonts has a glyph for."""
    import fontpkg  # noqa: PLC0415 (only where a name is checked)
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    points: set[int] = set()
    for family in FONT_FAMILIES:
        with TTFont(fontpkg.path(family, weight=700), lazy=True) as font:
            points.update(font.getBestCmap())
    return frozenset(points)


def _joiner_misplaced(name: str) -> bool:
    for index, character in enumerate(name):
        if character not in _JOINERS:
            continue
        around = name[max(index - 1, 0) : index] + name[index + 1 : index + 2]
        if len(around) != 2 or any("ARABIC" not in unicodedata.name(letter, "") for letter in around):  # noqa: PLR2004
            return True
    return False


def _marks_misplaced(name: str) -> bool:
    """Whether a mark stands on no letter, or so many on one that they would cover the lines around it."""
    run = 0
    on_letter = False
    for character in name:
        if unicodedata.category(character).startswith("M"):
            run += 1
            if not on_letter or run > _MOST_MARKS:
                return True
        else:
            run, on_letter = 0, character.isalpha()
    return False


def _unprintable(name: str) -> str:
    """The first character that has no place on a certificate, or an empty string."""
    for character in name:
        if character in _JOINERS or character in _PUNCTUATION:
            continue
        letter_or_mark = unicodedata.category(character)[0] in "LM"
        # Compatibility characters (ligatures, full width, mathematical letters) only look like letters.
        plain = unicodedata.normalize("NFKC", character) == character
        if not letter_or_mark or not plain or ord(character) not in _drawable():
            return character
    return ""


def _complaint(name: str) -> LazyString | None:
    letters = sum(character.isalpha() for character in name)
    wrong = _unprintable(name)
    faults = (
        (_LOOKS_LIKE_ADDRESS.search(name), _l("That looks like an address. Write your first and last name.")),
        (any(character.isdigit() for character in name), _l("A name has no digits. Write your first and last name.")),
        (
            wrong,
            _l("“%(character)s” cannot be printed. Write this name with other letters.", character=wrong)
            if wrong.isprintable()
            else _l("There is an invisible character in this name. Delete it and type it again."),
        ),
        (_joiner_misplaced(name), _l("There is an invisible character in this name. Delete it and type it again.")),
        (_marks_misplaced(name), _l("There is an accent too many in this name. Type it again.")),
        (
            any(len(_scripts(word)) > 1 for word in re.split(r"[ \-]", name)),
            _l("One word mixes two alphabets. Write it in one."),
        ),
        (letters < FEWEST_LETTERS, _l("Write your first and last name, at least two letters.")),
        (
            letters > MOST_LETTERS or len(name) > _LONGEST,
            _l("That is more than %(most)d letters. Shorten one of the first names.", most=MOST_LETTERS),
        ),
    )
    return next((message for wrong, message in faults if wrong), None)


def printed_name(typed: str) -> str:
    """The name as it will be printed: NFC, single spaces, trimmed.

    Raises NameRefusedError, whose message says what to change.
    """
    if _BIDI.search(typed):
        raise NameRefusedError(_l("There is an invisible character in this name. Delete it and type it again."))
    name = _SPACES.sub(" ", unicodedata.normalize("NFC", typed)).strip()
    complaint = _complaint(name)
    if complaint is not None:
        raise NameRefusedError(complaint)
    return name


def printed_shop(typed: str) -> str:
    """The line under the name, shop and town as the holder writes them; may be empty.

    Digits and a few signs are welcome here (`Le 36, Sète`). Raises NameRefusedError as `printed_name` does.
    """
    if _BIDI.search(typed) or any(character in _JOINERS for character in typed):
        raise NameRefusedError(_l("There is an invisible character in this line. Delete it and type it again."))
    line = _SPACES.sub(" ", unicodedata.normalize("NFC", typed)).strip()
    if len(line) > MOST_LETTERS:
        raise NameRefusedError(_l("That is more than %(most)d characters.", most=MOST_LETTERS))
    if _LOOKS_LIKE_ADDRESS.search(line):
        raise NameRefusedError(_l("Write the shop and its town, without an address on the web."))
    for character in line:
        if not character.isprintable() or ord(character) not in _drawable():
            raise NameRefusedError(
                _l("“%(character)s” cannot be printed. Write it with other letters.", character=character)
            )
    return line
