"""Issuing: the rule, once, for good; and what the database refuses whoever asks."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.certificates import queries, services
from portal.certificates.errors import (
    CertificateBarredError,
    CertificateNotFoundError,
    NameRefusedError,
    NotValidError,
    RuleNotMetError,
)
from portal.certificates.models import (
    Certificate,
    CertificateDocument,
    CertificateState,
    DocumentState,
    RevocationReason,
)
from portal.certificates.policies import MOST_CORRECTIONS
from portal.identity.models import User
from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.notifications.models import Notice
from portal.training.queries import progress
from tests.builders.certificates import EARNED, NEEDED, attend_lessons, certify, unsaved


def test_one_lesson_short_of_the_rule_nothing_is_issued(db, alice, organiser):
    attend_lessons(db, alice, organiser, lessons=NEEDED - 1)
    with pytest.raises(RuleNotMetError):
        services.issue(db, user=alice, name="Alice Martin")
    assert queries.last_certificate(db, alice.id) is None


def test_the_certificate_is_a_snapshot_of_what_was_attended(db, alice, organiser):
    certificate = certify(db, alice, organiser, name="  Alice   Martin ", shop="Chez Alice, Sète")
    assert re.fullmatch(r"C-2027-000001", certificate.serial)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", certificate.code)
    assert (certificate.printed_name, certificate.printed_shop) == ("Alice Martin", "Chez Alice, Sète")
    assert certificate.training_minutes == NEEDED * 30
    assert (certificate.counted, certificate.needed) == (NEEDED, NEEDED)
    assert certificate.first_on.isoformat() == "2026-11-24"
    assert certificate.last_on > certificate.first_on
    assert [line["number"] for line in certificate.lessons] == list(range(1, 26))
    assert [line["state"] for line in certificate.lessons[:NEEDED]] == ["present"] * NEEDED
    assert certificate.issued_at == EARNED


def test_serials_follow_each_other_and_say_nothing_of_the_code(db, alice, bob, organiser):
    first, second = certify(db, alice, organiser), certify(db, bob, organiser)
    assert (first.serial, second.serial) == ("C-2027-000001", "C-2027-000002")
    assert first.code != second.code
    assert first.serial[-6:] not in first.code


def test_asking_again_gives_the_same_certificate(db, alice, organiser):
    first = certify(db, alice, organiser, name="Alice Martin")
    again = services.issue(db, user=alice, name="Somebody Else")
    assert again.id == first.id
    assert again.printed_name == "Alice Martin"


def test_the_document_waits_in_the_same_transaction_and_the_holder_is_told(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    document = queries.document_of(db, certificate.id)
    assert (document.state, document.sha256) == (DocumentState.TO_RENDER, None)
    notice = db.scalars(sa.select(Notice).where(Notice.user_id == alice.id, Notice.kind == "certificates.issued")).one()
    assert notice.path == "/fr/certificate"


def test_a_refused_name_issues_nothing(db, alice, organiser):
    attend_lessons(db, alice, organiser, lessons=NEEDED)
    with pytest.raises(NameRefusedError):
        services.issue(db, user=alice, name="alice@example.org")
    assert queries.last_certificate(db, alice.id) is None


def test_a_correction_supersedes(db, alice, organiser):
    old = certify(db, alice, organiser, name="Alice Martin")
    new = services.supersede(db, user=alice, serial=old.serial, name="Alice Martin-Roux")
    db.refresh(old)
    assert (old.state, new.state) == (CertificateState.SUPERSEDED, CertificateState.VALID)
    assert (old.printed_name, new.printed_name) == ("Alice Martin", "Alice Martin-Roux")
    assert (new.lessons, new.first_on, new.training_minutes) == (old.lessons, old.first_on, old.training_minutes)
    assert new.serial != old.serial
    assert new.code != old.code
    assert queries.current_of(db, old).id == new.id
    assert queries.valid_certificate(db, alice.id).id == new.id


def test_the_same_name_again_supersedes_nothing(db, alice, organiser):
    old = certify(db, alice, organiser, name="Alice Martin")
    assert services.supersede(db, user=alice, serial=old.serial, name="Alice  Martin").id == old.id


def test_corrections_come_to_an_end(db, alice, organiser):
    certificate = certify(db, alice, organiser, name="Alice A")
    for letter in "BCDEFG"[:MOST_CORRECTIONS]:
        certificate = services.supersede(db, user=alice, serial=certificate.serial, name=f"Alice {letter}")
    with pytest.raises(NotValidError):
        services.supersede(db, user=alice, serial=certificate.serial, name="Alice Z")
    assert queries.corrections(db, certificate) == MOST_CORRECTIONS


def test_nobody_corrects_anothers_certificate(db, alice, bob, organiser):
    certificate = certify(db, alice, organiser)
    with pytest.raises(CertificateNotFoundError):
        services.supersede(db, user=bob, serial=certificate.serial, name="Bob")


def test_what_was_replaced_is_not_corrected(db, alice, organiser):
    old = certify(db, alice, organiser, name="Alice A")
    services.supersede(db, user=alice, serial=old.serial, name="Alice B")
    db.expire_all()
    with pytest.raises(NotValidError):
        services.supersede(db, user=alice, serial=old.serial, name="Alice C")


def test_revoking_says_when_why_and_who(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    revoked = services.revoke(db, organiser=organiser, serial=certificate.serial, reason=RevocationReason.HOLDER)
    assert revoked.state is CertificateState.REVOKED
    assert revoked.revocation_reason is RevocationReason.HOLDER
    assert revoked.revoked_by_id == organiser.id
    assert revoked.revoked_at is not None
    assert queries.valid_certificate(db, alice.id) is None
    with pytest.raises(NotValidError):
        services.revoke(db, organiser=organiser, serial=certificate.serial, reason=RevocationReason.ERROR)


@pytest.mark.parametrize("reason", [RevocationReason.ERROR, RevocationReason.HOLDER])
def test_after_a_plain_revocation_a_new_one_can_be_had(db, alice, organiser, reason):
    certificate = certify(db, alice, organiser)
    services.revoke(db, organiser=organiser, serial=certificate.serial, reason=reason)
    assert services.issue(db, user=alice, name="Alice Martin").serial != certificate.serial


def test_after_one_for_attendance_it_cannot(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    services.revoke(db, organiser=organiser, serial=certificate.serial, reason=RevocationReason.ATTENDANCE)
    with pytest.raises(CertificateBarredError):
        services.issue(db, user=alice, name="Alice Martin")


CHANGES = [
    {"printed_name": "Mallory"},
    {"printed_shop": "x"},
    {"serial": "C-2027-999999"},
    {"code": "0" * 26},
    {"training_minutes": 6000},
    {"counted": 25},
    {"needed": 1},
    {"lessons": []},
    {"language": "en"},
    {"programme_title": "x"},
    {"programme_id": 99},
    {"issued_at": EARNED.replace(year=2020)},
    {"first_on": EARNED.date().replace(year=2020)},
    {"last_on": EARNED.date().replace(year=2040)},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_the_database_refuses_to_change_what_was_issued(db, alice, organiser, change):
    certificate = certify(db, alice, organiser)
    with pytest.raises(IntegrityError, match="never changes"), db.begin_nested():
        db.execute(sa.update(Certificate).where(Certificate.id == certificate.id).values(change))


def test_the_database_refuses_to_delete_it_or_its_document(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    document = sa.delete(CertificateDocument).where(CertificateDocument.certificate_id == certificate.id)
    for statement in (document, sa.delete(Certificate).where(Certificate.id == certificate.id)):
        with pytest.raises(IntegrityError, match="never deleted"), db.begin_nested():
            db.execute(statement)


def test_the_database_refuses_another_holder_and_a_way_back(db, alice, bob, organiser):
    certificate = certify(db, alice, organiser)
    services.revoke(db, organiser=organiser, serial=certificate.serial, reason=RevocationReason.ERROR)
    back = {"state": CertificateState.VALID, "revoked_at": None, "revocation_reason": None}
    for change in ({"user_id": bob.id}, back, {"revocation_reason": RevocationReason.HOLDER}):
        with pytest.raises(IntegrityError, match="only goes from valid"), db.begin_nested():
            db.execute(sa.update(Certificate).where(Certificate.id == certificate.id).values(change))


def test_the_database_refuses_a_second_valid_one(db, alice, organiser):
    certificate = certify(db, alice, organiser)
    twin = services.draft(db, user=alice, far=progress(db, alice.id), language="fr")
    twin.serial, twin.code, twin.state = "C-2027-000009", "1" * 26, CertificateState.VALID
    assert twin.programme_id == certificate.programme_id
    db.add(twin)
    with pytest.raises(IntegrityError):
        db.flush()


def test_the_certificate_outlives_its_holder(db):
    """Deleting a person empties the link and nothing else: foreign key and triggers agree on it."""
    gone = create_user(db, email="gone@example.org", display_name="Gone")
    certificate = unsaved(name="Claire Vasseur")
    certificate.user_id, certificate.programme_id, certificate.state = gone.id, 1, CertificateState.VALID
    db.add(certificate)
    db.flush()
    db.execute(sa.delete(User).where(User.id == gone.id))
    db.expire_all()
    found = queries.by_code(db, certificate.code)
    assert found.user_id is None
    assert found.state is CertificateState.VALID
    assert found.printed_name == "Claire Vasseur"


@pytest.mark.usefixtures("fresh_database")
def test_two_clicks_at_once_issue_one_certificate():
    with transaction() as db:
        alice = create_user(db, email="alice@example.org", display_name="Alice")
        organiser = create_user(db, email="o@example.org", display_name="Odile", is_organiser=True)
        attend_lessons(db, alice, organiser, lessons=NEEDED)

    def click(_number: int) -> int:
        with transaction() as db, clock.at(EARNED):
            return services.issue(db, user=db.get_one(User, alice.id), name="Alice Martin").id

    with ThreadPoolExecutor(8) as clicks:
        issued = list(clicks.map(click, range(16)))
    assert len(set(issued)) == 1
    with transaction() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Certificate)) == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(CertificateDocument)) == 1
