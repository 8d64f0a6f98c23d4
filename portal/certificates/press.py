"""From a sheet to an unsigned PDF. Loads WeasyPrint: imported by the worker only, never by the web process.

Fonts, style sheet and art are read once and kept: parsing them again for each certificate costs three times
the rendering itself. Whatever is not on the short list of resources is refused, and a document that asked
for it is not made: WeasyPrint swallows a refusal inside a nested fetch, so the list of refusals is read after.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import fontpkg
import jinja2
import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from portal.certificates.drawing import qr_code
from portal.certificates.errors import BlockedResourceError
from portal.certificates.sheet import MARKS, LessonEntry, Sheet
from portal.config import ROOT

_FOLDER = ROOT / "templates" / "certificates" / "pdf"
_SCHEME = "certificate:"
_ART = ("awning.svg",)
_PAGES = 2
# Laid out lessons that are kept: three or four states in each of three languages.
_MOST_CELLS = 24
_FONTS = {
    "font/regular": ("ibm-plex-sans-arabic", 400),
    "font/bold": ("ibm-plex-sans-arabic", 700),
    "font/wide": ("ibm-plex-sans", 400),
}
# A stamp is drawn 47 wide; the seal puts them 59.3 apart, the card on the second page as far as its rows are.
_STAMP, _ROW = 47.0, 5
_SEAL = (59.3, 59.3)
_CARD_MM = 9.6
_CARD = (51.0 * _STAMP / _CARD_MM, 30.0 * _STAMP / _CARD_MM)
# The largest size at which a name stays on one line beside the seal; longer ones wrap at the smallest.
_NAME_MM, _NAME_WIDTH_MM = (18.4, 16.0, 14.0, 12.0, 10.5), 178.0


class Resources(URLFetcher):
    """Answers from memory for the addresses it knows, refuses all others and remembers them."""

    def __init__(self, known: Mapping[str, tuple[str, bytes]]) -> None:
        """`known` maps a path to its content type and bytes."""
        super().__init__(allowed_protocols=(), allow_redirects=False)
        self._known = known
        self.refused: list[str] = []

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002
        """The resource at `url`; ValueError for anything not known."""
        found = self._known.get(url.removeprefix(_SCHEME)) if url.startswith(_SCHEME) else None
        if found is None:
            self.refused.append(url)
            msg = f"refused: {url}"
            raise ValueError(msg)
        content_type, body = found
        return URLFetcherResponse(url, body, {"Content-Type": content_type})


def _font(family: str, weight: int) -> bytes:
    path: Path = fontpkg.path(family, weight=weight)
    return path.read_bytes()


@cache
def _widths() -> dict[int, float]:
    """Advance of each character of the bold font, in parts of its size."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 (WeasyPrint has loaded it)

    widths: dict[int, float] = {}
    for family in ("ibm-plex-sans", "ibm-plex-sans-arabic"):
        with TTFont(fontpkg.path(family, weight=700), lazy=True) as font:
            unit, advances = font["head"].unitsPerEm, font["hmtx"]
            widths.update({point: advances[glyph][0] / unit for point, glyph in font.getBestCmap().items()})
    return widths


def name_size_mm(name: str) -> float:
    """The type size of a name in millimetres: the largest that keeps it on one line, else the smallest."""
    ems = sum(_widths().get(ord(character), 1.0) for character in name)
    return next((size for size in _NAME_MM if ems * size <= _NAME_WIDTH_MM), _NAME_MM[-1])


def stamps_svg(
    marks: tuple[str, ...], stamps: Mapping[str, str], pitch: tuple[float, float], *, mirrored: bool
) -> bytes:
    """The stamps as one drawing, five a row, beginning where reading begins; `pitch` is from one to the next."""
    rows = -(-len(marks) // _ROW)
    side, height = pitch[0] * (_ROW - 1) + _STAMP, pitch[1] * (rows - 1) + _STAMP
    drawn = []
    for index, mark in enumerate(marks):
        row, column = divmod(index, _ROW)
        x = pitch[0] * (_ROW - 1 - column if mirrored else column)
        drawn.append(f'<g transform="translate({x:.2f} {pitch[1] * row:.2f})">{stamps[mark]}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side:.2f} {height:.2f}" '
        f'width="{side:.2f}" height="{height:.2f}">{"".join(drawn)}</svg>'
    ).encode()


def qr_svg(address: str) -> bytes:
    """The address as a QR code in the ink of the page."""
    code = qr_code(address)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {code.size} {code.size}" width="{code.size}" '
        f'height="{code.size}"><path stroke="#16201b" d="{code.path}"/></svg>'
    ).encode()


class Press:
    """Everything that can be kept between two certificates. One at a time: Pango's font map is not shared safely."""

    def __init__(self) -> None:
        """Read fonts, style sheet, template and art."""
        self._lock = threading.Lock()
        self._art = {f"/{name}": ("image/svg+xml", (_FOLDER / name).read_bytes()) for name in _ART}
        fonts = {f"/{path}": ("font/ttf", _font(*which)) for path, which in _FONTS.items()}
        self._stamps = {
            mark: re.sub(r"^<svg[^>]*>|</svg>\s*$", "", (_FOLDER / f"stamp-{mark}.svg").read_text()) for mark in MARKS
        }
        self._fonts = FontConfiguration()
        fetcher = Resources({**self._art, **fonts})
        style = (_FOLDER / "certificate.css").read_text()
        self._style = weasyprint.CSS(string=style, base_url=f"{_SCHEME}/", font_config=self._fonts, url_fetcher=fetcher)
        _refuse(fetcher.refused)
        self._images: dict[str, Any] = {}
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("certificate.html")
        self._cells: OrderedDict[object, list[list[Any]]] = OrderedDict()

    def render(self, sheet: Sheet, *, reuse: bool = True) -> bytes:
        """The PDF: two pages, tagged (PDF/UA-1). Raises BlockedResourceError when it asked for anything else.

        Laying out the 25 lessons is a third of the work and depends on little: with `reuse`, the boxes of each
        lesson in each state are laid out once for a language and set into the page. Without, the result is the
        same, and a test holds it.
        """
        with self._lock:
            if not reuse:
                return self._write(self._lay_out(sheet))
            bare = tuple(replace(chapter, lessons=()) for chapter in sheet.chapters)
            document = self._lay_out(replace(sheet, chapters=bare))
            for row, (box, chapter) in enumerate(zip(_lists(document), sheet.chapters, strict=True)):
                box.children = [
                    self._lessons_in(sheet, entry)[row][column] for column, entry in enumerate(chapter.lessons)
                ]
            return self._write(document)

    def _lay_out(self, sheet: Sheet) -> Any:
        mirrored = sheet.direction == "rtl"
        drawings = {
            "/seal.svg": stamps_svg(sheet.marks, self._stamps, _SEAL, mirrored=mirrored),
            "/card.svg": stamps_svg(sheet.marks, self._stamps, _CARD, mirrored=mirrored),
            "/qr.svg": qr_svg(sheet.verify_url),
        }
        own = {path: ("image/svg+xml", drawing) for path, drawing in drawings.items()}
        fetcher = Resources({**self._art, **own})
        html = self._template.render(sheet=sheet, name_size=name_size_mm(sheet.name))
        # The art stays in the cache; the seal, the card and the QR code are this certificate's own.
        images = dict(self._images)
        source = weasyprint.HTML(string=html, base_url=f"{_SCHEME}/", url_fetcher=fetcher)
        document = source.render(stylesheets=[self._style], font_config=self._fonts, cache=images)
        _refuse(fetcher.refused)
        self._images = {url: image for url, image in images.items() if url.removeprefix(_SCHEME) not in own}
        if len(document.pages) != _PAGES:
            msg = f"certificate {sheet.serial} has {len(document.pages)} pages instead of {_PAGES}"
            raise ValueError(msg)
        return document

    def _write(self, document: Any) -> bytes:
        fetcher: Resources = document.url_fetcher
        pdf: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
        _refuse(fetcher.refused)
        return pdf

    def _lessons_in(self, sheet: Sheet, entry: LessonEntry) -> list[list[Any]]:
        """The laid out boxes of all lessons, as if each were in the state of `entry`: rows of five."""
        titles = tuple((chapter.title, *(lesson.title for lesson in chapter.lessons)) for chapter in sheet.chapters)
        key = (sheet.language, titles, entry.words)
        if key not in self._cells:
            chapters = tuple(
                replace(chapter, lessons=tuple(replace(lesson, words=entry.words) for lesson in chapter.lessons))
                for chapter in sheet.chapters
            )
            self._cells[key] = [box.children for box in _lists(self._lay_out(replace(sheet, chapters=chapters)))]
        self._cells.move_to_end(key)
        while len(self._cells) > _MOST_CELLS:
            self._cells.popitem(last=False)
        return self._cells[key]


def _lists(document: Any) -> list[Any]:
    """The boxes of the lists on the second page, one a chapter."""
    page = document.pages[1]._page_box  # noqa: SLF001 (WeasyPrint has no public access to its boxes)
    return [box for box in page.descendants() if box.element_tag == "ul"]


def _refuse(addresses: list[str]) -> None:
    if addresses:
        msg = f"the certificate asked for {', '.join(sorted(set(addresses)))}"
        raise BlockedResourceError(msg)


@cache
def press() -> Press:
    """The press of this process."""
    return Press()
