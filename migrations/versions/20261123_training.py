"""Programme, cohorts, sessions, enrolment, attendance."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_training"
down_revision = "20261123_wallet"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


# One expert is never in two sessions at once. Drafts are private plans and may still collide; they are
# checked here when they are released. No extension is needed: an int8range of one number equals by `&&`.
EXPERT_ONCE_POSTGRESQL = """
ALTER TABLE sessions ADD CONSTRAINT ex_sessions_expert_once
EXCLUDE USING gist (int8range(expert_id, expert_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&)
WHERE (state NOT IN ('draft', 'cancelled'))
"""
EXPERT_ONCE_SQLITE = """
CREATE TRIGGER sessions_expert_once_{event} BEFORE {when} ON sessions
WHEN NEW.state NOT IN ('draft', 'cancelled')
BEGIN
    SELECT RAISE(ABORT, 'ex_sessions_expert_once') WHERE EXISTS (
        SELECT 1 FROM sessions
        WHERE expert_id = NEW.expert_id AND state NOT IN ('draft', 'cancelled')
        AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at AND id IS NOT NEW.id
    );
END
"""
OVERRIDES_KEPT_POSTGRESQL = (
    """
CREATE FUNCTION attendance_overrides_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'attendance_overrides is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$
""",
    """
CREATE TRIGGER attendance_overrides_kept BEFORE UPDATE OR DELETE ON attendance_overrides
FOR EACH ROW EXECUTE FUNCTION attendance_overrides_kept()
""",
)
OVERRIDES_KEPT_SQLITE = """
CREATE TRIGGER attendance_overrides_kept_{event} BEFORE {event} ON attendance_overrides
BEGIN SELECT RAISE(ABORT, 'attendance_overrides is append-only'); END
"""


def _create_triggers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(EXPERT_ONCE_POSTGRESQL)
        for statement in OVERRIDES_KEPT_POSTGRESQL:
            op.execute(statement)
        return
    op.execute(EXPERT_ONCE_SQLITE.format(event="insert", when="INSERT"))
    op.execute(EXPERT_ONCE_SQLITE.format(event="update", when="UPDATE OF expert_id, starts_at, ends_at, state"))
    for event in ("update", "delete"):
        op.execute(OVERRIDES_KEPT_SQLITE.format(event=event))


def upgrade() -> None:
    """Build."""
    op.create_table(
        "programmes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("needed_lessons", sa.Integer(), nullable=False),
        sa.Column("bar_percent", sa.Integer(), nullable=False),
        sa.Column("session_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("bar_percent BETWEEN 1 AND 100", name=op.f("ck_programmes_bar_percent")),
        sa.CheckConstraint("needed_lessons BETWEEN 1 AND 25", name=op.f("ck_programmes_needed_lessons")),
        sa.CheckConstraint("session_minutes BETWEEN 5 AND 240", name=op.f("ck_programmes_session_minutes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programmes")),
        sa.UniqueConstraint("slug", name=op.f("uq_programmes_slug")),
    )
    op.create_table(
        "calendar_feeds",
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("token", sa.String(length=43), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_calendar_feeds_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint("token", name=op.f("uq_calendar_feeds_token")),
    )
    op.create_table(
        "cohorts",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("local_time", sa.Time(), nullable=False),
        sa.Column("weekdays", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("days_off", sa.JSON(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("seats_taken", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            _choice("state", "draft", "released", "finished"),
            nullable=False,
        ),
        sa.Column("video_url", sa.String(length=500), nullable=False),
        sa.Column("created_by", BIG_ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_cohorts_capacity")),
        sa.CheckConstraint("seats_taken BETWEEN 0 AND capacity", name=op.f("ck_cohorts_seats_taken")),
        sa.CheckConstraint("weekdays BETWEEN 1 AND 127", name=op.f("ck_cohorts_weekdays")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_cohorts_created_by_users")),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_cohorts_programme_id_programmes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohorts")),
    )
    op.create_index("ix_cohorts_state_first_on", "cohorts", ["state", "first_on"], unique=False)
    op.create_table(
        "lessons",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("programme_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND 25", name=op.f("ck_lessons_number")),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_lessons_programme_id_programmes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lessons")),
        sa.UniqueConstraint("programme_id", "number", name=op.f("uq_lessons_programme_id_number")),
    )
    op.create_table(
        "cohort_experts",
        sa.Column("cohort_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.id"], name=op.f("fk_cohort_experts_cohort_id_cohorts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_cohort_experts_user_id_users")),
        sa.PrimaryKeyConstraint("cohort_id", "user_id", name=op.f("pk_cohort_experts")),
        sa.UniqueConstraint("cohort_id", "position", name=op.f("uq_cohort_experts_cohort_id_position")),
    )
    op.create_table(
        "enrolments",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("cohort_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column(
            "state",
            _choice("state", "active", "left"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.id"], name=op.f("fk_enrolments_cohort_id_cohorts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_enrolments_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
        sa.UniqueConstraint("cohort_id", "user_id", name=op.f("uq_enrolments_cohort_id_user_id")),
    )
    op.create_index(op.f("ix_enrolments_user_id"), "enrolments", ["user_id"], unique=False)
    op.create_table(
        "quiz_attempts",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("lesson_id", BIG_ID, nullable=False),
        sa.Column("right_answers", sa.Integer(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("right_answers BETWEEN 0 AND questions", name=op.f("ck_quiz_attempts_right_answers")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_quiz_attempts_lesson_id_lessons")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_quiz_attempts_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiz_attempts")),
    )
    op.create_index("ix_quiz_attempts_user_id_lesson_id", "quiz_attempts", ["user_id", "lesson_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("cohort_id", BIG_ID, nullable=False),
        sa.Column("lesson_id", BIG_ID, nullable=False),
        sa.Column("expert_id", BIG_ID, nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("local_time", sa.Time(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            _choice("state", "draft", "scheduled", "live", "ended", "cancelled"),
            nullable=False,
        ),
        sa.Column("bar_percent", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slide", sa.Integer(), nullable=False),
        sa.Column("video_url", sa.String(length=500), nullable=False),
        sa.Column("replay_url", sa.String(length=500), nullable=False),
        sa.Column("calendar_uid", sa.String(length=80), nullable=False),
        sa.Column("calendar_sequence", sa.Integer(), nullable=False),
        sa.Column("moved_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guest_capacity", sa.Integer(), nullable=False),
        sa.Column("guests_taken", sa.Integer(), nullable=False),
        sa.Column("day_reminder_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("soon_reminder_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("bar_percent BETWEEN 1 AND 100", name=op.f("ck_sessions_bar_percent")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_sessions_span")),
        sa.CheckConstraint("guests_taken BETWEEN 0 AND guest_capacity", name=op.f("ck_sessions_guests_taken")),
        sa.CheckConstraint("slide >= 0", name=op.f("ck_sessions_slide")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.id"], name=op.f("fk_sessions_cohort_id_cohorts")),
        sa.ForeignKeyConstraint(["expert_id"], ["users.id"], name=op.f("fk_sessions_expert_id_users")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name=op.f("fk_sessions_lesson_id_lessons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("calendar_uid", name=op.f("uq_sessions_calendar_uid")),
        sa.UniqueConstraint("cohort_id", "lesson_id", name=op.f("uq_sessions_cohort_id_lesson_id")),
    )
    op.create_index("ix_sessions_expert_id_starts_at", "sessions", ["expert_id", "starts_at"], unique=False)
    op.create_index("ix_sessions_lesson_id_starts_at", "sessions", ["lesson_id", "starts_at"], unique=False)
    op.create_index("ix_sessions_state_starts_at", "sessions", ["state", "starts_at"], unique=False)
    op.create_table(
        "attendances",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("session_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column(
            "state",
            _choice("state", "present", "partial", "excused", "absent", "technical", "replay"),
            nullable=False,
        ),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("session_seconds", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_attendances_seconds")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_attendances_session_id_sessions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_attendances_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendances")),
        sa.UniqueConstraint("session_id", "user_id", name=op.f("uq_attendances_session_id_user_id")),
    )
    op.create_index("ix_attendances_user_id_state", "attendances", ["user_id", "state"], unique=False)
    op.create_table(
        "presence_pings",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("session_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column(
            "source",
            _choice("source", "page", "button", "roster"),
            nullable=False,
        ),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until_at >= from_at", name=op.f("ck_presence_pings_span")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_presence_pings_session_id_sessions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_presence_pings_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence_pings")),
        sa.UniqueConstraint(
            "session_id",
            "user_id",
            "device",
            "from_at",
            name=op.f("uq_presence_pings_session_id_user_id_device_from_at"),
        ),
    )
    op.create_index("ix_presence_pings_session_id_until_at", "presence_pings", ["session_id", "until_at"], unique=False)
    op.create_table(
        "seats",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("session_id", BIG_ID, nullable=False),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column("enrolment_id", BIG_ID, nullable=True),
        sa.Column("calendar_offset", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            _choice("state", "held", "released"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_seats_enrolment_id_enrolments")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_seats_session_id_sessions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_seats_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seats")),
        sa.UniqueConstraint("session_id", "user_id", name=op.f("uq_seats_session_id_user_id")),
    )
    op.create_index("ix_seats_enrolment_id", "seats", ["enrolment_id"], unique=False)
    op.create_index("ix_seats_user_id_state", "seats", ["user_id", "state"], unique=False)
    op.create_table(
        "waitlist_entries",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("cohort_id", BIG_ID, nullable=True),
        sa.Column("session_id", BIG_ID, nullable=True),
        sa.Column("user_id", BIG_ID, nullable=False),
        sa.Column(
            "state",
            _choice("state", "waiting", "offered", "taken", "left", "expired"),
            nullable=False,
        ),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expired_offers", sa.Integer(), nullable=False),
        sa.Column("offer_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'offered') = (offer_expires_at IS NOT NULL)", name=op.f("ck_waitlist_entries_offer")
        ),
        sa.CheckConstraint("(cohort_id IS NULL) <> (session_id IS NULL)", name=op.f("ck_waitlist_entries_one_line")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.id"], name=op.f("fk_waitlist_entries_cohort_id_cohorts")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_waitlist_entries_session_id_sessions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_waitlist_entries_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entries")),
        sa.UniqueConstraint("cohort_id", "user_id", name=op.f("uq_waitlist_entries_cohort_id_user_id")),
        sa.UniqueConstraint("session_id", "user_id", name=op.f("uq_waitlist_entries_session_id_user_id")),
    )
    op.create_index("ix_waitlist_entries_state_queued_at", "waitlist_entries", ["state", "queued_at"], unique=False)
    op.create_index(op.f("ix_waitlist_entries_user_id"), "waitlist_entries", ["user_id"], unique=False)
    op.create_table(
        "attendance_overrides",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("attendance_id", BIG_ID, nullable=False),
        sa.Column("organiser_id", BIG_ID, nullable=False),
        sa.Column(
            "before",
            _choice("before", "present", "partial", "excused", "absent", "technical", "replay"),
            nullable=False,
        ),
        sa.Column(
            "after",
            _choice("after", "present", "partial", "excused", "absent", "technical", "replay"),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(reason) >= 3", name=op.f("ck_attendance_overrides_reason")),
        sa.ForeignKeyConstraint(
            ["attendance_id"], ["attendances.id"], name=op.f("fk_attendance_overrides_attendance_id_attendances")
        ),
        sa.ForeignKeyConstraint(
            ["organiser_id"], ["users.id"], name=op.f("fk_attendance_overrides_organiser_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_overrides")),
    )
    op.create_index(
        op.f("ix_attendance_overrides_attendance_id"), "attendance_overrides", ["attendance_id"], unique=False
    )
    _create_triggers()


def downgrade() -> None:
    """Take down."""
    op.drop_table("attendance_overrides")
    op.drop_table("waitlist_entries")
    op.drop_table("seats")
    op.drop_table("presence_pings")
    op.drop_table("attendances")
    op.drop_table("sessions")
    op.drop_table("quiz_attempts")
    op.drop_table("enrolments")
    op.drop_table("cohort_experts")
    op.drop_table("lessons")
    op.drop_table("cohorts")
    op.drop_table("calendar_feeds")
    op.drop_table("programmes")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION attendance_overrides_kept()")
