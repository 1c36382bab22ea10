-- What the migrator keeps its books in. Each migration runs this first, in its own transaction.

-- Early databases have the columns of another migrator. Under these names an early program does not find its own, and stops.
DO $$
BEGIN
  IF EXISTS (
    SELECT FROM pg_attribute
    WHERE pg_attribute.attrelid = to_regclass(':SCHEMA.jarvis_migrations')
      AND pg_attribute.attname = 'migration_id' AND NOT pg_attribute.attisdropped
  ) THEN
    ALTER TABLE :SCHEMA.jarvis_migrations RENAME COLUMN migration_id TO id;
    ALTER TABLE :SCHEMA.jarvis_migrations RENAME COLUMN created_at TO applied_at;
  END IF;
END
$$;

-- A row without a checksum is an early one: the baseline takes the place of them all.
CREATE TABLE IF NOT EXISTS :SCHEMA.jarvis_migrations (
  id         int         PRIMARY KEY,
  name       text        NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE :SCHEMA.jarvis_migrations ADD COLUMN IF NOT EXISTS checksum text;

-- Which text of the functions is here: one row.
CREATE TABLE IF NOT EXISTS :SCHEMA.jarvis_functions (
  version    int         NOT NULL,
  checksum   text        NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
