"""Tables for spreadsheets: what leaves runs nothing, what comes in is a table or is refused with its line."""

import csv
import io
import zlib
from decimal import Decimal

import pytest

from portal.kernel.tables import BYTE_ORDER_MARK, Limits, TableFault, UnreadableTableError, csv_line, read_table

LIMITS = Limits(most_bytes=100_000, most_rows=5, most_columns=4)


def cells(data):
    return [row.cells for row in read_table(data, LIMITS)]


def fault_of(data, limits=LIMITS):
    with pytest.raises(UnreadableTableError) as refused:
        read_table(data, limits)
    return refused.value.fault, refused.value.line


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_is_made_text(first):
    line = csv_line([f"{first}1+1", "plain"])
    assert next(csv.reader(io.StringIO(line, newline=""))) == [f"'{first}1+1", "plain"]


def test_everything_is_quoted_and_numbers_keep_their_sign():
    assert csv_line(['He said "hi"', -3, Decimal("-0.50"), ""]) == '"He said ""hi""","-3","-0.50",""\r\n'


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_both_separators_all_line_ends_and_encodings_read_the_same(separator, ending, encoding):
    text = ending.join([separator.join(("a@b.fr", "Élise")), "", separator.join(('"c@d.fr"', " Zoé "))])
    assert cells(text.encode(encoding)) == [("a@b.fr", "Élise"), ("c@d.fr", "Zoé")]


def test_the_separator_inside_quotes_does_not_decide():
    assert cells(b'"a, b, c";d\n') == [("a, b, c", "d")]


def test_rows_know_the_line_they_begin_on():
    rows = read_table(b'a,"two\nlines"\n\n,\nb,c\n', LIMITS)
    assert [(row.number, row.cells[0]) for row in rows] == [(1, "a"), (5, "b")]


def test_what_is_no_table_is_refused():
    picture = b"\x89PNG\r\n\x1a\n" + zlib.compress(bytes(1000))
    assert fault_of(picture) == (TableFault.NOT_TEXT, 0)
    assert fault_of(b"\xff\xd8\xff\xe0\x00\x10JFIF") == (TableFault.NOT_TEXT, 0)
    assert fault_of(b"PK\x03\x04workbook") == (TableFault.NOT_TEXT, 0)
    assert fault_of("a,b".encode("utf-16")) == (TableFault.NOT_TEXT, 0)
    assert fault_of(b"a@b.fr,nul\x00inside") == (TableFault.NOT_TEXT, 0)
    assert fault_of(b"undefined in Windows-1252: \x81") == (TableFault.NOT_TEXT, 0)
    for nothing in (b"", b"\n\n", BYTE_ORDER_MARK.encode(), b";;;\n"):
        assert fault_of(nothing) == (TableFault.EMPTY, 0)


def test_more_than_the_limits_is_refused_where_it_is():
    assert fault_of(b"x" * 100_001) == (TableFault.TOO_LARGE, 0)
    assert fault_of(b"a\n" * 6) == (TableFault.TOO_MANY_LINES, 6)
    assert len(cells(b"a\n" * 5)) == 5
    assert fault_of(b"a\n" + b"," * 10_000) == (TableFault.TOO_MANY_COLUMNS, 2)


def test_a_quotation_mark_that_never_ends_is_refused_where_it_begins():
    assert fault_of(b'a,b\nc,"d\n' + b"e,f\n" * 4) == (TableFault.BROKEN, 2)
    assert fault_of(b'a,b\n"c"d,e\n') == (TableFault.BROKEN, 2)
    endless = Limits(most_bytes=10**6, most_rows=5, most_columns=4)
    assert fault_of(b'a\n"' + b"x" * 200_000 + b'"', endless) == (TableFault.BROKEN, 2)
