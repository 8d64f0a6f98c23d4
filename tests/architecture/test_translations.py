"""Every message is whole in every language: none missing, none guessed, each placeholder kept."""

import gettext
import re
from collections.abc import Iterator
from functools import cache

import polib
import pytest

from scripts import messages

LANGUAGES = ("fr", "en", "ar")
FORMS = {"fr": 2, "en": 2, "ar": 6}
_PLACEHOLDER = re.compile(r"%\([a-z_0-9]+\)[-#0 +]*\d*(?:\.\d+)?[a-z]|\{[a-z_0-9]*\}|</?[a-z]+")
_BARE_PERCENT = re.compile(r"%(?!%|\()")
# French keeps these signs to the word before them with a non-breaking space.
_FRENCH_SIGN = re.compile(r"[^\s\u00a0\u202f?!.:/«(][ ]?[?!»;]|\w[ ]?:(?=\s|$)|[\w)s] (?:%%|€)|« |\w ?»")
# Words of the house that have a look-alike which is not used.
NOT_SAID = {"fr": ("séance", "formateur", "panier d'achat"), "ar": ("حصة", "حصص", "الحصة"), "en": ("webinar",)}


@cache
def extracted() -> polib.POFile:
    return messages.extract()


@cache
def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(messages.catalogue(language)))


def texts(entry: polib.POEntry) -> list[str]:
    return [entry.msgstr_plural[form] for form in sorted(entry.msgstr_plural)] if entry.msgid_plural else [entry.msgstr]


def untranslated(entry: polib.POEntry, forms: int) -> bool:
    given = texts(entry)
    return len(given) != (forms if entry.msgid_plural else 1) or not all(given)


def placeholder_mistakes(entry: polib.POEntry) -> Iterator[str]:
    """A form for exactly none, one or two may leave the number out; the last form holds everything."""
    given = texts(entry)
    wanted = set(_PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
    for form, text in enumerate(given):
        found = set(_PLACEHOLDER.findall(text))
        last = form == len(given) - 1
        if not text:
            continue
        if found != wanted if last else not found <= wanted:
            yield f"{entry.msgid!r}: {sorted(wanted ^ found)}"


def percent_mistakes(entry: polib.POEntry) -> Iterator[str]:
    """A single % in a formatted message raises when it is shown."""
    for text in texts(entry):
        if _BARE_PERCENT.search(text.replace("%%", "")):
            yield f"{entry.msgid!r}: {text!r}"


def french_mistakes(entry: polib.POEntry) -> Iterator[str]:
    for text in texts(entry):
        found = _FRENCH_SIGN.search(re.sub(r"https?://\S+|\S+@\S+|&[a-z#0-9]+;", "", text))
        if found:
            yield f"{text!r}: {found[0]!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_exactly_the_messages_of_the_code(language):
    wanted = {entry.msgid for entry in extracted()}
    given = {entry.msgid for entry in catalogue(language)}
    assert sorted(wanted ^ given) == [], "type `make messages`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language):
    entries = catalogue(language)
    assert [entry.msgid for entry in entries if untranslated(entry, FORMS[language])] == []
    assert [entry.msgid for entry in entries if entry.fuzzy or entry.obsolete] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_tags_are_kept(language):
    assert [mistake for entry in catalogue(language) for mistake in placeholder_mistakes(entry)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_percent_signs_are_doubled(language):
    assert [mistake for entry in catalogue(language) for mistake in percent_mistakes(entry)] == []


def test_french_signs_keep_to_their_word():
    assert [mistake for entry in catalogue("fr") for mistake in french_mistakes(entry)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_the_house_are_used(language):
    said = [
        text
        for entry in catalogue(language)
        for text in texts(entry)
        if any(word in text.lower() for word in NOT_SAID[language])
    ]
    assert said == []


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("fr", {0: 0, 1: 0, 2: 1, 100: 1}),
        ("en", {0: 1, 1: 0, 2: 1, 100: 1}),
        ("ar", {0: 0, 1: 1, 2: 2, 3: 3, 10: 3, 11: 4, 99: 4, 100: 5, 101: 5, 102: 5, 103: 3, 111: 4}),
    ],
)
def test_plural_forms_follow_the_language(language, forms):
    header = catalogue(language).metadata["Plural-Forms"]
    count, rule = re.fullmatch(r"nplurals=(\d); plural=(.*);", header).groups()
    choose = gettext.c2py(rule)
    assert int(count) == FORMS[language]
    assert {number: choose(number) for number in forms} == forms


def test_the_checks_find_seeded_mistakes():
    plural = polib.POEntry(msgid="%(num)d x", msgid_plural="%(num)d xs", msgstr_plural={0: "un x", 1: "des x"})
    assert list(placeholder_mistakes(plural))
    assert list(placeholder_mistakes(polib.POEntry(msgid="%(name)s: <b>x</b>", msgstr="%(nom)s : <b>x</b>")))
    assert untranslated(polib.POEntry(msgid="x", msgid_plural="xs", msgstr_plural={0: "x", 1: "x"}), forms=6)
    assert list(percent_mistakes(polib.POEntry(msgid="x", msgstr="100 % sûr")))
    for wrong in ("Pourquoi ?", "Pourquoi?", "Ici : là", "12 €", "« mot »"):
        assert list(french_mistakes(polib.POEntry(msgid="x", msgstr=wrong))), wrong
    for right in ("Pourquoi\u00a0?", "Ici\u00a0: là", "10:30", "12\u00a0€", "«\u00a0mot\u00a0»", "Voilà…", "(%(x)s)"):
        assert not list(french_mistakes(polib.POEntry(msgid="x", msgstr=right))), right
