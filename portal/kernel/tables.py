"""Tables as spreadsheets read and write them: comma-separated text, kept harmless on both ways."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

# The mark at the beginning of a file that tells Excel it is UTF-8.
BYTE_ORDER_MARK = "\ufeff"
# What a spreadsheet takes for the beginning of a formula; the wide forms too, as some locales do.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# No text holds these; a picture, an archive or a workbook does within its first bytes.
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_QUOTED = re.compile(r'"[^"]*"')
_SEPARATORS = (";", ",")


def safe_cell(text: str) -> str:
    """Text that no spreadsheet runs: what would begin a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_line(cells: Iterable[object]) -> str:
    """One line of a file, every cell in quotes. Numbers stay as they are, text is made safe."""
    file = io.StringIO()
    values = [safe_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow(values)
    return file.getvalue()


class TableFault(StrEnum):
    """Why a file is no table."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_TEXT = "not_text"
    TOO_MANY_LINES = "too_many_lines"
    TOO_MANY_COLUMNS = "too_many_columns"
    BROKEN = "broken"


class UnreadableTableError(ValueError):
    """A file that is no table, or more of one than is taken; `line` is where, from 1, when that is known."""

    def __init__(self, fault: TableFault, line: int = 0) -> None:
        """Keep the fault and where it is."""
        super().__init__(f"{fault} at line {line}")
        self.fault, self.line = fault, line


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not empty, with the number of the line it begins on."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read: bytes of the file, rows, cells of a row."""

    most_bytes: int
    most_rows: int
    most_columns: int


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _BINARY.search(text):
            break
        return text
    raise UnreadableTableError(TableFault.NOT_TEXT)


def _separator(text: str) -> str:
    """The one that stands more often in the first line that has any, quoted cells apart."""
    bare = _QUOTED.sub("", text)
    telling = next((line for line in bare.splitlines() if any(one in line for one in _SEPARATORS)), "")
    return max(_SEPARATORS, key=telling.count)


def _rows(text: str, separator: str, limits: Limits) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for cells in reader:
            if len(cells) > limits.most_columns:
                raise UnreadableTableError(TableFault.TOO_MANY_COLUMNS, begins)
            if any(cell.strip() for cell in cells):
                yield Row(begins, tuple(cell.strip() for cell in cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        # A quotation mark that is never closed, text after a closed one, or a cell without end.
        raise UnreadableTableError(TableFault.BROKEN, begins) from error


def read_table(data: bytes, limits: Limits) -> Sequence[Row]:
    """The rows of a file that are not empty: UTF-8 (with or without its mark) or Windows-1252, `,` or `;`.

    Raises UnreadableTableError for what is no such table, or larger than the limits.
    """
    if len(data) > limits.most_bytes:
        raise UnreadableTableError(TableFault.TOO_LARGE)
    text = _decoded(data)
    rows: list[Row] = []
    for row in _rows(text, _separator(text), limits):
        if len(rows) == limits.most_rows:
            raise UnreadableTableError(TableFault.TOO_MANY_LINES, row.number)
        rows.append(row)
    if not rows:
        raise UnreadableTableError(TableFault.EMPTY)
    return rows
