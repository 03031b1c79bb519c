"""Tasks know the trace of the request that made them."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column that may be empty; nothing is rewritten, and code of before goes on to write its rows."""
    op.execute(COLUMN)


def downgrade() -> None:
    """Drop it again; the traces of tasks begin with their runs."""
    op.execute("ALTER TABLE analysis_tasks DROP COLUMN traceparent")


COLUMN = """
    ALTER TABLE analysis_tasks ADD COLUMN traceparent text;
    COMMENT ON COLUMN analysis_tasks.traceparent IS 'The span of the request that made the task, as in W3C Trace Context; none where nothing is traced.';
"""
