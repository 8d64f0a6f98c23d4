"""Training in full: offers to those in line, changes before their release, rooms, replays, versions, availability."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_training_in_full"
down_revision = "20261123_store"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
VERSIONS_KEPT_POSTGRESQL = (
    """
CREATE FUNCTION lesson_versions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'lesson_versions is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$
""",
    """
CREATE TRIGGER lesson_versions_kept BEFORE UPDATE OR DELETE ON lesson_versions
FOR EACH ROW EXECUTE FUNCTION lesson_versions_kept()
""",
)
VERSIONS_KEPT_SQLITE = """
CREATE TRIGGER lesson_versions_kept_{event} BEFORE {event} ON lesson_versions
BEGIN SELECT RAISE(ABORT, 'lesson_versions is append-only'); END
"""
# As plain statements: SQLite adds a column with its check in place, where Alembic would copy the table and lose its
# triggers. The default fills the rows that are there; from then on the portal gives every value.
COLUMNS = (
    ("cohorts", "room_kind", "VARCHAR(32) DEFAULT 'link' NOT NULL", "room_kind IN ('link', 'jitsi', 'bigbluebutton')"),
    (
        "cohorts",
        "waitlist_rule",
        "VARCHAR(32) DEFAULT 'first_come' NOT NULL",
        "waitlist_rule IN ('first_come', 'newcomers', 'near_certificate')",
    ),
    ("outbox_mails", "useful_until", "{moment}", ""),
    ("outbox_mails", "bulk", "BOOLEAN DEFAULT FALSE NOT NULL", ""),
    ("seats", "confirm_by", "{moment}", ""),
    ("sessions", "room_kind", "VARCHAR(32) DEFAULT 'link' NOT NULL", "room_kind IN ('link', 'jitsi', 'bigbluebutton')"),
    ("sessions", "room_id", "VARCHAR(80) DEFAULT '' NOT NULL", ""),
    ("sessions", "roster_seen_at", "{moment}", ""),
    ("sessions", "feedback_asked_at", "{moment}", ""),
    ("sessions", "replay_from_seconds", "INTEGER DEFAULT 0 NOT NULL", "replay_from_seconds >= 0"),
    ("waitlist_entries", "priority", "INTEGER DEFAULT 0 NOT NULL", ""),
    ("waitlist_entries", "priority_reason", "VARCHAR(200) DEFAULT '' NOT NULL", ""),
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _add_columns() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    moment = "TIMESTAMP WITH TIME ZONE" if is_postgresql else "DATETIME"
    for table, column, kind, check in COLUMNS:
        guard = f" CONSTRAINT ck_{table}_{column} CHECK ({check})" if check else ""
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind.format(moment=moment)}{guard}")
    op.execute(
        f"ALTER TABLE sessions ADD COLUMN lesson_version_id {'BIGINT' if is_postgresql else 'INTEGER'}"
        " CONSTRAINT fk_sessions_lesson_version_id_lesson_versions REFERENCES lesson_versions (id)"
    )
    op.create_index(
        "ix_seats_confirm_by",
        "seats",
        ["confirm_by"],
        postgresql_where=sa.text("confirm_by IS NOT NULL"),
        sqlite_where=sa.text("confirm_by IS NOT NULL"),
    )
    op.drop_index("ix_outbox_mails_state_due_at", "outbox_mails")
    op.create_index("ix_outbox_mails_state_bulk_due_at", "outbox_mails", ["state", "bulk", "due_at"])
    op.create_index(
        "ix_sessions_to_come",
        "sessions",
        ["starts_at", "id"],
        postgresql_where=sa.text("state IN ('scheduled', 'live')"),
        sqlite_where=sa.text("state IN ('scheduled', 'live')"),
    )
    op.create_index(
        "ix_sessions_recorded",
        "sessions",
        ["lesson_id", "starts_at"],
        postgresql_where=sa.text("replay_url <> ''"),
        sqlite_where=sa.text("replay_url <> ''"),
    )
    for line in ("cohort_id", "session_id"):
        op.create_index(
            f"ix_waitlist_entries_{line}_line", "waitlist_entries", [line, "state", "priority", "queued_at"]
        )


def _create_triggers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in VERSIONS_KEPT_POSTGRESQL:
            op.execute(statement)
        return
    for event in ("update", "delete"):
        op.execute(VERSIONS_KEPT_SQLITE.format(event=event))


def _create_tables() -> None:
    op.create_table(
        "recomputations",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("position", BIG_ID, nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_recomputations")),
    )
    op.create_table(
        "expert_absences",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=120), nullable=False),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_expert_absences_span")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_expert_absences_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_absences")),
    )
    op.create_index("ix_expert_absences_user_id_first_on", "expert_absences", ["user_id", "first_on"], unique=False)
    op.create_table(
        "expert_availabilities",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("from_time", sa.Time(), nullable=False),
        sa.Column("until_time", sa.Time(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.CheckConstraint("until_time > from_time", name=op.f("ck_expert_availabilities_span")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_expert_availabilities_weekday")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_expert_availabilities_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_availabilities")),
        sa.UniqueConstraint(
            "user_id", "weekday", "from_time", name=op.f("uq_expert_availabilities_user_id_weekday_from_time")
        ),
    )
    op.create_table(
        "expert_languages",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_expert_languages_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "language", name=op.f("pk_expert_languages")),
    )
    op.create_table(
        "group_messages",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("cohort_id", BIG_ID, nullable=False),
        sa.Column("audience", _choice("audience", "everyone", "not_started", "missed_two", "waiting"), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("idempotency_key", sa.String(length=43), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("created_by", BIG_ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.id"], name=op.f("fk_group_messages_cohort_id_cohorts")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_group_messages_created_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_messages")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_group_messages_idempotency_key")),
    )
    op.create_index(op.f("ix_group_messages_cohort_id"), "group_messages", ["cohort_id"], unique=False)


def _create_more_tables() -> None:
    op.create_table(
        "lesson_versions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("lesson_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("created_by", BIG_ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_lesson_versions_number")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_lesson_versions_created_by_users")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_lesson_versions_lesson_id_lessons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson_versions")),
        sa.UniqueConstraint("lesson_id", "number", name=op.f("uq_lesson_versions_lesson_id_number")),
    )
    op.create_table(
        "task_ticks",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("lesson_id", BIG_ID, nullable=False),
        sa.Column("ticked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_task_ticks_lesson_id_lessons")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_task_ticks_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "lesson_id", name=op.f("pk_task_ticks")),
    )
    op.create_table(
        "session_changes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("session_id", BIG_ID, nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("local_time", sa.Time(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expert_id", BIG_ID, nullable=False),
        sa.Column("room_kind", _choice("room_kind", "link", "jitsi", "bigbluebutton"), nullable=False),
        sa.Column("video_url", sa.String(length=500), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("created_by", BIG_ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", BIG_ID, nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name=op.f("ck_session_changes_release")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_session_changes_span")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_session_changes_created_by_users")),
        sa.ForeignKeyConstraint(["expert_id"], ["users.id"], name=op.f("fk_session_changes_expert_id_users")),
        sa.ForeignKeyConstraint(["released_by"], ["users.id"], name=op.f("fk_session_changes_released_by_users")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_session_changes_session_id_sessions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_changes")),
    )
    op.create_index("ix_session_changes_session_id", "session_changes", ["session_id"], unique=False)
    op.create_index(
        "uq_session_changes_waiting",
        "session_changes",
        ["session_id"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
        sqlite_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "session_feedbacks",
        sa.Column("session_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_session_feedbacks_stars")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_session_feedbacks_session_id_sessions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_session_feedbacks_user_id_users")),
        sa.PrimaryKeyConstraint("session_id", "user_id", name=op.f("pk_session_feedbacks")),
    )
    op.create_index(op.f("ix_session_feedbacks_user_id"), "session_feedbacks", ["user_id"], unique=False)
    op.create_table(
        "slide_turns",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("session_id", BIG_ID, nullable=False),
        sa.Column("slide", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("slide >= 0", name=op.f("ck_slide_turns_slide")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_slide_turns_session_id_sessions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slide_turns")),
    )
    op.create_index(op.f("ix_slide_turns_session_id"), "slide_turns", ["session_id"], unique=False)
    op.create_table(
        "waitlist_offers",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("entry_id", BIG_ID, nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome", _choice("outcome", "open", "taken", "declined", "expired", "given", "withdrawn"), nullable=False
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["waitlist_entries.id"], name=op.f("fk_waitlist_offers_entry_id_waitlist_entries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_offers")),
    )
    op.create_index("ix_waitlist_offers_entry_id", "waitlist_offers", ["entry_id"], unique=False)
    op.create_index(
        "uq_waitlist_offers_open",
        "waitlist_offers",
        ["entry_id"],
        unique=True,
        postgresql_where=sa.text("outcome = 'open'"),
        sqlite_where=sa.text("outcome = 'open'"),
    )


def _create_imports() -> None:
    op.create_table(
        "people_imports",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("cohort_id", BIG_ID, nullable=False),
        sa.Column("state", _choice("state", "checked", "running", "done"), nullable=False),
        sa.Column("file_name", sa.String(length=120), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enrolled", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("created_by", BIG_ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name=op.f("ck_people_imports_finished")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_people_imports_position")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.id"], name=op.f("fk_people_imports_cohort_id_cohorts")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_people_imports_created_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_imports")),
    )
    op.create_index(op.f("ix_people_imports_cohort_id"), "people_imports", ["cohort_id"], unique=False)
    op.create_index("ix_people_imports_state", "people_imports", ["state"], unique=False)


def _create_publications() -> None:
    op.create_table(
        "room_publications",
        sa.Column("session_id", BIG_ID, nullable=False),
        sa.Column("version", BIG_ID, nullable=False),
        sa.Column("published", BIG_ID, nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("published <= version", name=op.f("ck_room_publications_published")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_room_publications_session_id_sessions")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_room_publications")),
    )
    op.create_index(
        "ix_room_publications_waiting",
        "room_publications",
        ["session_id"],
        postgresql_where=sa.text("published < version"),
        sqlite_where=sa.text("published < version"),
    )


def upgrade() -> None:
    """Build."""
    _create_tables()
    _create_publications()
    _create_more_tables()
    _create_imports()
    _add_columns()
    _create_triggers()


def downgrade() -> None:
    """Take down."""
    for line in ("cohort_id", "session_id"):
        op.drop_index(f"ix_waitlist_entries_{line}_line", "waitlist_entries")
    op.drop_index("ix_outbox_mails_state_bulk_due_at", "outbox_mails")
    op.create_index("ix_outbox_mails_state_due_at", "outbox_mails", ["state", "due_at"])
    op.drop_index("ix_sessions_recorded", "sessions")
    op.drop_index("ix_sessions_to_come", "sessions")
    op.drop_index("ix_seats_confirm_by", "seats")
    for table, column in [("sessions", "lesson_version_id"), *((table, column) for table, column, *_ in COLUMNS)]:
        # SQLite drops it in place too, where Alembic's batch would copy the table and lose its triggers.
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in (
        "room_publications",
        "people_imports",
        "waitlist_offers",
        "slide_turns",
        "session_feedbacks",
        "session_changes",
        "task_ticks",
        "lesson_versions",
        "group_messages",
        "expert_languages",
        "expert_availabilities",
        "expert_absences",
        "recomputations",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION lesson_versions_kept()")
