"""Hypotheses: each p-value that was reported on a dataset, so that all of them can be adjusted for their number."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the ledger of hypotheses."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop it again; what was tested so far is forgotten."""
    op.execute("DROP TABLE hypotheses")


TABLES = """
    CREATE TABLE hypotheses (
        id         uuid PRIMARY KEY,
        dataset_id uuid NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
        number     integer NOT NULL,
        version    integer NOT NULL,
        task_id    uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
        type       text NOT NULL,
        label      text NOT NULL,
        p_value    double precision NOT NULL,
        key        bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT hypotheses_key UNIQUE (dataset_id, key),
        CONSTRAINT hypotheses_p_value_range CHECK (p_value BETWEEN 0 AND 1)
    );
    CREATE INDEX hypotheses_dataset_idx ON hypotheses (dataset_id, id DESC);
    CREATE INDEX hypotheses_task_idx ON hypotheses (task_id);
    COMMENT ON TABLE hypotheses IS 'Each p-value that was reported on a dataset, whatever became of the analysis. Written by ai-service.';
    COMMENT ON COLUMN hypotheses.number IS 'Counts the hypotheses of the dataset from 1.';
    COMMENT ON COLUMN hypotheses.key IS 'SHA-256 of what was tested, how, on which content, and of the p-value: repetitions count once.';
"""
