"""The portal's messages: `make messages` brings the catalogues up to date with the code and the templates.

What is new appears without a translation, what is gone is dropped, and nothing is guessed: `make test` names whatever
is not translated yet.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "portal" / "translations"
KEYWORDS = ("_l", "lazy_gettext", "lazy_ngettext:1,2")
# Babel's own rule for Arabic is wrong from 3 on; these are CLDR's.
PLURALS = {
    "fr": (2, "(n > 1)"),
    "en": (2, "(n != 1)"),
    "ar": (6, "(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5)"),
}
SOURCE_LANGUAGE = "en"
WIDTH = 110


def extract() -> polib.POFile:
    """Every message of the code and the templates, without a translation."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "messages.pot"
        keywords = [part for keyword in KEYWORDS for part in ("--keyword", keyword)]
        options = ["--mapping-file", "babel.cfg", "--no-location", "--omit-header", *keywords]
        command = [
            sys.executable,
            "-m",
            "babel.messages.frontend",
            "--quiet",
            "extract",
            *options,
            "--output-file",
            str(target),
        ]
        subprocess.run([*command, "portal", "templates"], cwd=ROOT, check=True)
        return polib.pofile(str(target))


def catalogue(language: str) -> Path:
    """Where the messages of a language are."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def _translated(entry: polib.POEntry, old: polib.POEntry | None, language: str) -> polib.POEntry:
    flags = [flag for flag in entry.flags if flag != "fuzzy"]
    new = polib.POEntry(msgid=entry.msgid, msgid_plural=entry.msgid_plural, flags=flags)
    forms = PLURALS[language][0]
    if not entry.msgid_plural:
        new.msgstr = old.msgstr if old else ""
        if language == SOURCE_LANGUAGE:
            new.msgstr = new.msgstr or entry.msgid
    elif language == SOURCE_LANGUAGE:
        new.msgstr_plural = {0: entry.msgid, 1: entry.msgid_plural}
    else:
        kept = old.msgstr_plural if old and len(old.msgstr_plural) == forms else {}
        new.msgstr_plural = {form: kept.get(form, "") for form in range(forms)}
    return new


def update(language: str, messages: polib.POFile) -> int:
    """Rewrite one catalogue; returns how many messages still wait for a translation."""
    path = catalogue(language)
    old = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    forms, rule = PLURALS[language]
    new = polib.POFile(wrapwidth=WIDTH)
    new.metadata = {
        "Project-Id-Version": "Comptoir",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": f"nplurals={forms}; plural={rule};",
    }
    new.extend(_translated(entry, old.get(entry.msgid), language) for entry in messages)
    new.sort(key=lambda entry: str(entry.msgid).lower())
    path.parent.mkdir(parents=True, exist_ok=True)
    new.save(str(path))
    return len(new) - len(new.translated_entries())


def main() -> int:
    """Update every catalogue and say what waits."""
    messages = extract()
    for language in PLURALS:
        print(f"{language}: {update(language, messages)} of {len(messages)} messages wait for a translation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
