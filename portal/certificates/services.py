"""Issuing, correcting and revoking. What was issued never changes: a correction is a new certificate."""

from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session as DbSession

from portal import config
from portal.certificates.errors import (
    CertificateBarredError,
    CertificateNotFoundError,
    NotValidError,
    RuleNotMetError,
)
from portal.certificates.events import CertificateIssued
from portal.certificates.models import (
    CODE_CHARACTERS,
    Certificate,
    CertificateDocument,
    CertificateSerial,
    CertificateState,
    LessonLine,
    RevocationReason,
)
from portal.certificates.names import printed_name, printed_shop
from portal.certificates.policies import MOST_CORRECTIONS, bars_another
from portal.certificates.queries import (
    by_serial,
    corrections,
    last_certificate,
    programme_rule,
    span,
    valid_certificate,
)
from portal.identity.models import Language, User
from portal.kernel import clock, ids
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.events import publish
from portal.kernel.worker import wake_after_commit
from portal.training import content
from portal.training.queries import Progress, progress

RENDER_JOB = "render_certificates"
# Content, like the lessons' titles that are kept with it: not a message of whoever's page is open.
PROGRAMME_TITLES = {
    "fr": "Vendre en ligne, de la vitrine au virement",
    "en": "Selling online, from the window to the transfer",
    "ar": "البيع عبر الإنترنت، من الواجهة إلى التحويل",
}


def _year() -> int:
    return clock.now().astimezone(ZoneInfo(config.current().time_zone)).year


def _lock_serials(db: DbSession, year: int) -> None:
    """Hold the year's counter until the transaction ends: whoever issues at the same time waits here."""
    insert = conflict_insert(db, CertificateSerial).values(year=year, last_number=0)
    db.execute(
        insert.on_conflict_do_update(index_elements=["year"], set_={"last_number": CertificateSerial.last_number})
    )


def _next_serial(db: DbSession, year: int) -> str:
    """The next serial of a year, without gaps: it is given back when the transaction is rolled back."""
    number = db.execute(
        sa.update(CertificateSerial)
        .where(CertificateSerial.year == year)
        .values(last_number=CertificateSerial.last_number + 1)
        .returning(CertificateSerial.last_number)
    ).scalar_one()
    return f"C-{year}-{number:06d}"


def lesson_lines(far: Progress, language: str) -> list[LessonLine]:
    """The 25 lessons with their states, in a language: kept with the certificate, whatever the syllabus becomes."""
    return [
        LessonLine(
            number=lesson.number,
            chapter=chapter.title(language),
            title=lesson.title(language),
            state=far.states[lesson.number].state,
        )
        for chapter in content.chapters()
        for lesson in chapter.lessons
    ]


def draft(db: DbSession, *, user: User, far: Progress, language: str) -> Certificate:
    """The certificate as it would be issued now, without serial and code: for the preview. Not stored.

    Raises RuleNotMetError when the programme's rule is not met.
    """
    rule, dates = programme_rule(db), span(db, far)
    if not far.reached or rule is None or dates is None:
        raise RuleNotMetError
    return Certificate(
        serial="",
        code="",
        user_id=user.id,
        programme_id=rule.programme_id,
        printed_name=user.display_name,
        printed_shop="",
        language=Language(language),
        programme_title=PROGRAMME_TITLES[language],
        training_minutes=far.counted * rule.session_minutes,
        counted=far.counted,
        needed=far.needed,
        first_on=dates[0],
        last_on=dates[1],
        lessons=lesson_lines(far, language),
        issued_at=clock.now(),
    )


def _store(db: DbSession, certificate: Certificate, year: int) -> Certificate:
    """Write the certificate and its document's task, tell whoever listens, wake the worker."""
    certificate.serial = _next_serial(db, year)
    certificate.code = ids.readable_code(CODE_CHARACTERS)
    certificate.issued_at = clock.now()
    certificate.state = CertificateState.VALID
    db.add(certificate)
    db.flush()
    db.add(CertificateDocument(certificate_id=certificate.id))
    db.flush()
    if certificate.user_id is not None:
        publish(db, CertificateIssued(certificate_id=certificate.id, user_id=certificate.user_id))
    wake_after_commit(db, RENDER_JOB)
    return certificate


def issue(db: DbSession, *, user: User, name: str, shop: str = "", language: str | None = None) -> Certificate:
    """The user's certificate: issued now, or the valid one they have already, whatever is typed this time.

    Raises RuleNotMetError, NameRefusedError, and CertificateBarredError after a revocation for attendance.
    """
    name, shop = printed_name(name), printed_shop(shop)
    year = _year()
    _lock_serials(db, year)
    # Read behind the lock: the second of two clicks finds what the first has issued.
    present = valid_certificate(db, user.id)
    if present is not None:
        return present
    if bars_another(last_certificate(db, user.id)):
        raise CertificateBarredError
    certificate = draft(db, user=user, far=progress(db, user.id), language=language or str(user.language))
    certificate.printed_name, certificate.printed_shop = name, shop
    return _store(db, certificate, year)


def supersede(db: DbSession, *, user: User, serial: str, name: str, shop: str = "") -> Certificate:
    """A new certificate with a corrected name in the place of the user's valid one; the rest is as it was.

    The same name and shop again change nothing. Raises CertificateNotFoundError for another's or an unknown one,
    NotValidError when it was replaced or revoked meanwhile or corrected too often, NameRefusedError.
    """
    name, shop = printed_name(name), printed_shop(shop)
    year = _year()
    _lock_serials(db, year)
    old = by_serial(db, serial)
    if old is None or old.user_id != user.id:
        raise CertificateNotFoundError
    if old.state is CertificateState.VALID and (old.printed_name, old.printed_shop) == (name, shop):
        return old
    if corrections(db, old) >= MOST_CORRECTIONS:
        raise NotValidError(_l("This name was corrected several times already. Write to us for another change."))
    replaced = (
        sa.update(Certificate)
        .where(Certificate.id == old.id, Certificate.state == CertificateState.VALID)
        .values(state=CertificateState.SUPERSEDED)
    )
    if rows_changed(db, replaced) != 1:
        raise NotValidError
    copied = (
        "user_id",
        "programme_id",
        "language",
        "programme_title",
        "training_minutes",
        "counted",
        "needed",
        "first_on",
        "last_on",
        "lessons",
    )
    new = Certificate(**{column: getattr(old, column) for column in copied})
    new.printed_name, new.printed_shop, new.supersedes_id = name, shop, old.id
    return _store(db, new, year)


def revoke(db: DbSession, *, organiser: User, serial: str, reason: RevocationReason) -> Certificate:
    """Revoke a valid certificate: from now on its verification page says so, with the date and the reason's class.

    Raises CertificateNotFoundError, and NotValidError when it is not valid any more.
    """
    certificate = by_serial(db, serial)
    if certificate is None:
        raise CertificateNotFoundError
    revoked = (
        sa.update(Certificate)
        .where(Certificate.id == certificate.id, Certificate.state == CertificateState.VALID)
        .values(
            state=CertificateState.REVOKED,
            revoked_at=clock.now(),
            revocation_reason=reason,
            revoked_by_id=organiser.id,
        )
    )
    if rows_changed(db, revoked) != 1:
        raise NotValidError
    db.refresh(certificate)
    return certificate
