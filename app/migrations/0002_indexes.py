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

#: The lists of people and channels, newest first.
PEOPLE = (
    "CREATE INDEX IF NOT EXISTS account_created ON account (created_at DESC, id DESC)",
    "CREATE INDEX IF NOT EXISTS channel_created ON channel (created_at DESC, id DESC)",
    'CREATE INDEX IF NOT EXISTS user_created ON "user" (created_at DESC, id DESC)',
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

#: What stands in lists: `privacy IN (1, 4) AND state = 1` (public or internal, published), spelled as
#: literals in app/videos/filters.py so that the partial indexes fit. A list reads one of them from an
#: end; privacy and nsfw lie beside the key so that rows that do not fit are skipped without the table.
LISTED = "INCLUDE (privacy, nsfw) WHERE privacy IN (1, 4) AND state = 1"
SORT_COLUMNS = (
    "published_at",
    "created_at",
    "originally_published_at",
    "name",
    "duration",
    "views",
    "likes",
    "comments_count",
    "trending_score",
    "hot_score",
)
VIDEOS = (
    *(
        f"CREATE INDEX IF NOT EXISTS video_by_{column} ON video ({column} DESC, id DESC) {LISTED}"
        for column in SORT_COLUMNS
    ),
    *(
        f"""CREATE INDEX IF NOT EXISTS video_of_{column}
            ON video ({column}, published_at DESC, id DESC) {LISTED}"""
        for column in ("channel_id", "category", "language")
    ),
    # a user's own, whatever their state
    """CREATE INDEX IF NOT EXISTS video_of_channel_created
       ON video (channel_id, created_at DESC, id DESC)""",
    "CREATE INDEX IF NOT EXISTS video_tags ON video USING gin ((lower(tags::text)::jsonb))",
    # whose score of the week may have to go down
    "CREATE INDEX IF NOT EXISTS video_trending ON video (id) WHERE trending_score > 0",
    "CREATE INDEX IF NOT EXISTS video_view_day_recent ON video_view_day (day, video_id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS rendition_filename_unique ON rendition (filename)",
    "CREATE INDEX IF NOT EXISTS upload_updated ON upload (updated_at)",
)

#: Words are compared without accents and case, in any language. `word` knows every word that a name or
#: a tag ever had: what no video has is looked up there by its trigrams, which stays fast where
#: comparing a million names would not. The ORM knows neither table nor columns of the search.
SEARCH = (
    # unaccent() itself is only STABLE, since somebody might change its dictionary; nobody does
    """CREATE OR REPLACE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
       RETURN lower(unaccent('unaccent'::regdictionary, $1))""",
    """ALTER TABLE video ADD COLUMN IF NOT EXISTS search tsvector GENERATED ALWAYS AS (
           setweight(to_tsvector('simple', plain(name)), 'A')
           || setweight(to_tsvector('simple', plain(tags::text)), 'B')
           || setweight(to_tsvector('simple', plain(left(coalesce(description, ''), 10000))), 'D')
       ) STORED""",
    "CREATE INDEX IF NOT EXISTS video_search ON video USING gin (search)",
    "CREATE INDEX IF NOT EXISTS video_name_trigrams ON video USING gin (plain(name) gin_trgm_ops)",
    """CREATE INDEX IF NOT EXISTS channel_name_trigrams ON channel
       USING gin (plain(display_name || ' ' || name) gin_trgm_ops)""",
    "CREATE TABLE IF NOT EXISTS word (word text PRIMARY KEY)",
    "CREATE INDEX IF NOT EXISTS word_trigrams ON word USING gin (word gin_trgm_ops)",
    """CREATE OR REPLACE FUNCTION learn_words() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
           INSERT INTO word SELECT unnest(tsvector_to_array(
               to_tsvector('simple', plain(left(NEW.name || ' ' || NEW.tags::text, 2000)))))
           ON CONFLICT DO NOTHING;
           RETURN NULL;
       END $$""",
    """CREATE OR REPLACE TRIGGER video_words AFTER INSERT OR UPDATE OF name, tags ON video
       FOR EACH ROW EXECUTE FUNCTION learn_words()""",
    # the last word may be the beginning of one: somebody is still typing
    """CREATE OR REPLACE FUNCTION asked_words(text) RETURNS tsquery
       LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (
           SELECT CASE WHEN q::text LIKE '%''' THEN (q::text || ':*')::tsquery ELSE q END
           FROM websearch_to_tsquery('simple', plain($1)) q)""",
    # The thresholds go with the functions: two swapped letters in a short word leave 3 of 11 trigrams
    # alike, which the defaults of 0.3 and 0.6 would miss.
    """CREATE OR REPLACE FUNCTION nearest_words(asked text) RETURNS tsquery LANGUAGE sql STABLE
       SET pg_trgm.similarity_threshold = 0.2 AS $$
           SELECT plainto_tsquery('simple', string_agg(
               (SELECT word FROM word
                WHERE word % known AND abs(length(word) - length(known)) <= 3
                ORDER BY similarity(word, known) DESC, word LIMIT 1), ' '))
           FROM unnest(tsvector_to_array(to_tsvector('simple', plain(left(asked, 200))))) known $$""",
    """CREATE OR REPLACE FUNCTION channels_like(asked text, most int)
       RETURNS TABLE (id bigint, likeness real) LANGUAGE sql STABLE ROWS 100
       SET pg_trgm.word_similarity_threshold = 0.28 AS $$
           SELECT id, likeness FROM (
               SELECT id, likeness, max(likeness) OVER () AS best FROM (
                   SELECT id, word_similarity(plain(asked), plain(display_name || ' ' || name))
                       AS likeness FROM channel
                   WHERE plain(asked) <% plain(display_name || ' ' || name)
                   ORDER BY 2 DESC, id DESC LIMIT most) nearest) found
           WHERE likeness >= 0.7 * best $$""",
)

JOBS = (
    # one live job a unique key
    """CREATE UNIQUE INDEX IF NOT EXISTS job_unique_live ON job (unique_key)
       WHERE unique_key IS NOT NULL AND state IN ('queued', 'running')""",
    # what may be sent next: an owner's ready jobs of one priority in a row, owner by owner
    """CREATE INDEX IF NOT EXISTS job_ready
       ON job (lane, (-priority), coalesce(owner_id, 0), run_at, id)
       WHERE state = 'queued' AND sent_at IS NULL""",
    "CREATE INDEX IF NOT EXISTS job_due ON job (run_at) WHERE state = 'queued' AND sent_at IS NULL",
    # what is on its way, under way, or lost
    """CREATE INDEX IF NOT EXISTS job_sent ON job (sent_at)
       WHERE state = 'queued' AND sent_at IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS job_lease ON job (lease_until) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS job_subject ON job (subject) WHERE subject IS NOT NULL",
    # the administrator's lists, and what is old enough to be forgotten
    "CREATE INDEX IF NOT EXISTS job_state_created ON job (state, created_at DESC, id DESC)",
    "CREATE INDEX IF NOT EXISTS job_finished ON job (finished_at) WHERE finished_at IS NOT NULL",
)


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [ops.RunSQL(sql) for sql in EXTENSIONS + HANDLES + PEOPLE + TOKENS + VIDEOS + SEARCH + JOBS]
