"""Questions, answers, votes; the full-text index of each engine; the five topics."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_forum"
down_revision = "20261123_training"
branch_labels = None
depends_on = None

_ON_QUESTIONS = "search_title, search_text"

# PostgreSQL writes this column itself: it cannot fall out of step with the words it is made of.
_POSTGRESQL = (
    """
    ALTER TABLE questions ADD COLUMN search_vector tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple'::regconfig, search_title), 'A')
        || setweight(to_tsvector('simple'::regconfig, search_text), 'C')
    ) STORED
    """,
    "CREATE INDEX ix_questions_search_vector ON questions USING gin (search_vector)",
)

# SQLite keeps an index over the same two columns; triggers keep it in step.
_SQLITE = (
    f"""
    CREATE VIRTUAL TABLE question_search USING fts5(
        {_ON_QUESTIONS}, content='questions', content_rowid='id', tokenize='unicode61 remove_diacritics 0'
    )
    """,
    f"""
    CREATE TRIGGER questions_search_insert AFTER INSERT ON questions BEGIN
        INSERT INTO question_search (rowid, {_ON_QUESTIONS}) VALUES (new.id, new.search_title, new.search_text);
    END
    """,
    f"""
    CREATE TRIGGER questions_search_delete AFTER DELETE ON questions BEGIN
        INSERT INTO question_search (question_search, rowid, {_ON_QUESTIONS})
        VALUES ('delete', old.id, old.search_title, old.search_text);
    END
    """,
    f"""
    CREATE TRIGGER questions_search_update AFTER UPDATE OF {_ON_QUESTIONS} ON questions BEGIN
        INSERT INTO question_search (question_search, rowid, {_ON_QUESTIONS})
        VALUES ('delete', old.id, old.search_title, old.search_text);
        INSERT INTO question_search (rowid, {_ON_QUESTIONS}) VALUES (new.id, new.search_title, new.search_text);
    END
    """,
)

_TOPICS = (
    ("preparer", "Préparer ma boutique", "Getting my shop ready", "تجهيز متجري", [1, 2, 3, 4, 5, 6, 8, 9]),
    ("prix-et-tva", "Prix, TVA et factures", "Prices, VAT and invoices", "الأسعار والضريبة والفواتير", [7, 24]),
    ("argent", "Encaisser et payer", "Being paid and paying", "القبض والدفع", [12, 13, 15]),
    (
        "livraison",
        "Retrait, livraison et retours",
        "Pick-up, delivery and returns",
        "الاستلام والتوصيل والإرجاع",
        [10, 11, 14],
    ),
    (
        "clients",
        "Clients et visibilité",
        "Customers and being seen",
        "الزبائن والظهور",
        [16, 17, 18, 19, 20, 21, 22, 23, 25],
    ),
)


def upgrade() -> None:
    """Build."""
    topics = op.create_table(
        "topics",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title_fr", sa.String(length=80), nullable=False),
        sa.Column("title_en", sa.String(length=80), nullable=False),
        sa.Column("title_ar", sa.String(length=80), nullable=False),
        sa.Column("lesson_numbers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint("position", name=op.f("uq_topics_position")),
        sa.UniqueConstraint("slug", name=op.f("uq_topics_slug")),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("asker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column(
            "language",
            sa.Enum("fr", "en", "ar", name="language", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("lesson_number", sa.Integer(), nullable=True),
        sa.Column("topic_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("minute", sa.Integer(), nullable=True),
        sa.Column("answered_minute", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "published",
                "highlighted",
                "open",
                "answered",
                "solved",
                "hidden",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("hidden_reason", sa.String(length=500), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_answer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("accepted_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("vote_count", sa.Integer(), nullable=False),
        sa.Column("answer_count", sa.Integer(), nullable=False),
        sa.Column("follower_count", sa.Integer(), nullable=False),
        sa.Column("search_title", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state <> 'hidden' OR length(hidden_reason) > 0", name=op.f("ck_questions_hidden_reason")),
        sa.CheckConstraint(
            "state <> 'solved' OR accepted_answer_id IS NOT NULL", name=op.f("ck_questions_solved_answer")
        ),
        sa.CheckConstraint(
            "state NOT IN ('pending', 'published', 'highlighted') OR session_id IS NOT NULL",
            name=op.f("ck_questions_live_session"),
        ),
        sa.CheckConstraint("(merged_into_id IS NULL) = (merged_at IS NULL)", name=op.f("ck_questions_merged_at")),
        sa.CheckConstraint(
            "answered_minute IS NULL OR (session_id IS NOT NULL AND answered_minute >= 0)",
            name=op.f("ck_questions_answered_minute"),
        ),
        sa.CheckConstraint("length(title) > 0", name=op.f("ck_questions_title")),
        sa.CheckConstraint("lesson_number BETWEEN 1 AND 25", name=op.f("ck_questions_lesson_number")),
        sa.CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name=op.f("ck_questions_merged_into")),
        sa.CheckConstraint(
            "minute IS NULL OR (session_id IS NOT NULL AND minute >= 0)", name=op.f("ck_questions_minute")
        ),
        sa.CheckConstraint("owner_id IS NULL OR promised_at IS NOT NULL", name=op.f("ck_questions_promise")),
        sa.CheckConstraint("paused_at IS NULL OR promised_at IS NOT NULL", name=op.f("ck_questions_pause")),
        sa.CheckConstraint(
            "vote_count >= 0 AND answer_count >= 0 AND follower_count >= 0", name=op.f("ck_questions_counts")
        ),
        sa.ForeignKeyConstraint(
            ["accepted_answer_id", "id"],
            ["answers.id", "answers.question_id"],
            name="fk_questions_accepted_answer",
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["users.id"], name=op.f("fk_questions_accepted_by_id_users")),
        sa.ForeignKeyConstraint(["asker_id"], ["users.id"], name=op.f("fk_questions_asker_id_users")),
        sa.ForeignKeyConstraint(["hidden_by_id"], ["users.id"], name=op.f("fk_questions_hidden_by_id_users")),
        sa.ForeignKeyConstraint(["merged_by_id"], ["users.id"], name=op.f("fk_questions_merged_by_id_users")),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["questions.id"], name=op.f("fk_questions_merged_into_id_questions")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_questions_owner_id_users")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_questions_session_id_sessions")),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name=op.f("fk_questions_topic_id_topics")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
    )
    op.create_index("ix_questions_asker_id_id", "questions", ["asker_id", "id"], unique=False)
    op.create_index("ix_questions_lesson_number_id", "questions", ["lesson_number", "id"], unique=False)
    op.create_index(
        "ix_questions_merged_into_id",
        "questions",
        ["merged_into_id"],
        unique=False,
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        sqlite_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.create_index(
        "ix_questions_open",
        "questions",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_questions_owner_promise",
        "questions",
        ["owner_id", "promised_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_questions_session_id_id", "questions", ["session_id", "id"], unique=False)
    op.create_index("ix_questions_topic_id_id", "questions", ["topic_id", "id"], unique=False)
    op.create_index(
        "uq_questions_highlighted",
        "questions",
        ["session_id"],
        unique=True,
        postgresql_where=sa.text("state = 'highlighted'"),
        sqlite_where=sa.text("state = 'highlighted'"),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("question_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by_expert", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("vote_count", sa.Integer(), nullable=False),
        sa.Column("hidden_reason", sa.String(length=500), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(hidden_at IS NULL) = (length(hidden_reason) = 0)", name=op.f("ck_answers_hidden_reason")),
        sa.CheckConstraint("length(text) > 0", name=op.f("ck_answers_text")),
        sa.CheckConstraint("vote_count >= 0", name=op.f("ck_answers_vote_count")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_answers_author_id_users")),
        sa.ForeignKeyConstraint(["hidden_by_id"], ["users.id"], name=op.f("fk_answers_hidden_by_id_users")),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name=op.f("fk_answers_question_id_questions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sa.UniqueConstraint("id", "question_id", name=op.f("uq_answers_id_question_id")),
    )
    op.create_index(op.f("ix_answers_author_id"), "answers", ["author_id"], unique=False)
    op.create_index("ix_answers_question_id_id", "answers", ["question_id", "id"], unique=False)
    op.create_table(
        "question_assignments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("question_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "answered",
                "passed",
                "silent",
                "taken",
                "closed",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_question_assignments_ended")),
        sa.ForeignKeyConstraint(["expert_id"], ["users.id"], name=op.f("fk_question_assignments_expert_id_users")),
        sa.ForeignKeyConstraint(
            ["question_id"], ["questions.id"], name=op.f("fk_question_assignments_question_id_questions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_assignments")),
    )
    op.create_index(
        "ix_question_assignments_expert_id_ended_at", "question_assignments", ["expert_id", "ended_at"], unique=False
    )
    op.create_index(op.f("ix_question_assignments_question_id"), "question_assignments", ["question_id"], unique=False)
    op.create_index(
        "uq_question_assignments_running",
        "question_assignments",
        ["question_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "question_followers",
        sa.Column("question_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["questions.id"], name=op.f("fk_question_followers_question_id_questions")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_question_followers_user_id_users")),
        sa.PrimaryKeyConstraint("question_id", "user_id", name=op.f("pk_question_followers")),
    )
    op.create_index(op.f("ix_question_followers_user_id"), "question_followers", ["user_id"], unique=False)
    op.create_table(
        "votes",
        sa.Column("question_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name=op.f("fk_votes_question_id_questions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_votes_user_id_users")),
        sa.PrimaryKeyConstraint("question_id", "user_id", name=op.f("pk_votes")),
    )
    op.create_index(op.f("ix_votes_user_id"), "votes", ["user_id"], unique=False)
    op.create_table(
        "answer_votes",
        sa.Column("answer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name=op.f("fk_answer_votes_answer_id_answers")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_answer_votes_user_id_users")),
        sa.PrimaryKeyConstraint("answer_id", "user_id", name=op.f("pk_answer_votes")),
    )
    op.create_index(op.f("ix_answer_votes_user_id"), "answer_votes", ["user_id"], unique=False)
    op.create_table(
        "comments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("question_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("answer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_clarification", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(text) > 0", name=op.f("ck_comments_text")),
        sa.ForeignKeyConstraint(
            ["answer_id", "question_id"],
            ["answers.id", "answers.question_id"],
            name=op.f("fk_comments_answer_id_question_id_answers"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_comments_author_id_users")),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name=op.f("fk_comments_question_id_questions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(op.f("ix_comments_author_id"), "comments", ["author_id"], unique=False)
    op.create_index("ix_comments_question_id_id", "comments", ["question_id", "id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.create_foreign_key(
            "fk_questions_accepted_answer", "questions", "answers", ["accepted_answer_id", "id"], ["id", "question_id"]
        )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
    op.bulk_insert(
        topics,
        [
            {"slug": slug, "position": n, "title_fr": fr, "title_en": en, "title_ar": ar, "lesson_numbers": lessons}
            for n, (slug, fr, en, ar, lessons) in enumerate(_TOPICS, 1)
        ],
    )


def downgrade() -> None:
    """Take down."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_questions_accepted_answer", "questions", type_="foreignkey")
    else:
        op.execute("DROP TABLE question_search")
        for event in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER questions_search_{event}")
    op.drop_index("ix_comments_question_id_id", table_name="comments")
    op.drop_index(op.f("ix_comments_author_id"), table_name="comments")
    op.drop_table("comments")
    op.drop_index(op.f("ix_answer_votes_user_id"), table_name="answer_votes")
    op.drop_table("answer_votes")
    op.drop_index(op.f("ix_votes_user_id"), table_name="votes")
    op.drop_table("votes")
    op.drop_index(op.f("ix_question_followers_user_id"), table_name="question_followers")
    op.drop_table("question_followers")
    op.drop_index(
        "uq_question_assignments_running",
        table_name="question_assignments",
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(op.f("ix_question_assignments_question_id"), table_name="question_assignments")
    op.drop_index("ix_question_assignments_expert_id_ended_at", table_name="question_assignments")
    op.drop_table("question_assignments")
    op.drop_index("ix_answers_question_id_id", table_name="answers")
    op.drop_index(op.f("ix_answers_author_id"), table_name="answers")
    op.drop_table("answers")
    op.drop_index(
        "uq_questions_highlighted",
        table_name="questions",
        postgresql_where=sa.text("state = 'highlighted'"),
        sqlite_where=sa.text("state = 'highlighted'"),
    )
    op.drop_index("ix_questions_topic_id_id", table_name="questions")
    op.drop_index("ix_questions_session_id_id", table_name="questions")
    op.drop_index(
        "ix_questions_owner_promise",
        table_name="questions",
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.drop_index(
        "ix_questions_open",
        table_name="questions",
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.drop_index(
        "ix_questions_merged_into_id",
        table_name="questions",
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        sqlite_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.drop_index("ix_questions_lesson_number_id", table_name="questions")
    op.drop_index("ix_questions_asker_id_id", table_name="questions")
    op.drop_table("questions")
    op.drop_table("topics")
