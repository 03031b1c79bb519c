"""Tasks: attempts, dependencies, deadlines, queues by class, workers, schedules, webhooks."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the ledger, schedules and webhooks need; each queue is a class of work from now on."""
    op.execute(TABLES)
    op.execute(CHANGES)


def downgrade() -> None:
    """Drop it again. Tasks that still wait for others are free to run; those that failed unsettled count as settled."""
    op.execute("""
    DROP TABLE webhook_attempts, webhook_deliveries, webhooks, schedule_runs, task_workers, task_dependencies, task_attempts;
    DROP INDEX analysis_tasks_schedule_idx, analysis_tasks_finished_idx, analysis_tasks_running_idx, analysis_tasks_deadline_idx,
        analysis_tasks_unsettled_idx, analysis_tasks_claim_idx;
    UPDATE analysis_tasks SET lease_until = NULL WHERE status = 'failed';
    UPDATE analysis_tasks SET queue = CASE WHEN queue IN ('ingest', 'maintenance') THEN 'data' ELSE 'ai' END
    WHERE queue IN ('ingest', 'analysis', 'train', 'llm', 'maintenance');
    ALTER TABLE analysis_tasks
        DROP COLUMN claims,
        DROP COLUMN waiting_for,
        DROP COLUMN not_before,
        DROP COLUMN deadline,
        DROP COLUMN schedule_id;
    CREATE INDEX analysis_tasks_claim_idx ON analysis_tasks (queue, priority DESC, created_at) WHERE status = 'queued';
    CREATE INDEX analysis_tasks_unsettled_idx ON analysis_tasks (queue) WHERE status = 'cancelled' AND lease_until IS NOT NULL;
    ALTER TABLE project_quotas
        DROP CONSTRAINT project_quotas_range,
        ADD CONSTRAINT project_quotas_range CHECK (max_bytes >= 0 AND max_rows >= 0 AND max_tasks >= 0 AND max_llm_tokens >= 0),
        DROP COLUMN max_running_tasks;
    DROP TABLE schedules;
    """)


TABLES = """
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
"""

CHANGES = """
    ALTER TABLE analysis_tasks
        ADD COLUMN claims integer NOT NULL DEFAULT 0,
        ADD COLUMN waiting_for integer NOT NULL DEFAULT 0,
        ADD COLUMN not_before timestamptz,
        ADD COLUMN deadline timestamptz,
        ADD COLUMN schedule_id uuid REFERENCES schedules (id) ON DELETE SET NULL;
    UPDATE analysis_tasks SET claims = attempts;
    UPDATE analysis_tasks
    SET queue = CASE WHEN kind IN ('garbage_collection', 'project_removal') THEN 'maintenance'
                     WHEN queue = 'data' THEN 'ingest' ELSE 'analysis' END
    WHERE queue IN ('data', 'ai');
    DROP INDEX analysis_tasks_claim_idx;
    CREATE INDEX analysis_tasks_claim_idx ON analysis_tasks (queue, priority DESC, created_at)
        WHERE status = 'queued' AND waiting_for = 0;
    DROP INDEX analysis_tasks_unsettled_idx;
    CREATE INDEX analysis_tasks_unsettled_idx ON analysis_tasks (queue)
        WHERE status IN ('failed', 'cancelled') AND lease_until IS NOT NULL;
    CREATE INDEX analysis_tasks_deadline_idx ON analysis_tasks (deadline)
        WHERE deadline IS NOT NULL AND status IN ('queued', 'running');
    CREATE INDEX analysis_tasks_running_idx ON analysis_tasks (project_id) WHERE status = 'running';
    CREATE INDEX analysis_tasks_finished_idx ON analysis_tasks (finished_at) WHERE finished_at IS NOT NULL;
    CREATE INDEX analysis_tasks_schedule_idx ON analysis_tasks (schedule_id, id DESC) WHERE schedule_id IS NOT NULL;
    COMMENT ON COLUMN analysis_tasks.attempts IS 'Runs that count towards max_attempts; counted before execution.';
    COMMENT ON COLUMN analysis_tasks.claims IS 'Runs ever begun; also the fencing number of the run that holds the lease.';
    COMMENT ON COLUMN analysis_tasks.waiting_for IS 'How many of its dependencies have not succeeded yet.';
    COMMENT ON COLUMN analysis_tasks.not_before IS 'A queued task is not claimed earlier.';
    COMMENT ON COLUMN analysis_tasks.deadline IS 'A task that has not ended by then is failed.';
    COMMENT ON COLUMN analysis_tasks.lease_until IS 'Of a running task: when its run counts as lost. Of one that failed or was cancelled without a run: no worker has yet done what its kind does then.';

    ALTER TABLE project_quotas
        ADD COLUMN max_running_tasks integer,
        DROP CONSTRAINT project_quotas_range,
        ADD CONSTRAINT project_quotas_range CHECK (max_bytes >= 0 AND max_rows >= 0 AND max_tasks >= 0 AND max_llm_tokens >= 0
            AND max_running_tasks >= 1);
    COMMENT ON COLUMN project_quotas.max_running_tasks IS 'Tasks that run at once; further ones wait in the queue.';
"""
