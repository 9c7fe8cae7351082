"""grades, marks, their history, and copies of exams, people, attempts"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answer_keys",
        sa.Column("exam_id", sa.Uuid(), nullable=False),
        sa.Column("exam_version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("exam_id", "exam_version", name=op.f("pk_answer_keys")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("exam_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("marking_due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("marking_tries", sa.Integer(), nullable=False),
        sa.Column("marking_error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_exam_id"), "attempts", ["exam_id"], unique=False)
    op.create_index(
        "ix_attempts_marking_due",
        "attempts",
        ["marking_due_at"],
        unique=False,
        postgresql_where=sa.text("marking_due_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_attempts_student_id"), "attempts", ["student_id"], unique=False)
    op.create_table(
        "centres",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_centres")),
    )
    op.create_table(
        "classes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("section", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("academic_year", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classes")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.BYTEA(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("parked_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint("event_id", name=op.f("uq_dead_letters_event_id")),
    )
    op.create_index(
        "ix_dead_letters_waiting",
        "dead_letters",
        ["topic", "key"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "exams",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("instructor_id", sa.Uuid(), nullable=False),
        sa.Column("evaluator_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("allow_review_after_submit", sa.Boolean(), nullable=False),
        sa.Column("show_answers_after_submit", sa.Boolean(), nullable=False),
        sa.Column("release_automatically", sa.Boolean(), nullable=False),
        sa.Column("closes_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exams")),
    )
    op.create_index(op.f("ix_exams_instructor_id"), "exams", ["instructor_id"], unique=False)
    op.create_table(
        "grade_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("old_points", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("new_points", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("old_feedback", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("new_feedback", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade_changes")),
    )
    op.create_index("ix_grade_changes_attempt", "grade_changes", ["attempt_id", "id"], unique=False)
    op.create_table(
        "grades",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exam_id", sa.Uuid(), nullable=False),
        sa.Column("exam_version", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("is_released", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("max_score", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("percentage", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("has_passed", sa.Boolean(), nullable=False),
        sa.Column("waiting_count", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=True),
        sa.Column("centre_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("marked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("released_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.CheckConstraint("(status = 'waiting') = (waiting_count > 0)", name=op.f("ck_grades_waiting")),
        sa.CheckConstraint("NOT is_released OR status = 'finalized'", name=op.f("ck_grades_released_is_final")),
        sa.CheckConstraint("status IN ('waiting', 'marked', 'finalized')", name=op.f("ck_grades_status")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_grades")),
    )
    op.create_index(op.f("ix_grades_centre_id"), "grades", ["centre_id"], unique=False)
    op.create_index("ix_grades_exam", "grades", ["exam_id", "submitted_at", "attempt_id"], unique=False)
    op.create_index(op.f("ix_grades_student_id"), "grades", ["student_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=False),
        sa.Column("reply", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("actor", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_inbox")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.BYTEA(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_unpublished", "outbox", ["id"], unique=False, postgresql_where=sa.text("published_at IS NULL")
    )
    op.create_table(
        "outbox_log",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("replay_from", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("end_offsets", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_outbox_log")),
        comment="How far the broker's log of a topic is known to be taken in; see chassis/relay.py",
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("registration_number", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_table(
        "question_marks",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("topic", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("points_awarded", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("max_points", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("is_human", sa.Boolean(), nullable=False),
        sa.Column("feedback", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("marked_by", sa.Uuid(), nullable=True),
        sa.Column("marked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'waiting') = (points_awarded IS NULL)", name=op.f("ck_question_marks_waiting_has_no_points")
        ),
        sa.CheckConstraint(
            "outcome IN ('correct', 'partial', 'wrong', 'unanswered', 'waiting')",
            name=op.f("ck_question_marks_outcome"),
        ),
        sa.CheckConstraint(
            "NOT is_human OR points_awarded >= 0", name=op.f("ck_question_marks_a_human_takes_nothing_away")
        ),
        sa.CheckConstraint("points_awarded <= max_points", name=op.f("ck_question_marks_at_most_the_points")),
        sa.ForeignKeyConstraint(["attempt_id"], ["grades.attempt_id"], name=op.f("fk_question_marks_attempt_id")),
        sa.PrimaryKeyConstraint("attempt_id", "question_id", name=op.f("pk_question_marks")),
    )
    op.create_index(
        "ix_question_marks_waiting",
        "question_marks",
        ["attempt_id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'waiting'"),
    )
    # The history of human marks only grows, whoever holds a connection.
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER grade_changes_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON grade_changes"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_index(
        "ix_question_marks_waiting", table_name="question_marks", postgresql_where=sa.text("outcome = 'waiting'")
    )
    op.drop_table("question_marks")
    op.drop_table("people")
    op.drop_table("outbox_log")
    op.drop_index("ix_outbox_unpublished", table_name="outbox", postgresql_where=sa.text("published_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("idempotency_keys")
    op.drop_index(op.f("ix_grades_student_id"), table_name="grades")
    op.drop_index("ix_grades_exam", table_name="grades")
    op.drop_index(op.f("ix_grades_centre_id"), table_name="grades")
    op.drop_table("grades")
    op.drop_index("ix_grade_changes_attempt", table_name="grade_changes")
    op.drop_table("grade_changes")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_index(op.f("ix_exams_instructor_id"), table_name="exams")
    op.drop_table("exams")
    op.drop_index("ix_dead_letters_waiting", table_name="dead_letters", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_table("dead_letters")
    op.drop_table("classes")
    op.drop_table("centres")
    op.drop_index(op.f("ix_attempts_student_id"), table_name="attempts")
    op.drop_index(
        "ix_attempts_marking_due", table_name="attempts", postgresql_where=sa.text("marking_due_at IS NOT NULL")
    )
    op.drop_index(op.f("ix_attempts_exam_id"), table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("answer_keys")
