"""Identity: API keys, mailed tokens, invitations, quotas, removal of projects, answers kept by secret keys."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what accounts and projects need; answers kept so far lapse, no route has given any."""
    op.execute(CHANGES)
    op.execute(TABLES)


def downgrade() -> None:
    """Drop it again."""
    op.execute("""
    DROP TABLE llm_usage, project_quotas, mails, project_invitations, one_time_tokens, api_keys, idempotency_keys;
    DROP INDEX api_logs_failed_idx;
    ALTER TABLE api_logs DROP COLUMN api_key_id;
    DELETE FROM projects WHERE deleted_at IS NOT NULL;
    ALTER TABLE projects DROP COLUMN deleted_at;
    DROP INDEX users_admin_idx, user_profiles_avatar_key, projects_creator_idx, datasets_creator_idx, dataset_versions_creator_idx;
    DROP INDEX analysis_tasks_unfinished_idx;
    DROP INDEX analysis_tasks_creator_idx;
    CREATE INDEX analysis_tasks_creator_idx ON analysis_tasks (created_by);
    DROP INDEX sessions_address_idx;
    ALTER TABLE user_profiles DROP COLUMN avatar_type;
    ALTER TABLE users DROP COLUMN email_verified_at, DROP COLUMN last_login_at;
    """)
    op.execute(FORMER)


CHANGES = """
    ALTER TABLE users ADD COLUMN email_verified_at timestamptz, ADD COLUMN last_login_at timestamptz;
    CREATE INDEX sessions_address_idx ON sessions (user_id, address);
    ALTER TABLE user_profiles ADD COLUMN avatar_type text;
    ALTER TABLE projects ADD COLUMN deleted_at timestamptz;
    CREATE INDEX projects_deleted_idx ON projects (deleted_at) WHERE deleted_at IS NOT NULL;
    COMMENT ON COLUMN projects.deleted_at IS 'A project that is being removed has no members any more; its row stays while its task can be read.';
    ALTER TABLE api_logs ADD COLUMN api_key_id uuid;
    CREATE INDEX api_logs_key_idx ON api_logs (api_key_id, at DESC) WHERE api_key_id IS NOT NULL;
    CREATE INDEX api_logs_failed_idx ON api_logs (at DESC) WHERE status >= 500;
    CREATE INDEX users_admin_idx ON users (id) WHERE role = 'admin';
    CREATE UNIQUE INDEX user_profiles_avatar_key ON user_profiles (avatar_key);
    CREATE INDEX projects_creator_idx ON projects (created_by);
    CREATE INDEX datasets_creator_idx ON datasets (created_by, id DESC);
    CREATE INDEX dataset_versions_creator_idx ON dataset_versions (created_by, dataset_id, version);
    DROP INDEX analysis_tasks_creator_idx;
    CREATE INDEX analysis_tasks_creator_idx ON analysis_tasks (created_by, id DESC);
    CREATE INDEX analysis_tasks_unfinished_idx ON analysis_tasks (project_id) WHERE status IN ('queued', 'running');
    DROP TABLE idempotency_keys;
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
"""

TABLES = """
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
        CONSTRAINT project_quotas_range CHECK (max_bytes >= 0 AND max_rows >= 0 AND max_tasks >= 0 AND max_llm_tokens >= 0)
    );
    COMMENT ON TABLE project_quotas IS 'Limits that an administrator set for a project; null means the setting. Written by api-gateway.';
    COMMENT ON COLUMN project_quotas.max_tasks IS 'Tasks that are queued or running at once.';
    COMMENT ON COLUMN project_quotas.max_llm_tokens IS 'Tokens to and from the LLM in one calendar month, UTC.';

    CREATE TABLE llm_usage (
        project_id uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
        user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        month      date NOT NULL,
        tokens_in  bigint NOT NULL DEFAULT 0,
        tokens_out bigint NOT NULL DEFAULT 0,
        cost       numeric(14, 6) NOT NULL DEFAULT 0,
        PRIMARY KEY (project_id, user_id, month)
    );
    CREATE INDEX llm_usage_user_idx ON llm_usage (user_id, month);
    COMMENT ON TABLE llm_usage IS 'Tokens and cost of the LLM by month. Written by ai-service.';
"""

FORMER = """
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
"""
