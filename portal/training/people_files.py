"""Files of people as organisers have them: e-mail, name, language, from whatever spreadsheet they keep."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l

from portal.identity.models import Language
from portal.kernel import text
from portal.kernel.tables import Limits, Row, TableFault, UnreadableTableError, read_table
from portal.training.errors import BadFileError

MOST_PEOPLE = 2000
MOST_BYTES = 1024 * 1024
LONGEST_NAME = 80
_LONGEST_EMAIL = 254
# What is kept of a cell that is too long, to show where it went wrong.
_LONGEST_KEPT = 300
_MOST_COLUMNS = 40
_COLUMNS = ("email", "name", "language")
_HEADERS = {
    "email": (
        "email",
        "mail",
        "courriel",
        "adresseemail",
        "adressemail",
        "adresse",
        "emailaddress",
        "البريدالالكتروني",
    ),
    "name": ("name", "nom", "nomcomplet", "nometprenom", "prenometnom", "fullname", "lastname", "surname", "الاسم"),
    "first_name": ("prenom", "firstname", "givenname", "الاسمالشخصي"),
    "language": ("language", "langue", "lang", "اللغه", "لغه"),
}
_LANGUAGES = {
    Language.FRENCH: ("fr", "francais", "french", "الفرنسيه"),
    Language.ENGLISH: ("en", "anglais", "english", "الانجليزيه"),
    Language.ARABIC: ("ar", "arabe", "arabic", "العربيه"),
}
_NO_LETTER = re.compile(r"[\W_]+")
_FAULTS = {
    TableFault.EMPTY: _l("This file is empty. Put one person on each line: e-mail; name; language."),
    TableFault.TOO_LARGE: _l("This file is larger than 1 MB. Split it, and import the parts one after the other."),
    TableFault.NOT_TEXT: _l("This is not a text file. In your spreadsheet, choose “Save as”, then CSV."),
    TableFault.TOO_MANY_LINES: _l("This file has more than 2,000 people. Split it, and import the parts one by one."),
    TableFault.TOO_MANY_COLUMNS: _l("This file has too many columns. Keep three: e-mail; name; language."),
}


class LineFault(StrEnum):
    """Why a line cannot be imported."""

    WRONG_EMAIL = "wrong_email"
    LONG_NAME = "long_name"
    UNKNOWN_LANGUAGE = "unknown_language"
    TWICE = "twice"


@dataclass(frozen=True, slots=True)
class Line:
    """One person of a file; `language` as it was written while there is a fault, else a code (or none)."""

    number: int
    email: str
    name: str
    language: str
    fault: LineFault | None

    def as_json(self) -> dict[str, Any]:
        """As the import keeps it."""
        return asdict(self)


def line_from(kept: dict[str, Any]) -> Line:
    """A line as the import kept it."""
    return Line(**{**kept, "fault": LineFault(kept["fault"]) if kept["fault"] else None})


def _plain(cell: str) -> str:
    return _NO_LETTER.sub("", text.comparable(cell))


def _header(row: Row) -> dict[str, int] | None:
    """Where the columns are, when this row names them: at least the e-mail's."""
    cells = [_plain(cell) for cell in row.cells]
    found = {
        column: next(index for index, cell in enumerate(cells) if cell in names)
        for column, names in _HEADERS.items()
        if any(cell in names for cell in cells)
    }
    return found if "email" in found else None


def _columns(rows: Sequence[Row]) -> tuple[dict[str, int], int]:
    """Where the columns are, and at which row the people begin. BadFileError for a table of something else."""
    named = _header(rows[0])
    if named is not None:
        return named, 1
    if "@" in rows[0].cells[0]:
        return {column: index for index, column in enumerate(_COLUMNS)}, 0
    raise BadFileError(
        _l("The first line should name the columns: e-mail; name; language. No column is called e-mail here.")
    )


def _check_width(rows: Sequence[Row], width: int) -> None:
    for row in rows:
        if any(row.cells[width:]):
            raise BadFileError(
                _l(
                    "Line %(line)s has more cells than there are columns. Put a name with a comma in quotes.",
                    line=row.number,
                )
            )


def _email(cell: str) -> str | None:
    """The address in its normal form, None when it cannot be one."""
    if len(cell) > _LONGEST_EMAIL:
        return None
    try:
        return validate_email(cell, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        return None


def _language(cell: str) -> str | None:
    """A language's code, nothing for an empty cell, None for one that the portal does not speak."""
    plain = _plain(cell)
    if not plain:
        return ""
    return next((str(code) for code, names in _LANGUAGES.items() if plain in names), None)


def _line(row: Row, columns: dict[str, int], seen: set[str]) -> Line:
    cells = {
        column: text.clean_line(row.cells[index]) if index < len(row.cells) else "" for column, index in columns.items()
    }
    email, language = cells["email"], cells.get("language", "")
    name = " ".join(filter(None, (cells.get("first_name"), cells.get("name"))))
    address, code = _email(email), _language(language)
    fault = None
    if address is None:
        fault = LineFault.WRONG_EMAIL
    elif address in seen:
        fault = LineFault.TWICE
    elif len(name) > LONGEST_NAME:
        fault = LineFault.LONG_NAME
    elif code is None:
        fault = LineFault.UNKNOWN_LANGUAGE
    else:
        seen.add(address)
    return Line(
        row.number,
        (address or email)[:_LONGEST_KEPT],
        name[:_LONGEST_KEPT],
        (language if code is None else code)[:_LONGEST_KEPT],
        fault,
    )


def read_people(data: bytes) -> list[Line]:
    """The people of a file in its order, each with what is wrong with their line.

    Raises BadFileError, in words, for a file of another shape: not text, no e-mail column, too large.
    """
    try:
        rows = read_table(data, Limits(MOST_BYTES, MOST_PEOPLE + 1, _MOST_COLUMNS))
    except UnreadableTableError as error:
        broken = _l(
            "From line %(line)s on, this is no table: a quotation mark is missing there, or one too many.",
            line=error.line,
        )
        raise BadFileError(_FAULTS.get(error.fault, broken)) from error
    columns, first = _columns(rows)
    people = rows[first:]
    if not people:
        raise BadFileError(_FAULTS[TableFault.EMPTY])
    if len(people) > MOST_PEOPLE:
        raise BadFileError(_FAULTS[TableFault.TOO_MANY_LINES])
    _check_width(people, len(rows[0].cells) if first else len(_COLUMNS))
    seen: set[str] = set()
    return [_line(row, columns, seen) for row in people]
