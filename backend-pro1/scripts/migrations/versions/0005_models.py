"""Models: their versions, aliases and evaluations; what they take counts as stored bytes."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the registry of models."""
    op.execute(TABLES)
    op.execute(f"CREATE OR REPLACE VIEW project_storage AS {STORED} {OF_MODELS} {BY_PROJECT}")
    op.execute(f"{COMMENT}, models.'")


def downgrade() -> None:
    """Drop it again; the files of the models become orphans, which the sweep removes."""
    op.execute(f"""
    CREATE OR REPLACE VIEW project_storage AS {STORED} {BY_PROJECT};
    {COMMENT}.';
    DROP TABLE model_evaluations, model_alias_moves, model_aliases, model_versions, models;
    """)


TABLES = """
    CREATE TABLE models (
        id           uuid PRIMARY KEY,
        project_id   uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        name         text NOT NULL,
        description  text NOT NULL DEFAULT '',
        tags         text[] NOT NULL DEFAULT '{}',
        notes        text NOT NULL DEFAULT '',
        problem      text NOT NULL,
        target       text NOT NULL,
        last_version integer NOT NULL DEFAULT 1,
        created_by   uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at   timestamptz NOT NULL DEFAULT now(),
        updated_at   timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT models_name_length CHECK (length(name) BETWEEN 1 AND 120),
        CONSTRAINT models_problem_known CHECK (problem IN ('classification', 'regression', 'forecast'))
    );
    CREATE UNIQUE INDEX models_name_key ON models (project_id, lower(name));
    CREATE INDEX models_project_idx ON models (project_id, id DESC);
    CREATE INDEX models_creator_idx ON models (created_by);
    COMMENT ON TABLE models IS 'A named series of trained versions that predict one column. Written by ai-service.';
    COMMENT ON COLUMN models.last_version IS 'The highest number ever given to a version; none is given twice.';

    CREATE TABLE model_versions (
        model_id        uuid NOT NULL REFERENCES models (id) ON DELETE CASCADE,
        version         integer NOT NULL,
        task_id         uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
        dataset_id      uuid NOT NULL,
        dataset_version integer NOT NULL,
        dataset_sha256  text NOT NULL,
        algorithm       text NOT NULL,
        metric          text NOT NULL,
        score           double precision,
        ci_low          double precision,
        ci_high         double precision,
        row_count       bigint NOT NULL,
        features        text[] NOT NULL,
        metrics         jsonb NOT NULL,
        details         jsonb NOT NULL,
        key             text NOT NULL,
        bytes           bigint NOT NULL,
        sha256          text NOT NULL,
        signature       bytea NOT NULL,
        created_by      uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (model_id, version),
        CONSTRAINT model_versions_number CHECK (version >= 1)
    );
    CREATE UNIQUE INDEX model_versions_key ON model_versions (key);
    CREATE INDEX model_versions_task_idx ON model_versions (task_id);
    CREATE INDEX model_versions_dataset_idx ON model_versions (dataset_id);
    CREATE INDEX model_versions_creator_idx ON model_versions (created_by);
    COMMENT ON TABLE model_versions IS 'An immutable fitted model. Written by ai-service.';
    COMMENT ON COLUMN model_versions.details IS 'All that training told: schema of the features, leaderboard, importance, card, profile for drift.';
    COMMENT ON COLUMN model_versions.signature IS 'HMAC over project, model, version and SHA-256, checked before each load.';

    CREATE TABLE model_aliases (
        model_id   uuid NOT NULL REFERENCES models (id) ON DELETE CASCADE,
        alias      text NOT NULL,
        version    integer NOT NULL,
        updated_by uuid REFERENCES users (id) ON DELETE SET NULL,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (model_id, alias),
        FOREIGN KEY (model_id, version) REFERENCES model_versions (model_id, version) ON DELETE CASCADE
    );
    CREATE INDEX model_aliases_version_idx ON model_aliases (model_id, version);
    CREATE INDEX model_aliases_editor_idx ON model_aliases (updated_by);
    COMMENT ON TABLE model_aliases IS 'Names of versions that can be moved; champion is the one in use. Written by ai-service.';

    CREATE TABLE model_alias_moves (
        id           uuid PRIMARY KEY,
        model_id     uuid NOT NULL REFERENCES models (id) ON DELETE CASCADE,
        alias        text NOT NULL,
        from_version integer,
        to_version   integer,
        task_id      uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
        reason       text NOT NULL DEFAULT '',
        created_by   uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at   timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX model_alias_moves_model_idx ON model_alias_moves (model_id, id DESC);
    CREATE INDEX model_alias_moves_task_idx ON model_alias_moves (task_id);
    CREATE INDEX model_alias_moves_creator_idx ON model_alias_moves (created_by);
    COMMENT ON TABLE model_alias_moves IS 'Where aliases have pointed. Written by ai-service.';
    COMMENT ON COLUMN model_alias_moves.to_version IS 'Null: the alias was removed.';

    CREATE TABLE model_evaluations (
        id              uuid PRIMARY KEY,
        model_id        uuid NOT NULL,
        version         integer NOT NULL,
        kind            text NOT NULL,
        task_id         uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
        dataset_id      uuid NOT NULL,
        dataset_version integer NOT NULL,
        row_count       bigint NOT NULL,
        summary         jsonb NOT NULL,
        details         jsonb NOT NULL DEFAULT '{}'::jsonb,
        created_by      uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (model_id, version) REFERENCES model_versions (model_id, version) ON DELETE CASCADE,
        CONSTRAINT model_evaluations_kind_known CHECK (kind IN ('evaluation', 'monitoring'))
    );
    CREATE INDEX model_evaluations_model_idx ON model_evaluations (model_id, id DESC);
    CREATE INDEX model_evaluations_version_idx ON model_evaluations (model_id, version);
    CREATE INDEX model_evaluations_task_idx ON model_evaluations (task_id);
    CREATE INDEX model_evaluations_dataset_idx ON model_evaluations (dataset_id);
    CREATE INDEX model_evaluations_creator_idx ON model_evaluations (created_by);
    COMMENT ON TABLE model_evaluations IS 'How a version did on data that came later. Written by ai-service.';
    COMMENT ON COLUMN model_evaluations.kind IS 'evaluation: measured against known targets; monitoring: drift against the training profile.';
"""

STORED = """
SELECT stored.project_id, sum(stored.bytes)::bigint AS bytes
FROM (
    SELECT d.project_id, v.raw_bytes AS bytes
    FROM dataset_versions v
    JOIN datasets d ON d.id = v.dataset_id
    WHERE v.raw_keys <> '{}'
    UNION ALL
    SELECT content.project_id, content.parquet_bytes
    FROM (
        SELECT DISTINCT d.project_id, v.parquet_key, v.parquet_bytes
        FROM dataset_versions v
        JOIN datasets d ON d.id = v.dataset_id
        WHERE v.parquet_key IS NOT NULL
    ) AS content
    UNION ALL
    SELECT project_id, bytes FROM uploads WHERE status = 'open'
    UNION ALL
    SELECT project_id, bytes FROM query_results
"""

OF_MODELS = """
    UNION ALL
    SELECT m.project_id, v.bytes FROM model_versions v JOIN models m ON m.id = v.model_id
"""

BY_PROJECT = ") AS stored GROUP BY stored.project_id"

COMMENT = """
COMMENT ON VIEW project_storage IS
    'Bytes that count against a project''s quota: files, contents once each, announced uploads, results"""
