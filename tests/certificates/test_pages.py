"""The pages: one's own certificate, its download, the organisers' list, and the public verification."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.certificates import queries, services
from portal.certificates.jobs import render_certificates
from portal.certificates.models import Certificate, CertificateState, RevocationReason
from portal.certificates.sheet import grouped
from portal.kernel import clock
from tests.builders.certificates import EARNED, NEEDED, attend_lessons, certify

NAME = {"name": "Alice Martin", "shop": "Chez Alice, Sète"}


@pytest.fixture
def certificate(db, alice, organiser) -> Certificate:
    """Alice's, in French."""
    return certify(db, alice, organiser, name="Alice Martin")


def made(app) -> None:
    """Let the worker make what waits."""
    with app.app_context(), clock.at(EARNED):
        assert render_certificates() == 1


def test_before_the_rule_the_page_says_what_is_missing(client, sign_in, db, alice, organiser):
    attend_lessons(db, alice, organiser, lessons=3)
    sign_in(client, alice)
    page = client.get("/fr/certificate").text
    assert "Encore 17 leçons" in page
    assert "Obtenir mon certificat" not in page
    assert client.post("/fr/certificate", data=NAME).status_code == 409
    assert queries.last_certificate(db, alice.id) is None


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_once_it_is_met_the_name_is_confirmed_and_the_certificate_issued(
    client, sign_in, db, alice, organiser, language
):
    attend_lessons(db, alice, organiser, lessons=NEEDED)
    sign_in(client, alice)
    page = client.get(f"/{language}/certificate").text
    assert 'value="Alice"' in page
    answer = client.post(f"/{language}/certificate", data=NAME)
    assert (answer.status_code, answer.location) == (303, f"/{language}/certificate")
    issued = queries.valid_certificate(db, alice.id)
    assert (issued.printed_name, issued.printed_shop, issued.language) == (NAME["name"], NAME["shop"], language)
    again = client.post(f"/{language}/certificate", data={"name": "Other Name", "shop": ""})
    assert again.status_code == 303
    assert db.scalar(sa.select(sa.func.count()).select_from(Certificate)) == 1
    page = client.get(f"/{language}/certificate").text
    assert issued.serial in page
    assert grouped(issued.code) in page
    assert "data-poll" in page
    assert 'http-equiv="refresh"' in page


@pytest.mark.parametrize("name", ["", "1234", "a@b.example", "Cla\u202eire", "Cla\u200bire"])
def test_a_refused_name_is_shown_again_with_what_to_change(client, sign_in, db, alice, organiser, name):
    """The form's cleaning would take invisible characters out in silence: they are refused all the same."""
    attend_lessons(db, alice, organiser, lessons=NEEDED)
    sign_in(client, alice)
    answer = client.post("/fr/certificate", data={"name": name, "shop": "Chez Alice"})
    assert answer.status_code == 422
    assert "Erreur" in answer.text
    assert "Chez Alice" in answer.text
    assert queries.last_certificate(db, alice.id) is None


def test_the_page_changes_when_the_document_is_ready(app, client, sign_in, alice, certificate):
    sign_in(client, alice)
    address = f"/fr/certificate/{certificate.serial}/document"
    waiting = client.get(address)
    assert (waiting.status_code, "download" in waiting.text) == (200, False)
    assert client.get(address, headers={"If-None-Match": waiting.headers["ETag"]}).status_code == 304
    assert client.get(f"/fr/certificate/{certificate.serial}.pdf").status_code == 404
    made(app)
    ready = client.get(address, headers={"If-None-Match": waiting.headers["ETag"]})
    assert (ready.status_code, f"{certificate.serial}.pdf" in ready.text) == (200, True)
    assert client.get(address, headers={"If-None-Match": ready.headers["ETag"]}).status_code == 410
    assert "data-poll" not in client.get("/fr/certificate").text


def test_the_holder_downloads_it_and_nobody_else(app, client, new_client, sign_in, alice, bob, organiser, certificate):
    made(app)
    address = f"/fr/certificate/{certificate.serial}.pdf"
    sign_in(client, alice)
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF-1.7")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=comptoir-{certificate.serial}.pdf"
    assert "no-store" in answer.headers["Cache-Control"]
    for other in (bob, organiser):
        theirs = new_client()
        sign_in(theirs, other)
        assert theirs.get(address).status_code == 404
        assert theirs.get(f"/fr/certificate/{certificate.serial}/document").status_code == 404
        assert theirs.post(f"/fr/certificate/{certificate.serial}/correction", data=NAME).status_code == 404
    assert new_client().get(address).status_code == 303
    assert client.get("/fr/certificate/C-2027-999999.pdf").status_code == 404
    assert client.get("/fr/certificate/..%2F..%2Fetc%2Fpasswd.pdf").status_code == 404


def test_a_revoked_certificate_is_not_downloaded(app, client, sign_in, db, alice, organiser, certificate):
    made(app)
    services.revoke(db, organiser=organiser, serial=certificate.serial, reason=RevocationReason.HOLDER)
    sign_in(client, alice)
    assert client.get(f"/fr/certificate/{certificate.serial}.pdf").status_code == 404
    assert "a été révoqué" in client.get("/fr/certificate").text


def test_correcting_the_name_makes_a_new_certificate(client, sign_in, db, alice, certificate):
    sign_in(client, alice)
    answer = client.post(f"/fr/certificate/{certificate.serial}/correction", data=NAME | {"name": "Alice Martin-Roux"})
    assert answer.status_code == 303
    db.expire_all()
    assert queries.valid_certificate(db, alice.id).printed_name == "Alice Martin-Roux"
    old = client.get(f"/v/{certificate.code}?lang=fr")
    assert old.status_code == 200
    assert "a été remplacé" in old.text
    assert f"/v/{queries.valid_certificate(db, alice.id).code}" in old.text


def test_after_a_revocation_for_attendance_the_page_says_whom_to_write_to(client, sign_in, db, alice, organiser):
    mine = certify(db, alice, organiser)
    services.revoke(db, organiser=organiser, serial=mine.serial, reason=RevocationReason.ATTENDANCE)
    sign_in(client, alice)
    page = client.get("/fr/certificate")
    assert page.status_code == 200
    assert "Nous écrire" in page.text
    assert client.post("/fr/certificate", data=NAME).status_code == 409


def test_organisers_find_and_revoke(client, sign_in, db, organiser, certificate):
    sign_in(client, organiser)
    for search in ("", certificate.serial.lower(), grouped(certificate.code).lower(), "martin"):
        assert certificate.serial in client.get("/fr/manage/certificates", query_string={"q": search}).text, search
    assert certificate.serial not in client.get("/fr/manage/certificates?q=nobody").text
    address = f"/fr/manage/certificates/{certificate.serial}"
    assert client.get(address).status_code == 200
    assert client.post(f"{address}/revoke", data={"reason": ""}).status_code == 422
    assert client.post(f"{address}/revoke", data={"reason": "whim"}).status_code == 422
    assert client.post(f"{address}/revoke", data={"reason": "error"}).status_code == 303
    db.expire_all()
    assert queries.by_serial(db, certificate.serial).state is CertificateState.REVOKED
    assert "Délivré par erreur" in client.get(address).text
    assert client.post(f"{address}/revoke", data={"reason": "error"}).status_code == 409
    assert client.get("/fr/manage/certificates/C-2027-999999").status_code == 404


def test_others_have_no_such_pages(client, sign_in, alice, expert, certificate):
    for user in (alice, expert):
        sign_in(client, user)
        assert client.get("/fr/manage/certificates").status_code == 404
        answer = client.post(f"/fr/manage/certificates/{certificate.serial}/revoke", data={"reason": "error"})
        assert answer.status_code == 404


def test_anybody_verifies_a_certificate(client, certificate):
    answer = client.get(f"/v/{certificate.code}", headers={"Accept-Language": "fr"})
    assert answer.status_code == 200
    for words in ("Ce certificat est valable", "Alice Martin", certificate.serial, "10 heures", "24 novembre 2026"):
        assert words in answer.text.replace("\u00a0", " "), words
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in answer.headers["Cache-Control"]
    assert 'name="robots" content="noindex"' in answer.text
    assert "alice@example.org" not in answer.text


@pytest.mark.parametrize(
    ("query", "headers", "words"),
    [
        ("?lang=en", {"Accept-Language": "fr"}, "This certificate is valid"),
        ("?lang=ar", {}, 'dir="rtl"'),
        ("", {"Accept-Language": "ar-MA,fr;q=0.8"}, 'lang="ar"'),
        ("", {"Cookie": "language=en", "Accept-Language": "fr"}, "This certificate is valid"),
    ],
)
def test_it_answers_in_the_readers_language(app, certificate, query, headers, words):
    assert words in app.test_client(use_cookies=False).get(f"/v/{certificate.code}{query}", headers=headers).text


def test_a_code_is_found_however_it_is_typed(client, certificate):
    code = certificate.code
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    confused = code.replace("0", "O").replace("1", "l")
    for typed in (code.lower(), grouped(code), grouped(code).lower().replace("-", " "), f" {code} ", arabic, confused):
        found = client.get("/v", query_string={"code": typed, "lang": "fr"})
        assert (found.status_code, found.location) == (303, f"/v/{code}?lang=fr"), typed
        assert client.get(f"/v/{typed}").status_code == 200, typed


@pytest.mark.parametrize("typed", ["", "abc", "U" * 26, "7" * 25, "7" * 27, "'; DROP TABLE certificates; --"])
def test_what_cannot_be_a_code_is_said_beside_the_field(client, typed):
    answer = client.get("/v", query_string={"code": typed, "lang": "fr"})
    assert answer.status_code == 422
    assert "26 lettres et chiffres" in answer.text


def test_the_form_is_open_to_all(client):
    answer = client.get("/v?lang=fr")
    assert answer.status_code == 200
    assert 'name="code"' in answer.text


def test_an_unknown_code_says_what_to_do(client, certificate):
    forged = certificate.code[:-1] + ("2" if certificate.code[-1] != "2" else "3")
    for code in (forged, "abc", certificate.serial):
        answer = client.get(f"/v/{code}?lang=fr")
        assert answer.status_code == 404, code
        assert "Aucun certificat ne porte ce code" in answer.text.replace("\u00a0", " ")
        assert 'name="code"' in answer.text
        assert "Alice" not in answer.text


def test_a_revoked_certificate_says_when_and_why(client, db, organiser, certificate):
    with clock.at(EARNED + timedelta(days=3)):
        services.revoke(db, organiser=organiser, serial=certificate.serial, reason=RevocationReason.ATTENDANCE)
    page = client.get(f"/v/{certificate.code}?lang=fr").text
    assert "Ce certificat a été révoqué" in page
    assert "4 mars 2027" in page
    assert "La présence n’était pas réelle" in page
    assert "Ce certificat est valable" not in page


def test_a_chain_of_corrections_leads_to_the_last(client, db, alice, certificate):
    second = services.supersede(db, user=alice, serial=certificate.serial, name="Alice B")
    third = services.supersede(db, user=alice, serial=second.serial, name="Alice C")
    for old in (certificate, second):
        assert f"/v/{third.code}" in client.get(f"/v/{old.code}").text


def test_the_verification_outlives_the_holder(client, db, certificate):
    db.execute(sa.update(Certificate).where(Certificate.id == certificate.id).values(user_id=None))
    page = client.get(f"/v/{certificate.code}?lang=fr").text
    assert "Ce certificat est valable" in page
    assert "Alice Martin" in page


def test_guessing_is_slowed_down_and_a_good_code_still_answers(client, certificate):
    answers = [client.get(f"/v/{number:026d}").status_code for number in range(25)]
    assert answers == [404] * 20 + [429] * 5
    assert client.get(f"/v/{certificate.code}").status_code == 200
    elsewhere = client.get(f"/v/{1:026d}", environ_base={"REMOTE_ADDR": "203.0.113.7"})
    assert elsewhere.status_code == 404
