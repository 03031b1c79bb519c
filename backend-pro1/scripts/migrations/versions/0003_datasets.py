"""Datasets: files in parts, new versions, lineage, the trash, quality rules, pipelines, results of queries."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what versions, rules and pipelines need; a raw file may consist of several objects from now on."""
    op.execute(CHANGES)
    op.execute(TABLES)


def downgrade() -> None:
    """Drop it again, with the versions and datasets that the former schema cannot hold."""
    op.execute("""
    DROP VIEW project_storage;
    DROP TABLE query_results, pipeline_versions, pipelines, quality_runs, quality_rules, version_parents, upload_parts, uploads;
    DROP INDEX analysis_tasks_pipeline_idx;
    DELETE FROM datasets WHERE deleted_at IS NOT NULL;
    DELETE FROM dataset_versions WHERE cardinality(raw_keys) <> 1 OR raw_sha256 IS NULL OR filename IS NULL OR status = 'expired';
    DROP INDEX dataset_versions_unfinished_key, dataset_versions_raw_keys, dataset_versions_task_idx, datasets_deleted_idx, datasets_name_key;
    CREATE UNIQUE INDEX datasets_name_key ON datasets (project_id, lower(name));
    ALTER TABLE dataset_versions
        ADD COLUMN raw_key text,
        ALTER COLUMN filename SET NOT NULL,
        ALTER COLUMN raw_bytes DROP DEFAULT,
        ALTER COLUMN raw_sha256 SET NOT NULL,
        DROP COLUMN task_id,
        DROP COLUMN quality,
        DROP COLUMN blocked,
        DROP CONSTRAINT dataset_versions_status_known,
        ADD CONSTRAINT dataset_versions_status_known CHECK (status IN ('ingesting', 'ready', 'failed'));
    UPDATE dataset_versions SET raw_key = raw_keys[1];
    ALTER TABLE dataset_versions ALTER COLUMN raw_key SET NOT NULL, DROP COLUMN raw_keys;
    CREATE UNIQUE INDEX dataset_versions_raw_key ON dataset_versions (raw_key);
    ALTER TABLE datasets
        DROP COLUMN column_notes,
        DROP COLUMN keep_versions,
        DROP COLUMN keep_days,
        DROP COLUMN quality_gate,
        DROP COLUMN deleted_at;
    """)


CHANGES = """
    ALTER TABLE datasets
        ADD COLUMN column_notes jsonb NOT NULL DEFAULT '{}'::jsonb,
        ADD COLUMN keep_versions integer,
        ADD COLUMN keep_days integer,
        ADD COLUMN quality_gate boolean NOT NULL DEFAULT false,
        ADD COLUMN deleted_at timestamptz,
        ADD CONSTRAINT datasets_retention CHECK (keep_versions >= 1 AND keep_days >= 1);
    DROP INDEX datasets_name_key;
    CREATE UNIQUE INDEX datasets_name_key ON datasets (project_id, lower(name)) WHERE deleted_at IS NULL;
    CREATE INDEX datasets_deleted_idx ON datasets (deleted_at) WHERE deleted_at IS NOT NULL;
    COMMENT ON COLUMN datasets.column_notes IS 'By column name: {"description": ..., "unit": ...}.';
    COMMENT ON COLUMN datasets.deleted_at IS 'In the trash since; its name is free, and it can be restored until it is purged.';
    ALTER TABLE dataset_versions ADD COLUMN raw_keys text[] NOT NULL DEFAULT '{}';
    UPDATE dataset_versions SET raw_keys = ARRAY[raw_key];
    DROP INDEX dataset_versions_raw_key;
    ALTER TABLE dataset_versions
        DROP COLUMN raw_key,
        ALTER COLUMN filename DROP NOT NULL,
        ALTER COLUMN raw_bytes SET DEFAULT 0,
        ALTER COLUMN raw_sha256 DROP NOT NULL,
        ADD COLUMN task_id uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
        ADD COLUMN quality text,
        ADD COLUMN blocked boolean NOT NULL DEFAULT false,
        ADD CONSTRAINT dataset_versions_quality_known CHECK (quality IN ('passed', 'warned', 'failed')),
        DROP CONSTRAINT dataset_versions_status_known,
        ADD CONSTRAINT dataset_versions_status_known CHECK (status IN ('ingesting', 'ready', 'failed', 'expired'));
    CREATE INDEX dataset_versions_raw_keys ON dataset_versions USING gin (raw_keys);
    CREATE UNIQUE INDEX dataset_versions_unfinished_key ON dataset_versions (dataset_id) WHERE status = 'ingesting';
    CREATE INDEX dataset_versions_task_idx ON dataset_versions (task_id);
    COMMENT ON COLUMN dataset_versions.raw_keys IS 'The objects whose bytes, one after the other, are the file as it came; none for a version that was computed.';
    COMMENT ON COLUMN dataset_versions.raw_sha256 IS 'Of the whole file; null until a file that came in parts has been read.';
    COMMENT ON COLUMN dataset_versions.quality IS 'How its rules came out; null where there were none.';
    COMMENT ON COLUMN dataset_versions.blocked IS 'The quality gate keeps it from being used.';
    CREATE INDEX analysis_tasks_pipeline_idx ON analysis_tasks ((params ->> 'pipeline_id'), id DESC) WHERE params ? 'pipeline_id';
"""

TABLES = """
    CREATE TABLE uploads (
        id         uuid PRIMARY KEY,
        project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        created_by uuid REFERENCES users (id) ON DELETE SET NULL,
        kind       text NOT NULL,
        status     text NOT NULL DEFAULT 'open',
        filename   text NOT NULL,
        bytes      bigint NOT NULL,
        sha256     text,
        part_size  bigint NOT NULL,
        fields     jsonb NOT NULL,
        dataset_id uuid,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        CONSTRAINT uploads_kind_known CHECK (kind IN ('session', 'presigned')),
        CONSTRAINT uploads_status_known CHECK (status IN ('open', 'completed', 'aborted')),
        CONSTRAINT uploads_sizes CHECK (bytes >= 1 AND part_size >= 1)
    );
    CREATE INDEX uploads_project_idx ON uploads (project_id, id DESC);
    CREATE INDEX uploads_creator_idx ON uploads (created_by);
    CREATE INDEX uploads_expiry_idx ON uploads (expires_at);
    COMMENT ON TABLE uploads IS 'A file that arrives in parts. Written by data-service.';
    COMMENT ON COLUMN uploads.fields IS 'What the dataset will be: name, description, tags, options.';
    CREATE TABLE upload_parts (
        upload_id  uuid NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
        number     integer NOT NULL,
        key        text NOT NULL,
        bytes      bigint NOT NULL,
        sha256     text,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (upload_id, number),
        CONSTRAINT upload_parts_number CHECK (number >= 1)
    );
    CREATE INDEX upload_parts_key ON upload_parts (key);
    COMMENT ON TABLE upload_parts IS 'The parts that have arrived, each an object. Written by data-service.';
    CREATE TABLE version_parents (
        dataset_id     uuid NOT NULL,
        version        integer NOT NULL,
        parent_id      uuid NOT NULL,
        parent_version integer NOT NULL,
        PRIMARY KEY (dataset_id, version, parent_id, parent_version),
        FOREIGN KEY (dataset_id, version) REFERENCES dataset_versions (dataset_id, version) ON DELETE CASCADE
    );
    CREATE INDEX version_parents_parent_idx ON version_parents (parent_id, parent_version);
    COMMENT ON TABLE version_parents IS 'Which versions a version was made from. Written by data-service.';
    CREATE TABLE quality_rules (
        id         uuid PRIMARY KEY,
        dataset_id uuid NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
        kind       text NOT NULL,
        params     jsonb NOT NULL,
        severity   text NOT NULL DEFAULT 'error',
        is_active  boolean NOT NULL DEFAULT true,
        created_by uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT quality_rules_severity_known CHECK (severity IN ('error', 'warning'))
    );
    CREATE INDEX quality_rules_dataset_idx ON quality_rules (dataset_id, id);
    CREATE INDEX quality_rules_creator_idx ON quality_rules (created_by);
    COMMENT ON TABLE quality_rules IS 'What the versions of a dataset must satisfy. Written by data-service.';
    CREATE TABLE quality_runs (
        id         uuid PRIMARY KEY,
        dataset_id uuid NOT NULL,
        version    integer NOT NULL,
        status     text NOT NULL,
        results    jsonb NOT NULL,
        created_by uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (dataset_id, version) REFERENCES dataset_versions (dataset_id, version) ON DELETE CASCADE,
        CONSTRAINT quality_runs_status_known CHECK (status IN ('passed', 'warned', 'failed'))
    );
    CREATE INDEX quality_runs_dataset_idx ON quality_runs (dataset_id, id DESC);
    CREATE INDEX quality_runs_version_idx ON quality_runs (dataset_id, version);
    CREATE INDEX quality_runs_creator_idx ON quality_runs (created_by);
    COMMENT ON TABLE quality_runs IS 'How a version did against the rules of its time. Written by data-service.';
    CREATE TABLE pipelines (
        id          uuid PRIMARY KEY,
        project_id  uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        name        text NOT NULL,
        description text NOT NULL DEFAULT '',
        version     integer NOT NULL DEFAULT 1,
        created_by  uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        updated_at  timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pipelines_name_length CHECK (length(name) BETWEEN 1 AND 120)
    );
    CREATE UNIQUE INDEX pipelines_name_key ON pipelines (project_id, lower(name));
    CREATE INDEX pipelines_project_idx ON pipelines (project_id, id DESC);
    CREATE INDEX pipelines_creator_idx ON pipelines (created_by);
    COMMENT ON TABLE pipelines IS 'A saved list of processing steps. Written by data-service.';
    CREATE TABLE pipeline_versions (
        pipeline_id uuid NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
        version     integer NOT NULL,
        steps       jsonb NOT NULL,
        created_by  uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (pipeline_id, version)
    );
    CREATE INDEX pipeline_versions_creator_idx ON pipeline_versions (created_by);
    COMMENT ON TABLE pipeline_versions IS 'The steps of a pipeline as they were. Written by data-service.';
    CREATE TABLE query_results (
        task_id    uuid PRIMARY KEY REFERENCES analysis_tasks (id) ON DELETE CASCADE,
        project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        key        text NOT NULL,
        bytes      bigint NOT NULL,
        sha256     text NOT NULL,
        row_count  bigint NOT NULL,
        schema     jsonb NOT NULL,
        warnings   jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL
    );
    CREATE INDEX query_results_project_idx ON query_results (project_id);
    CREATE INDEX query_results_expiry_idx ON query_results (expires_at);
    CREATE INDEX query_results_key ON query_results (key);
    COMMENT ON TABLE query_results IS 'The rows of a query that ran as a task, for a while. Written by data-service.';
    CREATE VIEW project_storage AS
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
    ) AS stored
    GROUP BY stored.project_id;
    COMMENT ON VIEW project_storage IS 'Bytes that count against a project''s quota: files, contents once each, announced uploads, results.';
"""
