"""Making the PDFs: once, whatever happens to the worker."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.certificates import flows, queries, services, storage
from portal.certificates.jobs import render_certificates
from portal.certificates.models import CertificateDocument, DocumentState, RevocationReason
from portal.identity.models import User
from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.notifications.models import OutboxMail
from tests.builders.certificates import EARNED, certify

READY = "certificates.ready"


@pytest.fixture(autouse=True)
def _context(app):
    with app.app_context():
        yield


def mails(db) -> list[OutboxMail]:
    """The mails that say it is ready."""
    return list(db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == READY)))


def test_the_worker_makes_the_signed_document_and_writes_to_the_holder(db, alice, organiser, tmp_path):
    certificate = certify(db, alice, organiser, name="Alice Martin")
    with clock.at(EARNED):
        assert render_certificates() == 1
    db.expire_all()
    document = queries.document_of(db, certificate.id)
    assert document.state is DocumentState.READY
    pdf = storage.read(document.sha256)
    assert len(pdf) == document.size_bytes
    (tmp_path / "c.pdf").write_bytes(pdf)
    said = subprocess.run(["pdfsig", "-nocert", str(tmp_path / "c.pdf")], capture_output=True, check=True, text=True)
    assert "Signature is Valid" in said.stdout
    (mail,) = mails(db)
    assert mail.email == "alice@example.org"
    assert mail.params == {"serial": certificate.serial, "code": certificate.code}


def test_a_second_run_makes_nothing(db, alice, organiser):
    certify(db, alice, organiser)
    with clock.at(EARNED):
        assert (render_certificates(), render_certificates()) == (1, 0)
    assert len(mails(db)) == 1


def test_two_workers_on_one_document_store_one_result(db, alice, organiser):
    """The first was taken for dead and comes back: its result is not recorded over the second's."""
    certificate = certify(db, alice, organiser)
    with clock.at(EARNED):
        slow = flows.claim()
        assert flows.claim() is None
    with clock.at(EARNED + flows.CLAIM_LASTS):
        quick = flows.claim()
        assert flows.make(quick)
        db.expire_all()
        kept = queries.document_of(db, certificate.id).sha256
        assert not flows.make(slow)
    db.expire_all()
    assert queries.document_of(db, certificate.id).sha256 == kept
    assert len(mails(db)) == 1


def test_a_killed_worker_loses_nothing(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    with clock.at(EARNED):
        assert flows.claim() is not None
    with clock.at(EARNED + flows.CLAIM_LASTS - timedelta(seconds=1)):
        assert render_certificates() == 0
    with clock.at(EARNED + flows.CLAIM_LASTS):
        assert render_certificates() == 1
    db.expire_all()
    assert queries.document_of(db, certificate.id).attempts == 2


def test_a_failure_is_tried_again_later(db, alice, organiser, caplog):
    """Here the disk refuses: a file stands where the folder of documents should be."""
    certificate = certify(db, alice, organiser)
    blocked = storage._path("0" * 64).parents[1]
    blocked.parent.mkdir(parents=True, exist_ok=True)
    aside = blocked.with_name("certificates-aside")
    if blocked.exists():
        blocked.rename(aside)
    blocked.touch()
    try:
        with clock.at(EARNED):
            assert render_certificates() == 0
    finally:
        blocked.unlink()
        if aside.exists():
            aside.rename(blocked)
    assert certificate.serial in caplog.text
    db.expire_all()
    assert queries.document_of(db, certificate.id).due_at == EARNED + timedelta(minutes=2)
    with clock.at(EARNED + timedelta(minutes=2)):
        assert render_certificates() == 1


def test_a_certificate_revoked_meanwhile_is_made_but_not_announced(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    services.revoke(db, organiser=organiser, serial=certificate.serial, reason=RevocationReason.ERROR)
    with clock.at(EARNED):
        assert render_certificates() == 1
    assert mails(db) == []


def test_the_database_refuses_another_document_for_an_issued_one(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    with clock.at(EARNED):
        render_certificates()
    change = sa.update(CertificateDocument).where(CertificateDocument.certificate_id == certificate.id)
    with pytest.raises(IntegrityError, match="never changes"), db.begin_nested():
        db.execute(change.values(sha256="0" * 64))


@pytest.mark.usefixtures("fresh_database")
def test_four_workers_at_once_make_each_document_once(app):
    with transaction() as db:
        organiser = create_user(db, email="o@example.org", display_name="Odile", is_organiser=True)
        users = [create_user(db, email=f"u{number}@example.org", display_name="User") for number in range(2)]
        for user in users:
            certify(db, user, organiser)

    def work(_number: int) -> int:
        with app.app_context(), clock.at(EARNED):
            return render_certificates()

    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(work, range(4))) == len(users)
    with transaction() as db:
        states = db.scalars(sa.select(CertificateDocument.state)).all()
        assert states == [DocumentState.READY] * len(users)
        assert db.scalars(sa.select(CertificateDocument.attempts)).all() == [1] * len(users)
        assert len(mails(db)) == len(users)
        assert db.scalar(sa.select(sa.func.count()).select_from(User)) > len(users)
