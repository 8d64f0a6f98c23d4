"""The QR code as one path, for the PDF and for the page."""

from dataclasses import dataclass
from itertools import groupby

import segno


@dataclass(frozen=True, slots=True)
class QRCode:
    """`size` modules a side; `path` strokes the dark ones, one module wide. No quiet zone: the page leaves it."""

    size: int
    path: str


def qr_code(address: str) -> QRCode:
    """The QR code of an address, readable with a seventh of it damaged (level M)."""
    rows = [bytes(row) for row in segno.make(address, error="m", micro=False).matrix]
    strokes = []
    for y, row in enumerate(rows):
        x = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                strokes.append(f"M{x} {y}.5h{length}")
            x += length
    return QRCode(len(rows), "".join(strokes))
