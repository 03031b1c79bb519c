"""${message}."""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What this adds, in hand-written SQL; bring scripts/init-db.sql and shared/schema_revision.py up to it."""
    op.execute("""
    """)


def downgrade() -> None:
    """The way back."""
    op.execute("""
    """)
