"""The LLM: every call that left, what a project lets leave, conversations, accepted queries, and the project's own words."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of the LLM, and what its meter counts beside tokens."""
    op.execute(USAGE)
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them again; what was sent, asked and accepted so far is forgotten."""
    op.execute(
        "DROP TABLE glossary_terms, verified_queries, conversation_turns, conversations, llm_policies, llm_calls"
    )
    op.execute("ALTER TABLE llm_usage DROP COLUMN calls, DROP COLUMN tokens_cached")


USAGE = """
    ALTER TABLE llm_usage
        ADD COLUMN tokens_cached bigint NOT NULL DEFAULT 0,
        ADD COLUMN calls bigint NOT NULL DEFAULT 0;
    COMMENT ON COLUMN llm_usage.tokens_cached IS 'Those of tokens_in that the server had in its cache.';
"""

TABLES = """
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
"""
