"""Certificates: a snapshot that nothing later changes, its document, and the serial counter.

Triggers refuse any change of a snapshot column and any DELETE, on both databases. There is no foreign key
to the programme: a certificate outlives it, and holds all that is printed and verified.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import TypedDict

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.identity.models import Language
from portal.kernel import clock
from portal.kernel.db import Base, BigId, Id, str_enum

CODE_CHARACTERS = 26
"""26 base-32 characters: 130 random bits."""


class CertificateState(StrEnum):
    """What the verification page says of a certificate."""

    VALID = "valid"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class RevocationReason(StrEnum):
    """Why a certificate was revoked: the class that is shown to whoever verifies it."""

    ERROR = "error"
    ATTENDANCE = "attendance"
    HOLDER = "holder"


class DocumentState(StrEnum):
    """Whether the signed PDF of a certificate is still to be made."""

    TO_RENDER = "to_render"
    READY = "ready"


class LessonLine(TypedDict):
    """One of the 25 lessons as printed on the second page, in the certificate's language."""

    number: int
    chapter: str
    title: str
    state: str


class Certificate(Base):
    """One issued certificate. `training_minutes` is in minutes, the two dates are local to the programme."""

    __tablename__ = "certificates"
    __table_args__ = (
        sa.CheckConstraint(f"length(code) = {CODE_CHARACTERS}", name="code_length"),
        sa.CheckConstraint("training_minutes > 0", name="training_minutes"),
        sa.CheckConstraint("counted >= needed AND needed > 0", name="rule_met"),
        sa.CheckConstraint("first_on <= last_on", name="dates"),
        sa.CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_at"),
        sa.CheckConstraint("(state = 'revoked') = (revocation_reason IS NOT NULL)", name="revocation_reason"),
        sa.Index(
            "uq_certificates_one_valid",
            "user_id",
            "programme_id",
            unique=True,
            sqlite_where=sa.text("state = 'valid'"),
            postgresql_where=sa.text("state = 'valid'"),
        ),
    )

    id: Mapped[Id]
    serial: Mapped[str] = mapped_column(sa.String(20), unique=True)
    code: Mapped[str] = mapped_column(sa.String(CODE_CHARACTERS), unique=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"), index=True)
    """The holder; emptied when the person is erased, the certificate stays."""
    programme_id: Mapped[int] = mapped_column(BigId)
    supersedes_id: Mapped[int | None] = mapped_column(sa.ForeignKey("certificates.id"), unique=True)
    """The certificate that this one replaces; that one is then superseded."""

    printed_name: Mapped[str] = mapped_column(sa.String(160))
    printed_shop: Mapped[str] = mapped_column(sa.String(120), default="")
    """Shop and town as the holder wrote them; may be empty."""
    language: Mapped[Language] = mapped_column(str_enum(Language, "language"))
    programme_title: Mapped[str] = mapped_column(sa.String(200))
    training_minutes: Mapped[int]
    counted: Mapped[int]
    needed: Mapped[int]
    first_on: Mapped[date]
    last_on: Mapped[date]
    lessons: Mapped[list[LessonLine]] = mapped_column(sa.JSON)
    issued_at: Mapped[datetime] = mapped_column(default=clock.now)

    state: Mapped[CertificateState] = mapped_column(
        str_enum(CertificateState, "certificate_state"), default=CertificateState.VALID
    )
    revoked_at: Mapped[datetime | None]
    revocation_reason: Mapped[RevocationReason | None] = mapped_column(
        str_enum(RevocationReason, "revocation_reason_kind")
    )
    revoked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))


class CertificateDocument(Base):
    """The signed PDF of a certificate: first a task of the worker, then the file's hash for good."""

    __tablename__ = "certificate_documents"
    __table_args__ = (
        sa.CheckConstraint("(state = 'ready') = (sha256 IS NOT NULL)", name="sha256"),
        sa.CheckConstraint("(state = 'ready') = (size_bytes IS NOT NULL)", name="size_bytes"),
        sa.CheckConstraint("(state = 'ready') = (rendered_at IS NOT NULL)", name="rendered_at"),
        sa.Index(
            "ix_certificate_documents_waiting",
            "due_at",
            sqlite_where=sa.text("state = 'to_render'"),
            postgresql_where=sa.text("state = 'to_render'"),
        ),
    )

    id: Mapped[Id]
    certificate_id: Mapped[int] = mapped_column(sa.ForeignKey("certificates.id"), unique=True)
    state: Mapped[DocumentState] = mapped_column(
        str_enum(DocumentState, "document_state"), default=DocumentState.TO_RENDER
    )
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    """When a worker may take it: pushed forward while one has it, and after a failure."""
    claim: Mapped[str | None] = mapped_column(sa.String(43))
    """Random, set by the worker that has it: only that worker may store its result."""
    attempts: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    size_bytes: Mapped[int | None]
    rendered_at: Mapped[datetime | None]


class CertificateSerial(Base):
    """The last serial number given out in a year; its row is the lock under which one is issued."""

    __tablename__ = "certificate_serials"
    __table_args__ = (sa.CheckConstraint("last_number >= 0", name="last_number"),)

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_number: Mapped[int]
