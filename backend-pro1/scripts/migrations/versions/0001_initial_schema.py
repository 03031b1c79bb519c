"""The initial schema."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every table of the first release."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Drop everything."""
    op.execute("""
    DROP TABLE api_logs, idempotency_keys, analysis_results, dataset_versions, datasets, task_events, analysis_tasks,
        project_members, projects, sessions, user_profiles, users
    """)


SCHEMA = """
    CREATE TABLE users (
        id            uuid PRIMARY KEY,
        email         text NOT NULL,
        password_hash text NOT NULL,
        full_name     text,
        role          text NOT NULL DEFAULT 'user',
        is_active     boolean NOT NULL DEFAULT true,
        created_at    timestamptz NOT NULL DEFAULT now(),
        updated_at    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT users_role_known CHECK (role IN ('user', 'admin')),
        CONSTRAINT users_email_lower CHECK (email = lower(email) AND length(email) <= 254)
    );
    CREATE UNIQUE INDEX users_email_key ON users (email);
    COMMENT ON TABLE users IS 'People who may log in. Written by api-gateway.';

    CREATE TABLE user_profiles (
        user_id     uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
        locale      text NOT NULL DEFAULT 'en',
        time_zone   text NOT NULL DEFAULT 'UTC',
        avatar_key  text,
        preferences jsonb NOT NULL DEFAULT '{}'::jsonb,
        updated_at  timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE user_profiles IS 'How a user likes to be addressed. Written by api-gateway.';

    CREATE TABLE sessions (
        id                uuid PRIMARY KEY,
        user_id           uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        refresh_jti       uuid NOT NULL,
        refresh_issued_at timestamptz NOT NULL,
        previous_jti      uuid,
        rotated_at        timestamptz,
        address           text,
        user_agent        text,
        created_at        timestamptz NOT NULL DEFAULT now(),
        expires_at        timestamptz NOT NULL,
        revoked_at        timestamptz,
        revoked_reason    text
    );
    CREATE INDEX sessions_user_idx ON sessions (user_id) WHERE revoked_at IS NULL;
    CREATE INDEX sessions_expiry_idx ON sessions (expires_at);
    COMMENT ON TABLE sessions IS 'One login and its family of refresh tokens. Written by api-gateway.';
    COMMENT ON COLUMN sessions.refresh_jti IS 'The one refresh token of the family that is still good.';
    COMMENT ON COLUMN sessions.previous_jti IS 'Its predecessor, which within the grace yields the same successor.';

    CREATE TABLE projects (
        id          uuid PRIMARY KEY,
        name        text NOT NULL,
        description text NOT NULL DEFAULT '',
        created_by  uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at  timestamptz NOT NULL DEFAULT now(),
        updated_at  timestamptz NOT NULL DEFAULT now(),
        archived_at timestamptz,
        CONSTRAINT projects_name_length CHECK (length(name) BETWEEN 1 AND 120)
    );
    COMMENT ON TABLE projects IS 'A user''s workspace inside the instance. Written by api-gateway.';

    CREATE TABLE project_members (
        project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        role       text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (project_id, user_id),
        CONSTRAINT project_members_role_known CHECK (role IN ('owner', 'editor', 'viewer'))
    );
    CREATE INDEX project_members_user_idx ON project_members (user_id, project_id);
    COMMENT ON TABLE project_members IS 'Who may see or change a project. Written by api-gateway.';

    CREATE TABLE analysis_tasks (
        id               uuid PRIMARY KEY,
        kind             text NOT NULL,
        queue            text NOT NULL,
        status           text NOT NULL DEFAULT 'queued',
        priority         smallint NOT NULL DEFAULT 5,
        project_id       uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        dataset_id       uuid,
        version          integer,
        params           jsonb NOT NULL DEFAULT '{}'::jsonb,
        attempts         smallint NOT NULL DEFAULT 0,
        max_attempts     smallint NOT NULL DEFAULT 3,
        worker           text,
        lease_until      timestamptz,
        cancel_requested boolean NOT NULL DEFAULT false,
        progress_done    bigint NOT NULL DEFAULT 0,
        progress_total   bigint NOT NULL DEFAULT 0,
        progress_message text NOT NULL DEFAULT '',
        error_code       text,
        error_detail     text,
        request_id       text,
        created_by       uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at       timestamptz NOT NULL DEFAULT now(),
        started_at       timestamptz,
        finished_at      timestamptz,
        CONSTRAINT analysis_tasks_status_known CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
        CONSTRAINT analysis_tasks_priority_range CHECK (priority BETWEEN 0 AND 9),
        CONSTRAINT analysis_tasks_finished CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'failed', 'cancelled')))
    );
    CREATE INDEX analysis_tasks_claim_idx ON analysis_tasks (queue, priority DESC, created_at) WHERE status = 'queued';
    CREATE INDEX analysis_tasks_lease_idx ON analysis_tasks (lease_until) WHERE status = 'running';
    CREATE INDEX analysis_tasks_unsettled_idx ON analysis_tasks (queue) WHERE status = 'cancelled' AND lease_until IS NOT NULL;
    CREATE INDEX analysis_tasks_project_idx ON analysis_tasks (project_id, id DESC);
    CREATE INDEX analysis_tasks_dataset_idx ON analysis_tasks (dataset_id);
    CREATE INDEX analysis_tasks_creator_idx ON analysis_tasks (created_by);
    COMMENT ON TABLE analysis_tasks IS 'The ledger of all long-running work. Written through shared/tasks alone.';
    COMMENT ON COLUMN analysis_tasks.attempts IS 'Counted before execution; also the fencing number of the run that holds the lease.';
    COMMENT ON COLUMN analysis_tasks.priority IS '0 last to 9 first.';

    CREATE TABLE task_events (
        task_id  uuid NOT NULL REFERENCES analysis_tasks (id) ON DELETE CASCADE,
        sequence integer NOT NULL,
        at       timestamptz NOT NULL DEFAULT now(),
        event    text NOT NULL,
        data     jsonb NOT NULL,
        PRIMARY KEY (task_id, sequence),
        CONSTRAINT task_events_event_known CHECK (event IN ('state', 'progress', 'log', 'result'))
    );
    COMMENT ON TABLE task_events IS 'What happened to a task, in order. Written through shared/tasks alone.';

    CREATE TABLE datasets (
        id              uuid PRIMARY KEY,
        project_id      uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        name            text NOT NULL,
        description     text NOT NULL DEFAULT '',
        tags            text[] NOT NULL DEFAULT '{}',
        status          text NOT NULL DEFAULT 'ingesting',
        current_version integer,
        task_id         uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
        error_code      text,
        error_detail    text,
        created_by      uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        updated_at      timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT datasets_status_known CHECK (status IN ('ingesting', 'ready', 'failed')),
        CONSTRAINT datasets_name_length CHECK (length(name) BETWEEN 1 AND 120)
    );
    CREATE UNIQUE INDEX datasets_name_key ON datasets (project_id, lower(name));
    CREATE INDEX datasets_project_idx ON datasets (project_id, id DESC);
    CREATE INDEX datasets_task_idx ON datasets (task_id);
    COMMENT ON TABLE datasets IS 'A named table in a project. Written by data-service.';
    COMMENT ON COLUMN datasets.current_version IS 'Null until the first version is ready.';

    CREATE TABLE dataset_versions (
        dataset_id     uuid NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
        version        integer NOT NULL,
        status         text NOT NULL DEFAULT 'ingesting',
        filename       text NOT NULL,
        raw_key        text NOT NULL,
        raw_bytes      bigint NOT NULL,
        raw_sha256     text NOT NULL,
        parquet_key    text,
        parquet_bytes  bigint,
        parquet_sha256 text,
        row_count      bigint,
        column_count   integer,
        schema         jsonb,
        profile        jsonb,
        ingest_report  jsonb,
        operation      jsonb NOT NULL DEFAULT '{}'::jsonb,
        created_by     uuid REFERENCES users (id) ON DELETE SET NULL,
        created_at     timestamptz NOT NULL DEFAULT now(),
        ready_at       timestamptz,
        PRIMARY KEY (dataset_id, version),
        CONSTRAINT dataset_versions_status_known CHECK (status IN ('ingesting', 'ready', 'failed')),
        CONSTRAINT dataset_versions_number CHECK (version >= 1)
    );
    CREATE UNIQUE INDEX dataset_versions_raw_key ON dataset_versions (raw_key);
    CREATE INDEX dataset_versions_parquet_key ON dataset_versions (parquet_key);
    COMMENT ON TABLE dataset_versions IS 'An immutable content of a dataset. Written by data-service.';
    COMMENT ON COLUMN dataset_versions.operation IS 'What made this version: {"op": "upload", ...}.';

    CREATE TABLE analysis_results (
        task_id    uuid PRIMARY KEY REFERENCES analysis_tasks (id) ON DELETE CASCADE,
        type       text NOT NULL,
        summary    jsonb NOT NULL,
        tables     jsonb NOT NULL,
        charts     jsonb NOT NULL,
        warnings   jsonb NOT NULL,
        artifacts  jsonb NOT NULL,
        manifest   jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE analysis_results IS 'What an analysis produced, and all that is needed to repeat it. Written by ai-service.';

    CREATE TABLE idempotency_keys (
        user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        key          text NOT NULL,
        method       text NOT NULL,
        path         text NOT NULL,
        body_sha256  text NOT NULL,
        status       smallint,
        headers      jsonb,
        body         bytea,
        locked_until timestamptz NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, key),
        CONSTRAINT idempotency_keys_length CHECK (length(key) BETWEEN 1 AND 255)
    );
    CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);
    COMMENT ON TABLE idempotency_keys IS 'Answers already given, for repeated POSTs. Written by each service for its own routes.';

    CREATE TABLE api_logs (
        id          uuid NOT NULL,
        at          timestamptz NOT NULL DEFAULT now(),
        request_id  text NOT NULL,
        user_id     uuid,
        method      text NOT NULL,
        path        text NOT NULL,
        status      smallint NOT NULL,
        duration_ms real NOT NULL,
        bytes_in    bigint,
        bytes_out   bigint,
        address     text,
        PRIMARY KEY (at, id)
    ) PARTITION BY RANGE (at);
    CREATE TABLE api_logs_default PARTITION OF api_logs DEFAULT;
    CREATE INDEX api_logs_user_idx ON api_logs (user_id, at DESC);
    CREATE INDEX api_logs_request_idx ON api_logs (request_id);
    COMMENT ON TABLE api_logs IS 'Every API call: who, what, how it ended. Written by api-gateway.';
"""
