"""Questions, their answers and comments, who voted, who follows, who owes the answer."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.identity.models import Language
from portal.kernel import clock
from portal.kernel.db import Base, BigId, Id, str_enum

# What a bigint column holds; a number in an address may be larger.
LARGEST_ID = 2**63 - 1
TITLE_LONGEST = 200
TEXT_LONGEST = 10_000
REASON_LONGEST = 500


class QuestionState(StrEnum):
    """Where a question is in its one life: the first three in a live session, the others in the forum."""

    PENDING = "pending"
    PUBLISHED = "published"
    HIGHLIGHTED = "highlighted"
    OPEN = "open"
    ANSWERED = "answered"
    SOLVED = "solved"
    HIDDEN = "hidden"


LIVE_STATES = (QuestionState.PENDING, QuestionState.PUBLISHED, QuestionState.HIGHLIGHTED)
FORUM_STATES = (QuestionState.OPEN, QuestionState.ANSWERED, QuestionState.SOLVED)
DONE_STATES = (QuestionState.ANSWERED, QuestionState.SOLVED)


class AssignmentOutcome(StrEnum):
    """How an expert's turn at a question ended."""

    ANSWERED = "answered"
    PASSED = "passed"
    SILENT = "silent"
    TAKEN = "taken"
    CLOSED = "closed"


class Topic(Base):
    """What a group of lessons is about; a question takes its lesson's topic."""

    __tablename__ = "topics"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(sa.String(40), unique=True)
    position: Mapped[int] = mapped_column(unique=True)
    title_fr: Mapped[str] = mapped_column(sa.String(80))
    title_en: Mapped[str] = mapped_column(sa.String(80))
    title_ar: Mapped[str] = mapped_column(sa.String(80))
    # Numbers of the lessons whose questions belong here.
    lesson_numbers: Mapped[list[int]] = mapped_column(sa.JSON, default=list)


class Question(Base):
    """Asked before, during or after a session; it keeps one address all its life.

    A merged question keeps everything of its own and points to the one that goes on: undoing a merge
    is taking the pointer away.
    """

    __tablename__ = "questions"
    __table_args__ = (
        sa.CheckConstraint("length(title) > 0", name="title"),
        sa.CheckConstraint("lesson_number BETWEEN 1 AND 25", name="lesson_number"),
        sa.CheckConstraint("minute IS NULL OR (session_id IS NOT NULL AND minute >= 0)", name="minute"),
        sa.CheckConstraint(
            "answered_minute IS NULL OR (session_id IS NOT NULL AND answered_minute >= 0)", name="answered_minute"
        ),
        sa.CheckConstraint(
            "state NOT IN ('pending', 'published', 'highlighted') OR session_id IS NOT NULL", name="live_session"
        ),
        sa.CheckConstraint("state <> 'hidden' OR length(hidden_reason) > 0", name="hidden_reason"),
        sa.CheckConstraint("state <> 'solved' OR accepted_answer_id IS NOT NULL", name="solved_answer"),
        sa.CheckConstraint("vote_count >= 0 AND answer_count >= 0 AND follower_count >= 0", name="counts"),
        sa.CheckConstraint("owner_id IS NULL OR promised_at IS NOT NULL", name="promise"),
        sa.CheckConstraint("paused_at IS NULL OR promised_at IS NOT NULL", name="pause"),
        sa.CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name="merged_into"),
        sa.CheckConstraint("(merged_into_id IS NULL) = (merged_at IS NULL)", name="merged_at"),
        # The accepted answer is one of this question's own.
        sa.ForeignKeyConstraint(
            ["accepted_answer_id", "id"],
            ["answers.id", "answers.question_id"],
            name="fk_questions_accepted_answer",
            use_alter=True,
        ),
        # One question at a time is the one the expert answers now.
        sa.Index(
            "uq_questions_highlighted",
            "session_id",
            unique=True,
            postgresql_where=sa.text("state = 'highlighted'"),
            sqlite_where=sa.text("state = 'highlighted'"),
        ),
        sa.Index("ix_questions_session_id_id", "session_id", "id"),
        sa.Index("ix_questions_lesson_number_id", "lesson_number", "id"),
        sa.Index("ix_questions_topic_id_id", "topic_id", "id"),
        sa.Index("ix_questions_asker_id_id", "asker_id", "id"),
        sa.Index(
            "ix_questions_open",
            "id",
            postgresql_where=sa.text("state = 'open'"),
            sqlite_where=sa.text("state = 'open'"),
        ),
        sa.Index(
            "ix_questions_owner_promise",
            "owner_id",
            "promised_at",
            postgresql_where=sa.text("state = 'open'"),
            sqlite_where=sa.text("state = 'open'"),
        ),
        sa.Index(
            "ix_questions_merged_into_id",
            "merged_into_id",
            postgresql_where=sa.text("merged_into_id IS NOT NULL"),
            sqlite_where=sa.text("merged_into_id IS NOT NULL"),
        ),
    )

    # Said aloud because the foreign key of the accepted answer holds this column too.
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    asker_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    title: Mapped[str] = mapped_column(sa.String(TITLE_LONGEST))
    text: Mapped[str] = mapped_column(sa.Text, default="")
    slug: Mapped[str] = mapped_column(sa.String(80))
    language: Mapped[Language] = mapped_column(str_enum(Language, "language"))
    anonymous: Mapped[bool] = mapped_column(default=False)
    lesson_number: Mapped[int | None]
    topic_id: Mapped[int | None] = mapped_column(sa.ForeignKey("topics.id"))
    session_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sessions.id"))
    # Whole minutes after the session's start, when asked and when answered aloud.
    minute: Mapped[int | None]
    answered_minute: Mapped[int | None]

    state: Mapped[QuestionState] = mapped_column(str_enum(QuestionState, "state"))
    hidden_reason: Mapped[str] = mapped_column(sa.String(REASON_LONGEST), default="")
    hidden_at: Mapped[datetime | None]
    hidden_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    accepted_answer_id: Mapped[int | None] = mapped_column(BigId)
    accepted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    # Who owes the answer, by when, and since when it is the asker who has to reply.
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    promised_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]

    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("questions.id"))
    merged_at: Mapped[datetime | None]
    merged_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))

    vote_count: Mapped[int] = mapped_column(default=0)
    answer_count: Mapped[int] = mapped_column(default=0)
    follower_count: Mapped[int] = mapped_column(default=0)

    # Folded words (see folding.py): what the full-text index of each engine is built on.
    search_title: Mapped[str] = mapped_column(sa.Text, default="")
    search_text: Mapped[str] = mapped_column(sa.Text, default="")

    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class Answer(Base):
    """What someone replies to a question; `by_expert` is what they were when they wrote it."""

    __tablename__ = "answers"
    __table_args__ = (
        sa.UniqueConstraint("id", "question_id"),
        sa.CheckConstraint("length(text) > 0", name="text"),
        sa.CheckConstraint("vote_count >= 0", name="vote_count"),
        sa.CheckConstraint("(hidden_at IS NULL) = (length(hidden_reason) = 0)", name="hidden_reason"),
        sa.Index("ix_answers_question_id_id", "question_id", "id"),
    )

    id: Mapped[Id]
    question_id: Mapped[int] = mapped_column(sa.ForeignKey("questions.id"))
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    by_expert: Mapped[bool] = mapped_column(default=False)
    text: Mapped[str] = mapped_column(sa.Text)
    vote_count: Mapped[int] = mapped_column(default=0)
    hidden_reason: Mapped[str] = mapped_column(sa.String(REASON_LONGEST), default="")
    hidden_at: Mapped[datetime | None]
    hidden_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class Comment(Base):
    """A remark under a question or one of its answers; a clarification is what an expert needs to know first."""

    __tablename__ = "comments"
    __table_args__ = (
        sa.CheckConstraint("length(text) > 0", name="text"),
        sa.ForeignKeyConstraint(["answer_id", "question_id"], ["answers.id", "answers.question_id"]),
        sa.Index("ix_comments_question_id_id", "question_id", "id"),
    )

    id: Mapped[Id]
    question_id: Mapped[int] = mapped_column(sa.ForeignKey("questions.id"))
    answer_id: Mapped[int | None] = mapped_column(BigId)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    is_clarification: Mapped[bool] = mapped_column(default=False)
    text: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Vote(Base):
    """One person wants this question answered. The key allows one for each person."""

    __tablename__ = "votes"

    question_id: Mapped[int] = mapped_column(sa.ForeignKey("questions.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class AnswerVote(Base):
    """One person was helped by this answer. The key allows one for each person."""

    __tablename__ = "answer_votes"

    answer_id: Mapped[int] = mapped_column(sa.ForeignKey("answers.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class QuestionFollower(Base):
    """Someone who is told when this question is answered; its asker is told anyway."""

    __tablename__ = "question_followers"

    question_id: Mapped[int] = mapped_column(sa.ForeignKey("questions.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class QuestionAssignment(Base):
    """An expert's turn at a question: what was promised, and how it ended. At most one is running."""

    __tablename__ = "question_assignments"
    __table_args__ = (
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
        sa.Index(
            "uq_question_assignments_running",
            "question_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index("ix_question_assignments_expert_id_ended_at", "expert_id", "ended_at"),
    )

    id: Mapped[Id]
    question_id: Mapped[int] = mapped_column(sa.ForeignKey("questions.id"), index=True)
    expert_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    promised_at: Mapped[datetime]
    assigned_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[AssignmentOutcome | None] = mapped_column(str_enum(AssignmentOutcome, "outcome"))
