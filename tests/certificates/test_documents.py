"""The paper itself: what can be read from it, its signature, and that nothing from outside gets in."""

import dataclasses
import io
import re
import stat
import subprocess
import sys

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from portal import config
from portal.certificates import storage
from portal.certificates.errors import BlockedResourceError, SigningIdentityError
from portal.certificates.press import Press, name_size_mm, press
from portal.certificates.sheet import Sheet, sheet_of
from portal.certificates.signing import sign, signing_identity
from tests.builders.certificates import unsaved

ARABIC_NAME = "نادية منصوري"


@pytest.fixture
def sheet(app):
    """A sheet in any language."""

    def make(language: str = "fr", name: str = "Claire Vasseur", **facts: object) -> Sheet:
        with app.app_context():
            return sheet_of(unsaved(language, name, **facts))

    return make


def text_of(pdf: bytes, *options: str) -> str:
    """What `pdftotext` reads."""
    done = subprocess.run(["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode()


def info_of(pdf: bytes) -> str:
    """What `pdfinfo` says."""
    return subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True).stdout.decode()


def test_everything_can_be_read_from_it(sheet):
    text = text_of(press().render(sheet(shop="Le Fil de Claire, Sète")))
    for words in (
        "Claire Vasseur",
        "Le Fil de Claire, Sète",
        "C-2027-004182",
        "7KQ4-MX2D-9TRA-HW5E-8B3C-NVGF-6Y",
        "Vendre en ligne, de la vitrine au virement",
        "22 / 25",
        "localhost/v",
    ):
        assert words in text, words
    assert len(re.findall(r"^(?:[1-9]|1\d|2[0-5])\. ", text, re.MULTILINE)) == 25


def test_arabic_is_shaped_and_keeps_its_letters(sheet):
    paper = sheet("ar", ARABIC_NAME)
    text = text_of(press().render(paper))
    letters = re.sub(r"[\u200e\u200f\u202a-\u202e]", "", text)
    assert ARABIC_NAME in letters
    assert "شهادة" in letters
    assert paper.direction == "rtl"


def test_it_is_tagged_and_says_its_language_and_title(sheet):
    for language in ("fr", "en", "ar"):
        paper = sheet(language)
        pdf = press().render(paper)
        info = info_of(pdf)
        assert re.search(r"Tagged:\s+yes", info)
        assert re.search(r"Pages:\s+2\b", info)
        assert "Claire Vasseur" in info
        root = PdfFileReader(io.BytesIO(pdf)).root
        assert root["/Lang"] == language
        assert root["/MarkInfo"]["/Marked"]
        assert b"pdfuaid:part" in root["/Metadata"].data


def test_fonts_are_embedded(sheet):
    listed = subprocess.run(
        ["pdffonts", "-"], input=press().render(sheet("en", "Şahin Łuk")), capture_output=True, check=True
    ).stdout.decode()
    rows = [row.split() for row in listed.splitlines()[2:]]
    assert rows
    assert all(row[-5] == "yes" for row in rows), listed
    assert all("Certificate" in row[0] for row in rows), listed


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_lessons_laid_out_before_are_set_as_if_laid_out_now(sheet, language):
    paper = sheet(language)
    reused, plain = press().render(paper), press().render(paper, reuse=False)
    assert text_of(reused, "-bbox") == text_of(plain, "-bbox")
    assert len(reused) == len(plain)


@pytest.mark.parametrize(
    "name", ["Li", "M" * 60, "Wilhelmina " * 5 + "Maria", "م" * 60, "ŞĞŁ" * 20, "Ana-" * 14 + "Ana"], ids=len
)
def test_any_name_stays_on_its_page(sheet, name):
    paper = sheet(name=name, shop="x" * 60)
    pdf = press().render(paper)
    assert re.search(r"Pages:\s+2\b", info_of(pdf))
    assert name_size_mm(name) >= 10.5


def test_nothing_but_its_own_art_is_fetched(sheet, tmp_path, monkeypatch):
    """A template that asks for a file, a site or its data is not printed; WeasyPrint alone would go on without it."""
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')
    mine = Press()
    paper = sheet()
    for address in (secret.as_uri(), "http://127.0.0.1:9/x.svg", "data:image/svg+xml,<svg/>", "certificate:/../x.svg"):
        for tag in (f'<img src="{address}" alt="x">', f'<link rel="stylesheet" href="{address}">'):
            source = mine._template.environment.loader.get_source(mine._template.environment, "certificate.html")[0]
            poisoned = source.replace("</section>", f"{tag}</section>", 1)
            monkeypatch.setattr(mine, "_template", mine._template.environment.from_string(poisoned))
            with pytest.raises(BlockedResourceError):
                mine.render(paper)
            monkeypatch.undo()


def test_an_svg_that_reaches_further_is_refused(sheet):
    mine = Press()
    nested = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/hostname"/></svg>'
    mine._art["/awning.svg"] = ("image/svg+xml", nested)
    with pytest.raises(BlockedResourceError, match="hostname"):
        mine.render(sheet())


def test_what_a_name_holds_is_text(sheet):
    paper = dataclasses.replace(sheet(), name='<img src="file:///etc/passwd">', title="<x>")
    assert "<img" in text_of(press().render(paper))


@pytest.fixture
def signed(sheet) -> bytes:
    """A signed certificate."""
    paper = sheet()
    return sign(press().render(paper), signing_identity(), reason=paper.title)


def pdfsig(pdf: bytes, folder) -> str:
    """What poppler says of the signatures."""
    (folder / "certificate.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdfsig", "-nocert", str(folder / "certificate.pdf")], capture_output=True, check=False, text=True
    )
    return done.stdout


def pyhanko_says(pdf: bytes) -> bool:
    """Whether pyHanko finds the one signature valid, trusting our own certificate alone."""
    trusted = ValidationContext(trust_roots=[signing_identity().signer.signing_cert])
    signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    assert len(signatures) == 1
    return bool(validate_pdf_signature(signatures[0], trusted).bottom_line)


def test_two_programs_find_the_signature_valid(signed, tmp_path):
    said = pdfsig(signed, tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert pyhanko_says(signed)


def test_one_changed_byte_is_found_by_both(signed, tmp_path):
    """Any byte of the content: here one of a compressed page, which still opens."""
    place = signed.index(b"/Producer") + len(b"/Producer (We")
    changed = bytearray(signed)
    changed[place] ^= 0x02
    said = pdfsig(bytes(changed), tmp_path)
    assert "Signature is Valid" not in said
    assert "Signature Validation" in said
    assert not pyhanko_says(bytes(changed))


def test_the_test_identity_is_kept_to_its_owner_and_made_once(app):
    path = config.current().instance / "signing_test_identity.pem"
    first = signing_identity().subject
    assert "test" in first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    signing_identity()
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.glob("signing_test_identity.pem.*")] == []


@pytest.fixture
def with_settings(app):
    """Other settings for a moment."""
    before = config.current()
    yield lambda **changes: config.use(dataclasses.replace(before, **changes))
    config.use(before)


def test_production_never_signs_with_a_key_of_its_own_making(with_settings, tmp_path):
    with_settings(mode=config.Mode.PRODUCTION, instance=tmp_path)
    with pytest.raises(SigningIdentityError, match="COMPTOIR_SIGNING_KEY_FILE"):
        signing_identity()
    assert list(tmp_path.iterdir()) == []


def test_a_key_and_another_ones_certificate_do_not_sign(app, with_settings, tmp_path):
    signing_identity()
    own = (config.current().instance / "signing_test_identity.pem").read_bytes()
    with_settings(instance=tmp_path)
    signing_identity()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_bytes(own[: own.index(b"-----BEGIN CERTIFICATE")])
    other = (tmp_path / "signing_test_identity.pem").read_bytes()
    certificate.write_bytes(other[other.index(b"-----BEGIN CERTIFICATE") :])
    with_settings(signing_key_file=key, signing_certificate_file=certificate)
    with pytest.raises(SigningIdentityError, match="another key"):
        signing_identity()
    certificate.write_bytes(own[own.index(b"-----BEGIN CERTIFICATE") :])
    assert signing_identity().subject


def test_a_document_is_kept_by_its_hash_and_checked_when_read(app):
    sha256 = storage.keep(b"%PDF-1.7 test")
    assert storage.keep(b"%PDF-1.7 test") == sha256
    assert storage.read(sha256) == b"%PDF-1.7 test"
    storage._path(sha256).write_bytes(b"%PDF-1.7 tesT")
    with pytest.raises(storage.DamagedDocumentError):
        storage.read(sha256)
    storage._path(sha256).unlink()


def test_the_web_process_never_loads_the_press():
    """Neither at its start nor when it shows a certificate or checks a name."""
    program = """
import sys, tempfile
from portal import config, create_app
app = create_app(config.load({"COMPTOIR_INSTANCE": tempfile.mkdtemp()}))
from portal.certificates.names import printed_name
from portal.certificates.sheet import sheet_of
from tests.builders.certificates import unsaved
with app.app_context():
    printed_name("Claire Vasseur")
    sheet_of(unsaved())
client = app.test_client()
client.get("/v", headers={"Host": "localhost"})
print(sorted({name.split(".")[0] for name in sys.modules} & {"weasyprint", "pyhanko", "pydyf", "cffi"}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not {"weasyprint", "pyhanko", "pydyf"} & set(re.findall(r"'(\w+)'", done.stdout)), done.stdout
