"""Reading certificates: one's own, one by its code, and what the certificate page shows."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import aliased

from portal.certificates.models import (
    CODE_CHARACTERS,
    Certificate,
    CertificateDocument,
    CertificateState,
    DocumentState,
)
from portal.training.models import PROGRAMME_SLUG, Programme, Session
from portal.training.queries import Progress, progress
from portal.training.queries.progress import COUNTED

# Crockford's base 32: what is read as one of these letters was one of these digits.
_READ_AS = str.maketrans("OIL", "011")
_CODE = re.compile(rf"[0-9A-HJKMNP-TV-Z]{{{CODE_CHARACTERS}}}")
_IGNORED = re.compile(r"[\s\-–—‐‑_.]+")


def normal_code(typed: str) -> str:
    """A verification code as it is stored, from what somebody typed; empty when it cannot be one.

    Case, spaces, hyphens and Arabic digits do not matter; O, I and L are the digits they were read from.
    """
    bare = _IGNORED.sub("", typed[: CODE_CHARACTERS * 4])
    plain = "".join(str(unicodedata.digit(character, character)) for character in bare)
    code = plain.upper().translate(_READ_AS)
    return code if _CODE.fullmatch(code) else ""


def valid_certificate(db: DbSession, user_id: int) -> Certificate | None:
    """The user's valid certificate of the programme, if they have one."""
    return db.scalar(
        sa.select(Certificate)
        .where(Certificate.user_id == user_id, Certificate.state == CertificateState.VALID)
        .order_by(Certificate.id.desc())
        .limit(1)
    )


def last_certificate(db: DbSession, user_id: int) -> Certificate | None:
    """The certificate that was issued last to this user, whatever its state."""
    return db.scalar(
        sa.select(Certificate).where(Certificate.user_id == user_id).order_by(Certificate.id.desc()).limit(1)
    )


def by_code(db: DbSession, code: str) -> Certificate | None:
    """The certificate with this verification code, as `normal_code` gives it."""
    return db.scalar(sa.select(Certificate).where(Certificate.code == code)) if code else None


def by_serial(db: DbSession, serial: str) -> Certificate | None:
    """The certificate with this serial, in any case."""
    return db.scalar(sa.select(Certificate).where(Certificate.serial == serial.strip().upper()))


def current_of(db: DbSession, certificate: Certificate) -> Certificate:
    """The certificate that stands at the end of this one's replacements; itself when it was not replaced."""
    chain = sa.select(Certificate.id).where(Certificate.id == certificate.id).cte("chain", recursive=True)
    later = aliased(Certificate)
    chain = chain.union_all(sa.select(later.id).join(chain, later.supersedes_id == chain.c.id))
    return db.scalars(
        sa.select(Certificate).join(chain, chain.c.id == Certificate.id).order_by(Certificate.id.desc()).limit(1)
    ).one()


def corrections(db: DbSession, certificate: Certificate) -> int:
    """How many certificates this one has replaced, one after the other."""
    chain = sa.select(Certificate.supersedes_id).where(Certificate.id == certificate.id).cte("chain", recursive=True)
    earlier = aliased(Certificate)
    chain = chain.union_all(sa.select(earlier.supersedes_id).join(chain, earlier.id == chain.c.supersedes_id))
    return db.scalar(sa.select(sa.func.count()).select_from(chain).where(chain.c.supersedes_id.is_not(None))) or 0


def document_of(db: DbSession, certificate_id: int) -> CertificateDocument:
    """The document of a certificate, made or still to be made."""
    return db.scalars(sa.select(CertificateDocument).where(CertificateDocument.certificate_id == certificate_id)).one()


def own_document(db: DbSession, *, user_id: int, serial: str) -> tuple[Certificate, CertificateDocument] | None:
    """A user's own valid certificate by its serial, with its document; None for any other."""
    row = db.execute(
        sa.select(Certificate, CertificateDocument)
        .join(CertificateDocument, CertificateDocument.certificate_id == Certificate.id)
        .where(
            Certificate.serial == serial,
            Certificate.user_id == user_id,
            Certificate.state == CertificateState.VALID,
        )
    ).first()
    return (row[0], row[1]) if row else None


def issued(db: DbSession, *, search: str = "", limit: int = 50) -> list[Certificate]:
    """Certificates for organisers, the last issued first: by serial, code or part of the printed name."""
    query = sa.select(Certificate).order_by(Certificate.id.desc()).limit(limit)
    words = search.strip()
    if words:
        query = query.where(
            (Certificate.serial == words.upper())
            | (Certificate.code == normal_code(words))
            | Certificate.printed_name.icontains(words, autoescape=True)
        )
    return list(db.scalars(query))


@dataclass(frozen=True, slots=True)
class Rule:
    """The programme as a certificate needs it: `session_minutes` is what one lesson counts for."""

    programme_id: int
    session_minutes: int


def programme_rule(db: DbSession) -> Rule | None:
    """The programme's id and the length of its sessions; None before any cohort was planned."""
    row = db.execute(sa.select(Programme.id, Programme.session_minutes).where(Programme.slug == PROGRAMME_SLUG)).first()
    return Rule(*row) if row else None


def span(db: DbSession, far: Progress) -> tuple[date, date] | None:
    """First and last local date of the sessions that count; None when nothing counts yet."""
    sessions = [one.session_id for one in far.states.values() if one.state in COUNTED]
    dates = sa.select(sa.func.min(Session.local_date), sa.func.max(Session.local_date))
    row = db.execute(dates.where(Session.id.in_(sessions))).one()
    return (row[0], row[1]) if sessions else None


@dataclass(frozen=True, slots=True)
class OwnPage:
    """What `/certificate` shows: how far somebody is, and their last certificate with the state of its PDF."""

    progress: Progress
    certificate: Certificate | None
    document: CertificateDocument | None

    @property
    def ready(self) -> bool:
        """Whether the signed PDF can be downloaded."""
        return self.document is not None and self.document.state is DocumentState.READY


def own_page(db: DbSession, user_id: int) -> OwnPage:
    """Progress, the last certificate and its document."""
    certificate = last_certificate(db, user_id)
    document = document_of(db, certificate.id) if certificate else None
    return OwnPage(progress(db, user_id), certificate, document)
