"""What the models cannot say: extensions, indexes on expressions, partial and descending ones."""

from tortoise import migrations
from tortoise.migrations import operations as ops

EXTENSIONS = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE EXTENSION IF NOT EXISTS unaccent",
)

#: Handles are unique without regard to case, over accounts and channels of a host together: each table
#: has its index, and a trigger looks into the other one under a lock on the handle.
HANDLES = (
    'CREATE UNIQUE INDEX IF NOT EXISTS user_username_unique ON "user" (lower(username))',
    'CREATE UNIQUE INDEX IF NOT EXISTS user_email_unique ON "user" (lower(email))',
    """CREATE UNIQUE INDEX IF NOT EXISTS account_handle_unique
       ON account (lower(name), coalesce(host, ''))""",
    """CREATE UNIQUE INDEX IF NOT EXISTS channel_handle_unique
       ON channel (lower(name), coalesce(host, ''))""",
    """CREATE OR REPLACE FUNCTION handle_is_free() RETURNS trigger LANGUAGE plpgsql AS $$
       DECLARE taken boolean;
       BEGIN
           PERFORM pg_advisory_xact_lock(
               hashtextextended(lower(NEW.name) || '@' || coalesce(NEW.host, ''), 0));
           EXECUTE format(
               'SELECT EXISTS (SELECT FROM %I WHERE lower(name) = lower($1)'
               ' AND coalesce(host, '''') = coalesce($2, ''''))', TG_ARGV[0])
               INTO taken USING NEW.name, NEW.host;
           IF taken THEN
               RAISE unique_violation USING
                   CONSTRAINT = 'handle_unique', TABLE = TG_TABLE_NAME,
                   MESSAGE = format('the handle %s is taken by a row of %s', NEW.name, TG_ARGV[0]);
           END IF;
           RETURN NEW;
       END $$""",
    """CREATE OR REPLACE TRIGGER account_handle_is_free BEFORE INSERT OR UPDATE OF name, host ON account
       FOR EACH ROW EXECUTE FUNCTION handle_is_free('channel')""",
    """CREATE OR REPLACE TRIGGER channel_handle_is_free BEFORE INSERT OR UPDATE OF name, host ON channel
       FOR EACH ROW EXECUTE FUNCTION handle_is_free('account')""",
)

TOKENS = (
    "CREATE UNIQUE INDEX IF NOT EXISTS session_access_unique ON session (access_hash)",
    "CREATE UNIQUE INDEX IF NOT EXISTS session_refresh_unique ON session (refresh_hash)",
    "CREATE INDEX IF NOT EXISTS session_access_expires ON session (access_expires_at)",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_time_token_unique ON one_time_token (token_hash)",
    "CREATE INDEX IF NOT EXISTS one_time_token_expires ON one_time_token (expires_at)",
    # 1 is RegistrationState.PENDING
    """CREATE UNIQUE INDEX IF NOT EXISTS registration_username_pending
       ON registration (lower(username)) WHERE state = 1""",
    """CREATE UNIQUE INDEX IF NOT EXISTS registration_email_pending
       ON registration (lower(email)) WHERE state = 1""",
    "CREATE INDEX IF NOT EXISTS registration_created ON registration (created_at DESC, id DESC)",
)

#: Lists of public videos: `privacy = 1 AND state = 1` (Privacy.PUBLIC, VideoState.PUBLISHED), spelled
#: as literals in queries.py so that a partial index is used by a generic plan, too.
VIDEOS = (
    """CREATE INDEX IF NOT EXISTS video_recent
       ON video (published_at DESC, id DESC) WHERE privacy = 1 AND state = 1""",
    """CREATE INDEX IF NOT EXISTS video_most_viewed
       ON video (views DESC, id DESC) WHERE privacy = 1 AND state = 1""",
    """CREATE INDEX IF NOT EXISTS video_most_liked
       ON video (likes DESC, id DESC) WHERE privacy = 1 AND state = 1""",
    """CREATE INDEX IF NOT EXISTS video_of_channel_recent
       ON video (channel_id, published_at DESC, id DESC) WHERE privacy = 1 AND state = 1""",
    """CREATE INDEX IF NOT EXISTS video_of_channel_created
       ON video (channel_id, created_at DESC, id DESC)""",
    """CREATE INDEX IF NOT EXISTS video_of_category
       ON video (category, published_at DESC, id DESC) WHERE privacy = 1 AND state = 1""",
    """CREATE INDEX IF NOT EXISTS video_of_language
       ON video (language, published_at DESC, id DESC) WHERE privacy = 1 AND state = 1""",
    "CREATE UNIQUE INDEX IF NOT EXISTS rendition_filename_unique ON rendition (filename)",
    "CREATE INDEX IF NOT EXISTS upload_updated ON upload (updated_at)",
)

JOBS = (
    # one live job a unique key
    """CREATE UNIQUE INDEX IF NOT EXISTS job_unique_live ON job (unique_key)
       WHERE unique_key IS NOT NULL AND state IN ('queued', 'running')""",
    # what may be sent next
    """CREATE INDEX IF NOT EXISTS job_ready ON job (lane, priority DESC, run_at)
       WHERE state = 'queued' AND sent_at IS NULL""",
    # what is on its way or under way: owners' shares, lost leases
    """CREATE INDEX IF NOT EXISTS job_sent ON job (lane, owner_id)
       WHERE state = 'queued' AND sent_at IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS job_running ON job (lane, owner_id) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS job_subject ON job (subject) WHERE subject IS NOT NULL",
    # the administrator's lists, and what is old enough to be forgotten
    "CREATE INDEX IF NOT EXISTS job_state_created ON job (state, created_at DESC, id DESC)",
    "CREATE INDEX IF NOT EXISTS job_finished ON job (finished_at) WHERE finished_at IS NOT NULL",
)


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [ops.RunSQL(sql) for sql in EXTENSIONS + HANDLES + TOKENS + VIDEOS + JOBS]
