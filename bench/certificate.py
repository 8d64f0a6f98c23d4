"""What a certificate costs: CPU of the worker's press against WeasyPrint used the plain way, same two pages.

Plain: a new font configuration and style sheet each time, and the art inline in the HTML, where every shape of
it goes through CSS matching. Five interleaved rounds, medians; what counts is the ratio, not the milliseconds.
"""

import io
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import fontpkg
import segno
import weasyprint
from flask import Flask
from flask_babel import Babel
from weasyprint.text.fonts import FontConfiguration

from portal import config
from portal.certificates import press as press_module
from portal.certificates.models import Certificate
from portal.certificates.sheet import Sheet, sheet_of
from portal.certificates.signing import sign, signing_identity
from portal.config import ROOT
from portal.identity.models import Language
from portal.training import content

ROUNDS = 5
TEMPLATES = ROOT / "templates" / "certificates" / "pdf"
FONTS = {
    "regular": ("ibm-plex-sans-arabic", 400),
    "bold": ("ibm-plex-sans-arabic", 700),
    "wide": ("ibm-plex-sans", 400),
}
NAMES = {"fr": "Claire Vasseur", "ar": "نادية منصوري"}


def _lines(language: str) -> list[Any]:
    states = {6: "absent", 9: "replay", 16: "absent", 23: "excused"}
    return [
        {
            "number": lesson.number,
            "chapter": chapter.title(language),
            "title": lesson.title(language),
            "state": states.get(lesson.number, "present"),
        }
        for chapter in content.chapters()
        for lesson in chapter.lessons
    ]


def certificate(language: str) -> Certificate:
    """A certificate in a language, as the database would hold it."""
    return Certificate(
        serial="C-2027-004182",
        code="7KQ4MX2D9TRAHW5E8B3CNVGF6Y",
        printed_name=NAMES[language],
        printed_shop="",
        language=Language(language),
        programme_title="Vendre en ligne, de la vitrine au virement",
        training_minutes=660,
        counted=22,
        needed=20,
        first_on=date(2026, 10, 15),
        last_on=date(2027, 1, 21),
        lessons=_lines(language),
        issued_at=datetime(2027, 1, 21, 12, tzinfo=UTC),
    )


def _inline(html: str, sheet: Sheet, press: press_module.Press) -> str:
    """The same page with its drawings in it."""
    mirrored = sheet.direction == "rtl"
    drawings = {
        "seal": press_module.stamps_svg(sheet.marks, press._stamps, press_module._SEAL, mirrored=mirrored).decode(),  # noqa: SLF001
        "card": press_module.stamps_svg(sheet.marks, press._stamps, press_module._CARD, mirrored=mirrored).decode(),  # noqa: SLF001
        "awning": (TEMPLATES / "awning.svg").read_text(),
    }
    out = io.BytesIO()
    segno.make(sheet.verify_url, error="m", micro=False).save(out, kind="svg", border=0, xmldecl=False)
    drawings["qr"] = out.getvalue().decode()
    for name in ("seal", "qr"):
        html = re.sub(rf'<img src="certificate:/{name}.svg"[^>]*>', lambda _, name=name: drawings[name], html)
    behind = '<div style="position:absolute;top:0;left:0">{}</div>'
    html = html.replace('<section class="front">', '<section class="front">' + behind.format(drawings["awning"]))
    return html.replace(
        '<section class="back">', '<section class="back">' + behind.format(drawings["awning"] + drawings["card"])
    )


def _plain(sheet: Sheet, press: press_module.Press) -> bytes:
    """One certificate with nothing kept from the last one."""
    fonts = FontConfiguration()
    css = (TEMPLATES / "certificate.css").read_text()
    for name, (family, weight) in FONTS.items():
        css = css.replace(f"certificate:/font/{name}", Path(fontpkg.path(family, weight=weight)).as_uri())
    css = re.sub(r"background: url\(certificate:[^}]*no-repeat", "", css)
    html = press._template.render(sheet=sheet, name_size=press_module.name_size_mm(sheet.name))  # noqa: SLF001
    pdf: bytes = weasyprint.HTML(string=_inline(html, sheet, press)).write_pdf(
        stylesheets=[weasyprint.CSS(string=css, font_config=fonts)], font_config=fonts, pdf_variant="pdf/ua-1"
    )
    return pdf


def _cpu_ms(work: Callable[[], bytes]) -> float:
    start = time.process_time()
    assert work().startswith(b"%PDF")
    return (time.process_time() - start) * 1000


def _measure(language: str, press: press_module.Press) -> list[dict[str, object]]:
    sheet = sheet_of(certificate(language))
    pdf, identity = press.render(sheet), signing_identity()
    ours, plain, signing = [], [], []
    for _ in range(ROUNDS):
        ours.append(_cpu_ms(lambda: press.render(sheet)))
        plain.append(_cpu_ms(lambda: _plain(sheet, press)))
        signing.append(_cpu_ms(lambda: sign(pdf, identity, reason=sheet.title)))
    mine, theirs = statistics.median(ours), statistics.median(plain)
    suffix = "" if language == "fr" else f".{language}"
    return [
        {
            "name": f"certificate.render{suffix}",
            "value": round(mine / theirs, 3),
            "unit": "CPU of one certificate / CPU of the plain way (less is better, aim 0.40)",
            "reference": f"{mine:.0f} ms against {theirs:.0f} ms",
        },
        {
            "name": f"certificate.sign{suffix}",
            "value": round(statistics.median(signing) / theirs, 3),
            "unit": "CPU of one signature / CPU of rendering the plain way (less is better)",
            "reference": f"{statistics.median(signing):.0f} ms, ECDSA P-256",
        },
    ]


def run() -> list[dict[str, object]]:
    """Rendering and signing, in French and in Arabic: rows of name, value, unit and reference."""
    with tempfile.TemporaryDirectory() as folder:
        config.use(config.load({"COMPTOIR_INSTANCE": folder}))
        app = Flask("bench", root_path=str(ROOT / "portal"))
        Babel(app, default_locale="fr_FR")
        with app.app_context():
            return [row for language in NAMES for row in _measure(language, press_module.press())]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
