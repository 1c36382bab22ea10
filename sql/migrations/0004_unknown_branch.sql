-- no transaction
-- The events of a record whose branch nobody knows. What is no id may be longer than an index entry can be.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_unknown_branch ON :SCHEMA.events (left(ext_id, 64))
  WHERE NOT processed AND reason LIKE 'unknown\_branch%';
