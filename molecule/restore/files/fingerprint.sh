#!/bin/sh
# A hash of every row of every table, and of every byte of every file, to be compared.
set -eu
psql --no-psqlrc --quiet --tuples-only --no-align --username=kinora_backup --dbname=kinora <<'SQL'
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %I t', tablename, tablename)
FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename \gexec
SQL
cd /var/lib/kinora/storage
find . -type f -not -path './.*' -print0 | sort -z | xargs -0 --no-run-if-empty sha256sum
