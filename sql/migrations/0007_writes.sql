-- One row, which the service writes to find out whether the server takes writes.
CREATE TABLE IF NOT EXISTS :SCHEMA.jarvis_writes (
  id int PRIMARY KEY CHECK (id = 1),
  at timestamptz NOT NULL
);
COMMENT ON COLUMN :SCHEMA.jarvis_writes.at IS 'When the service last found that the server takes writes.';
