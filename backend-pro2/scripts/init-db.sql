-- The whole schema of one project instance, as the migrations leave it.
--
-- A test holds this file equal to what scripts/migrations give. On a database that already has
-- data, editing this file changes nothing: write a migration, then bring this file up to it.
--
-- Ownership: each table has exactly one writing service, named in its comment; the others may read.

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,
    password_hash text NOT NULL,
    full_name     text,
    role          text NOT NULL DEFAULT 'user',
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    email_verified_at timestamptz,
    last_login_at timestamptz,
    CONSTRAINT users_role_known CHECK (role IN ('user', 'admin')),
    CONSTRAINT users_email_lower CHECK (email = lower(email) AND length(email) <= 254)
);
CREATE UNIQUE INDEX users_email_key ON users (email);
CREATE INDEX users_admin_idx ON users (id) WHERE role = 'admin';
COMMENT ON TABLE users IS 'People who may log in. Written by api-gateway.';

CREATE TABLE user_profiles (
    user_id     uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    locale      text NOT NULL DEFAULT 'en',
    time_zone   text NOT NULL DEFAULT 'UTC',
    avatar_key  text,
    preferences jsonb NOT NULL DEFAULT '{}'::jsonb,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    avatar_type text
);
CREATE UNIQUE INDEX user_profiles_avatar_key ON user_profiles (avatar_key);
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
CREATE INDEX sessions_address_idx ON sessions (user_id, address);
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
    deleted_at  timestamptz,
    CONSTRAINT projects_name_length CHECK (length(name) BETWEEN 1 AND 120)
);
CREATE INDEX projects_creator_idx ON projects (created_by);
CREATE INDEX projects_deleted_idx ON projects (deleted_at) WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE projects IS 'A user''s workspace inside the instance. Written by api-gateway.';
COMMENT ON COLUMN projects.deleted_at IS 'A project that is being removed has no members any more; its row stays while its task can be read.';

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

CREATE TABLE schedules (
    id            uuid PRIMARY KEY,
    project_id    uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name          text NOT NULL,
    cron          text NOT NULL,
    timezone      text NOT NULL DEFAULT 'UTC',
    action        jsonb NOT NULL,
    catch_up      text NOT NULL DEFAULT 'latest',
    paused        boolean NOT NULL DEFAULT false,
    paused_reason text,
    next_run_at   timestamptz,
    last_run_at   timestamptz,
    created_by    uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedules_name_length CHECK (length(name) BETWEEN 1 AND 120),
    CONSTRAINT schedules_catch_up_known CHECK (catch_up IN ('none', 'latest', 'all'))
);
CREATE UNIQUE INDEX schedules_name_key ON schedules (project_id, lower(name));
CREATE INDEX schedules_due_idx ON schedules (next_run_at) WHERE NOT paused;
CREATE INDEX schedules_creator_idx ON schedules (created_by);
COMMENT ON TABLE schedules IS 'Work that is submitted again and again. Written by ai-service.';
COMMENT ON COLUMN schedules.catch_up IS 'What becomes of times missed while nobody looked: none, the latest, or all of them.';

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
    claims           integer NOT NULL DEFAULT 0,
    waiting_for      integer NOT NULL DEFAULT 0,
    not_before       timestamptz,
    deadline         timestamptz,
    schedule_id      uuid REFERENCES schedules (id) ON DELETE SET NULL,
    traceparent      text,
    CONSTRAINT analysis_tasks_status_known CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT analysis_tasks_priority_range CHECK (priority BETWEEN 0 AND 9),
    CONSTRAINT analysis_tasks_finished CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'failed', 'cancelled')))
);
CREATE INDEX analysis_tasks_claim_idx ON analysis_tasks (queue, priority DESC, created_at)
    WHERE status = 'queued' AND waiting_for = 0;
CREATE INDEX analysis_tasks_lease_idx ON analysis_tasks (lease_until) WHERE status = 'running';
CREATE INDEX analysis_tasks_unsettled_idx ON analysis_tasks (queue)
    WHERE status IN ('failed', 'cancelled') AND lease_until IS NOT NULL;
CREATE INDEX analysis_tasks_deadline_idx ON analysis_tasks (deadline)
    WHERE deadline IS NOT NULL AND status IN ('queued', 'running');
CREATE INDEX analysis_tasks_running_idx ON analysis_tasks (project_id) WHERE status = 'running';
CREATE INDEX analysis_tasks_finished_idx ON analysis_tasks (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX analysis_tasks_schedule_idx ON analysis_tasks (schedule_id, id DESC) WHERE schedule_id IS NOT NULL;
CREATE INDEX analysis_tasks_project_idx ON analysis_tasks (project_id, id DESC);
CREATE INDEX analysis_tasks_unfinished_idx ON analysis_tasks (project_id) WHERE status IN ('queued', 'running');
CREATE INDEX analysis_tasks_dataset_idx ON analysis_tasks (dataset_id);
CREATE INDEX analysis_tasks_creator_idx ON analysis_tasks (created_by, id DESC);
CREATE INDEX analysis_tasks_pipeline_idx ON analysis_tasks ((params ->> 'pipeline_id'), id DESC) WHERE params ? 'pipeline_id';
COMMENT ON TABLE analysis_tasks IS 'The ledger of all long-running work. Written through shared/tasks alone.';
COMMENT ON COLUMN analysis_tasks.attempts IS 'Runs that count towards max_attempts; counted before execution.';
COMMENT ON COLUMN analysis_tasks.claims IS 'Runs ever begun; also the fencing number of the run that holds the lease.';
COMMENT ON COLUMN analysis_tasks.waiting_for IS 'How many of its dependencies have not succeeded yet.';
COMMENT ON COLUMN analysis_tasks.not_before IS 'A queued task is not claimed earlier.';
COMMENT ON COLUMN analysis_tasks.deadline IS 'A task that has not ended by then is failed.';
COMMENT ON COLUMN analysis_tasks.lease_until IS 'Of a running task: when its run counts as lost. Of one that failed or was cancelled without a run: no worker has yet done what its kind does then.';
COMMENT ON COLUMN analysis_tasks.traceparent IS 'The span of the request that made the task, as in W3C Trace Context; none where nothing is traced.';
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

CREATE TABLE schedule_runs (
    schedule_id  uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    due_at       timestamptz NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    outcome      text NOT NULL,
    task_id      uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
    error_code   text,
    error_detail text,
    PRIMARY KEY (schedule_id, due_at),
    CONSTRAINT schedule_runs_outcome_known CHECK (outcome IN ('submitted', 'skipped', 'refused'))
);
CREATE INDEX schedule_runs_task_idx ON schedule_runs (task_id);
COMMENT ON TABLE schedule_runs IS 'Each time a schedule was due, and what came of it. Written by ai-service.';

CREATE TABLE task_attempts (
    task_id      uuid NOT NULL REFERENCES analysis_tasks (id) ON DELETE CASCADE,
    claim        integer NOT NULL,
    worker       text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz,
    outcome      text,
    counted      boolean NOT NULL DEFAULT true,
    error_code   text,
    error_detail text,
    PRIMARY KEY (task_id, claim),
    CONSTRAINT task_attempts_outcome_known
        CHECK (outcome IN ('succeeded', 'failed', 'cancelled', 'died', 'interrupted', 'handed_back'))
);
COMMENT ON TABLE task_attempts IS 'Every claim of a task and how it ended. Written through shared/tasks alone.';
COMMENT ON COLUMN task_attempts.counted IS 'Whether it counts towards max_attempts.';

CREATE TABLE task_dependencies (
    task_id    uuid NOT NULL REFERENCES analysis_tasks (id) ON DELETE CASCADE,
    depends_on uuid NOT NULL REFERENCES analysis_tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (task_id, depends_on)
);
CREATE INDEX task_dependencies_on_idx ON task_dependencies (depends_on);
COMMENT ON TABLE task_dependencies IS 'Tasks that another waits for. Written through shared/tasks alone.';

CREATE TABLE task_workers (
    name        text PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,
    service     text NOT NULL,
    queues      jsonb NOT NULL,
    version     text NOT NULL,
    is_draining boolean NOT NULL DEFAULT false,
    started_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE task_workers IS 'Worker processes that have been heard of lately. Written through shared/tasks alone.';
COMMENT ON COLUMN task_workers.queues IS 'Slots by queue: {"ingest": 2, "maintenance": 1}.';

CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    project_id      uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    url             text NOT NULL,
    events          text[] NOT NULL,
    secret          bytea NOT NULL,
    description     text NOT NULL DEFAULT '',
    is_active       boolean NOT NULL DEFAULT true,
    disabled_reason text,
    failures        integer NOT NULL DEFAULT 0,
    created_by      uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhooks_url_length CHECK (length(url) BETWEEN 1 AND 2048),
    CONSTRAINT webhooks_some_events CHECK (cardinality(events) >= 1)
);
CREATE INDEX webhooks_project_idx ON webhooks (project_id, id);
CREATE INDEX webhooks_creator_idx ON webhooks (created_by);
COMMENT ON TABLE webhooks IS 'Where a project''s events are sent to. Written by api-gateway.';
COMMENT ON COLUMN webhooks.secret IS 'The signing secret, encrypted under SECRET_KEY.';
COMMENT ON COLUMN webhooks.failures IS 'Deliveries given up in a row.';

CREATE TABLE webhook_deliveries (
    id          uuid PRIMARY KEY,
    webhook_id  uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event       text NOT NULL,
    payload     jsonb NOT NULL,
    status      text NOT NULL DEFAULT 'pending',
    attempts    smallint NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT now(),
    replay_of   uuid REFERENCES webhook_deliveries (id) ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT webhook_deliveries_status_known CHECK (status IN ('pending', 'delivered', 'failed'))
);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (due_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_webhook_idx ON webhook_deliveries (webhook_id, id DESC);
CREATE INDEX webhook_deliveries_replay_idx ON webhook_deliveries (replay_of);
CREATE INDEX webhook_deliveries_created_idx ON webhook_deliveries (created_at);
COMMENT ON TABLE webhook_deliveries IS 'Events on their way to webhooks. Filled through shared/webhook_outbox, sent by api-gateway.';
COMMENT ON COLUMN webhook_deliveries.due_at IS 'When it may be tried next; while somebody tries, when that attempt counts as lost.';

CREATE TABLE webhook_attempts (
    delivery_id uuid NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    attempt     smallint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    status_code smallint,
    took_ms     integer NOT NULL,
    error       text,
    response    text,
    PRIMARY KEY (delivery_id, attempt)
);
COMMENT ON TABLE webhook_attempts IS 'Each try to deliver an event. Written by api-gateway.';
COMMENT ON COLUMN webhook_attempts.response IS 'The beginning of the answer''s body.';

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
    column_notes    jsonb NOT NULL DEFAULT '{}'::jsonb,
    keep_versions   integer,
    keep_days       integer,
    quality_gate    boolean NOT NULL DEFAULT false,
    deleted_at      timestamptz,
    CONSTRAINT datasets_status_known CHECK (status IN ('ingesting', 'ready', 'failed')),
    CONSTRAINT datasets_name_length CHECK (length(name) BETWEEN 1 AND 120),
    CONSTRAINT datasets_retention CHECK (keep_versions >= 1 AND keep_days >= 1)
);
CREATE UNIQUE INDEX datasets_name_key ON datasets (project_id, lower(name)) WHERE deleted_at IS NULL;
CREATE INDEX datasets_deleted_idx ON datasets (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX datasets_project_idx ON datasets (project_id, id DESC);
CREATE INDEX datasets_task_idx ON datasets (task_id);
CREATE INDEX datasets_creator_idx ON datasets (created_by, id DESC);
COMMENT ON TABLE datasets IS 'A named table in a project. Written by data-service.';
COMMENT ON COLUMN datasets.current_version IS 'Null until the first version is ready.';
COMMENT ON COLUMN datasets.column_notes IS 'By column name: {"description": ..., "unit": ...}.';
COMMENT ON COLUMN datasets.deleted_at IS 'In the trash since; its name is free, and it can be restored until it is purged.';

CREATE TABLE dataset_versions (
    dataset_id     uuid NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    version        integer NOT NULL,
    status         text NOT NULL DEFAULT 'ingesting',
    filename       text,
    raw_bytes      bigint NOT NULL DEFAULT 0,
    raw_sha256     text,
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
    raw_keys       text[] NOT NULL DEFAULT '{}',
    task_id        uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
    quality        text,
    blocked        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (dataset_id, version),
    CONSTRAINT dataset_versions_status_known CHECK (status IN ('ingesting', 'ready', 'failed', 'expired')),
    CONSTRAINT dataset_versions_quality_known CHECK (quality IN ('passed', 'warned', 'failed')),
    CONSTRAINT dataset_versions_number CHECK (version >= 1)
);
CREATE INDEX dataset_versions_raw_keys ON dataset_versions USING gin (raw_keys);
CREATE UNIQUE INDEX dataset_versions_unfinished_key ON dataset_versions (dataset_id) WHERE status = 'ingesting';
CREATE INDEX dataset_versions_task_idx ON dataset_versions (task_id);
CREATE INDEX dataset_versions_parquet_key ON dataset_versions (parquet_key);
CREATE INDEX dataset_versions_creator_idx ON dataset_versions (created_by, dataset_id, version);
COMMENT ON TABLE dataset_versions IS 'An immutable content of a dataset. Written by data-service.';
COMMENT ON COLUMN dataset_versions.operation IS 'What made this version: {"op": "upload", ...}.';
COMMENT ON COLUMN dataset_versions.raw_keys IS 'The objects whose bytes, one after the other, are the file as it came; none for a version that was computed.';
COMMENT ON COLUMN dataset_versions.raw_sha256 IS 'Of the whole file; null until a file that came in parts has been read.';
COMMENT ON COLUMN dataset_versions.quality IS 'How its rules came out; null where there were none.';
COMMENT ON COLUMN dataset_versions.blocked IS 'The quality gate keeps it from being used.';

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
    id           bytea PRIMARY KEY,
    claim        uuid NOT NULL,
    locked_until timestamptz NOT NULL,
    fingerprint  bytea,
    answer       bytea,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Answers already given, for repeated POSTs. Written by each service for its own routes.';
COMMENT ON COLUMN idempotency_keys.id IS 'SHA-256 of the caller and the key; the key itself, which decrypts the answer, is not kept.';
COMMENT ON COLUMN idempotency_keys.claim IS 'The attempt that may write the answer.';

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
    api_key_id  uuid,
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE TABLE api_logs_default PARTITION OF api_logs DEFAULT;
CREATE INDEX api_logs_user_idx ON api_logs (user_id, at DESC);
CREATE INDEX api_logs_request_idx ON api_logs (request_id);
CREATE INDEX api_logs_key_idx ON api_logs (api_key_id, at DESC) WHERE api_key_id IS NOT NULL;
CREATE INDEX api_logs_failed_idx ON api_logs (at DESC) WHERE status >= 500;
COMMENT ON TABLE api_logs IS 'Every API call: who, what, how it ended. Written by api-gateway.';

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         text NOT NULL,
    prefix       text NOT NULL,
    key_sha256   bytea NOT NULL,
    scopes       text[] NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT api_keys_name_length CHECK (length(name) BETWEEN 1 AND 120)
);
CREATE UNIQUE INDEX api_keys_sha256_key ON api_keys (key_sha256);
CREATE INDEX api_keys_user_idx ON api_keys (user_id, id DESC);
COMMENT ON TABLE api_keys IS 'Credentials of programs, hashed. Written by api-gateway.';
COMMENT ON COLUMN api_keys.prefix IS 'The first characters of the key, by which its owner recognises it.';

CREATE TABLE one_time_tokens (
    token_sha256 bytea PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose      text NOT NULL,
    email        text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    CONSTRAINT one_time_tokens_purpose_known CHECK (purpose IN ('password_reset', 'email_verification'))
);
CREATE INDEX one_time_tokens_user_idx ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_expiry_idx ON one_time_tokens (expires_at);
COMMENT ON TABLE one_time_tokens IS 'What mailed links prove, hashed; each works once. Written by api-gateway.';
COMMENT ON COLUMN one_time_tokens.email IS 'The address it was sent to; void when the account has another one by then.';

CREATE TABLE project_invitations (
    id           uuid PRIMARY KEY,
    project_id   uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    email        text NOT NULL,
    role         text NOT NULL,
    token_sha256 bytea,
    invited_by   uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    accepted_at  timestamptz,
    accepted_by  uuid REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT project_invitations_role_known CHECK (role IN ('owner', 'editor', 'viewer'))
);
CREATE UNIQUE INDEX project_invitations_open_key ON project_invitations (project_id, email) WHERE accepted_at IS NULL;
CREATE UNIQUE INDEX project_invitations_token_key ON project_invitations (token_sha256);
CREATE INDEX project_invitations_expiry_idx ON project_invitations (expires_at);
CREATE INDEX project_invitations_inviter_idx ON project_invitations (invited_by);
CREATE INDEX project_invitations_acceptor_idx ON project_invitations (accepted_by);
COMMENT ON TABLE project_invitations IS 'People asked by mail to join a project. Written by api-gateway.';
COMMENT ON COLUMN project_invitations.token_sha256 IS 'Hash of what the last mail holds; null until one is sent.';

CREATE TABLE mails (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL,
    recipient       text NOT NULL,
    user_id         uuid REFERENCES users (id) ON DELETE CASCADE,
    invitation_id   uuid REFERENCES project_invitations (id) ON DELETE CASCADE,
    attempts        smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    outcome         text,
    CONSTRAINT mails_kind_known CHECK (
        kind IN ('password_reset', 'password_changed', 'email_changed', 'email_verification', 'invitation')
    ),
    CONSTRAINT mails_outcome_known CHECK (outcome IN ('sent', 'skipped', 'failed')),
    CONSTRAINT mails_finished CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX mails_due_idx ON mails (next_attempt_at) WHERE finished_at IS NULL;
CREATE INDEX mails_recipient_idx ON mails (recipient, created_at);
CREATE INDEX mails_user_idx ON mails (user_id);
CREATE INDEX mails_invitation_idx ON mails (invitation_id);
COMMENT ON TABLE mails IS 'Mail to be sent, without its secrets: those are made when it is sent. Written by api-gateway.';
COMMENT ON COLUMN mails.user_id IS 'Null for an address that nobody has: it costs the same work and is skipped.';

CREATE TABLE project_quotas (
    project_id     uuid PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    max_bytes      bigint,
    max_rows       bigint,
    max_tasks      integer,
    max_llm_tokens bigint,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    updated_by     uuid REFERENCES users (id) ON DELETE SET NULL,
    max_running_tasks integer,
    CONSTRAINT project_quotas_range CHECK (max_bytes >= 0 AND max_rows >= 0 AND max_tasks >= 0 AND max_llm_tokens >= 0
        AND max_running_tasks >= 1)
);
COMMENT ON TABLE project_quotas IS 'Limits that an administrator set for a project; null means the setting. Written by api-gateway.';
COMMENT ON COLUMN project_quotas.max_tasks IS 'Tasks that are queued or running at once.';
COMMENT ON COLUMN project_quotas.max_running_tasks IS 'Tasks that run at once; further ones wait in the queue.';
COMMENT ON COLUMN project_quotas.max_llm_tokens IS 'Tokens to and from the LLM in one calendar month, UTC.';

CREATE TABLE llm_usage (
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    month      date NOT NULL,
    tokens_in  bigint NOT NULL DEFAULT 0,
    tokens_out bigint NOT NULL DEFAULT 0,
    cost       numeric(14, 6) NOT NULL DEFAULT 0,
    tokens_cached bigint NOT NULL DEFAULT 0,
    calls         bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, user_id, month)
);
CREATE INDEX llm_usage_user_idx ON llm_usage (user_id, month);
COMMENT ON TABLE llm_usage IS 'Tokens and cost of the LLM by month. Written by ai-service.';
COMMENT ON COLUMN llm_usage.tokens_cached IS 'Those of tokens_in that the server had in its cache.';

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

CREATE TABLE llm_calls (
    id             uuid PRIMARY KEY,
    project_id     uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id        uuid REFERENCES users (id) ON DELETE SET NULL,
    task_id        uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
    run            integer NOT NULL,
    purpose        text NOT NULL,
    policy         text NOT NULL,
    model          text NOT NULL,
    server         text NOT NULL,
    status         text NOT NULL DEFAULT 'sent',
    request        bytea NOT NULL,
    response       bytea NOT NULL DEFAULT ''::bytea,
    response_bytes bigint NOT NULL DEFAULT 0,
    http_status    integer,
    error          text,
    month          date NOT NULL,
    booked_tokens  bigint NOT NULL,
    booked_cost    numeric(14, 6) NOT NULL DEFAULT 0,
    tokens_in      bigint NOT NULL DEFAULT 0,
    tokens_out     bigint NOT NULL DEFAULT 0,
    tokens_cached  bigint NOT NULL DEFAULT 0,
    cost           numeric(14, 6) NOT NULL DEFAULT 0,
    is_estimated   boolean NOT NULL DEFAULT false,
    first_token_ms integer,
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    CONSTRAINT llm_calls_policy_known CHECK (policy IN ('schema', 'aggregates', 'rows')),
    CONSTRAINT llm_calls_status_known CHECK (status IN ('sent', 'answered', 'refused', 'cut', 'lost'))
);
CREATE INDEX llm_calls_project_idx ON llm_calls (project_id, id DESC);
CREATE INDEX llm_calls_task_idx ON llm_calls (task_id);
CREATE INDEX llm_calls_user_idx ON llm_calls (user_id);
CREATE INDEX llm_calls_sent_idx ON llm_calls (created_at) WHERE status = 'sent';
COMMENT ON TABLE llm_calls IS 'The egress ledger: each request to the LLM, byte for byte, and what came back. Written by ai-service.';
COMMENT ON COLUMN llm_calls.run IS 'The run of the task that sent it, as in task_attempts.';
COMMENT ON COLUMN llm_calls.status IS 'sent until the end is known; answered; refused by the server; cut by us, by the network or by a limit; lost with its worker.';
COMMENT ON COLUMN llm_calls.response IS 'As received, cut at the setting; response_bytes says how much came.';
COMMENT ON COLUMN llm_calls.booked_tokens IS 'Set aside in the month before the request left; replaced by what was spent.';
COMMENT ON COLUMN llm_calls.is_estimated IS 'The server did not say what it spent, so the tokens are counted by us.';

CREATE TABLE llm_policies (
    project_id uuid PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    level      text NOT NULL,
    updated_by uuid REFERENCES users (id) ON DELETE SET NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT llm_policies_level_known CHECK (level IN ('schema', 'aggregates', 'rows'))
);
COMMENT ON TABLE llm_policies IS 'What of a project''s data the LLM may see; without a row the setting. Written by ai-service.';

CREATE TABLE conversations (
    id          uuid PRIMARY KEY,
    project_id  uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    created_by  uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title       text NOT NULL,
    dataset_ids uuid[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversations_owner_idx ON conversations (created_by, project_id, id DESC);
CREATE INDEX conversations_project_idx ON conversations (project_id);
COMMENT ON TABLE conversations IS 'Questions that belong together, their asker''s alone. Written by ai-service.';

CREATE TABLE conversation_turns (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    task_id         uuid REFERENCES analysis_tasks (id) ON DELETE SET NULL,
    question        text NOT NULL,
    answer          text,
    retold          text,
    sql             jsonb NOT NULL DEFAULT '[]'::jsonb,
    rating          smallint,
    comment         text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT conversation_turns_task_key UNIQUE (task_id),
    CONSTRAINT conversation_turns_rating_known CHECK (rating IN (-1, 1))
);
CREATE INDEX conversation_turns_conversation_idx ON conversation_turns (conversation_id, id);
COMMENT ON TABLE conversation_turns IS 'A question and its answer. Written by ai-service.';
COMMENT ON COLUMN conversation_turns.retold IS 'The answer without its figures, which is all that a strict policy lets the LLM see again.';
COMMENT ON COLUMN conversation_turns.rating IS '1 for helpful, -1 for not.';

CREATE TABLE verified_queries (
    id          uuid PRIMARY KEY,
    project_id  uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    created_by  uuid REFERENCES users (id) ON DELETE SET NULL,
    question    text NOT NULL,
    sql         text NOT NULL,
    dataset_ids uuid[] NOT NULL,
    uses        bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    search      tsvector GENERATED ALWAYS AS (to_tsvector('simple', question)) STORED
);
CREATE UNIQUE INDEX verified_queries_question_key ON verified_queries (project_id, md5(lower(question)));
CREATE INDEX verified_queries_search_idx ON verified_queries USING gin (search);
COMMENT ON TABLE verified_queries IS 'Questions with SQL that a person accepted; similar ones are shown to the LLM. Written by ai-service.';

CREATE TABLE glossary_terms (
    id         uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    dataset_id uuid REFERENCES datasets (id) ON DELETE CASCADE,
    created_by uuid REFERENCES users (id) ON DELETE SET NULL,
    name       text NOT NULL,
    definition text NOT NULL,
    expression text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX glossary_terms_name_key ON glossary_terms (project_id, lower(name));
CREATE INDEX glossary_terms_dataset_idx ON glossary_terms (dataset_id);
COMMENT ON TABLE glossary_terms IS 'A project''s own words; with an expression over a dataset''s columns a term is a metric. Written by ai-service.';

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
    UNION ALL
    SELECT m.project_id, v.bytes FROM model_versions v JOIN models m ON m.id = v.model_id
) AS stored
GROUP BY stored.project_id;
COMMENT ON VIEW project_storage IS 'Bytes that count against a project''s quota: files, contents once each, announced uploads, results, models.';

-- Alembic's own mark, so that later migrations go on from here.
CREATE TABLE alembic_version (
    version_num varchar(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version (version_num) VALUES ('0008');
