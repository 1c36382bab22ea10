-- Four roles for Jarvis, each with the rights that it needs and no others. For an administrator of the database, who
-- need not be a superuser:
--
--     node dist/main.js roles | psql "$ADMIN_URL"
--     node dist/main.js migrate          with DATABASE_URL of jarvis_owner
--     node dist/main.js roles | psql "$ADMIN_URL"
--
-- The second time, because rights on a table can be given when it is there. It can be run as often as one likes. In psql,
-- \password jarvis_owner sets a password.

DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY '{jarvis_owner,jarvis_service,jarvis_webhooks,jarvis_reader}'::text[] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE pg_roles.rolname = role) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', role);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
  END LOOP;
  -- The preflight compares with temporary tables.
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO jarvis_owner, jarvis_service', current_database());
  IF to_regnamespace(':SCHEMA') IS NULL THEN
    CREATE SCHEMA :SCHEMA;
  END IF;
END
$$;

-- jarvis_owner runs `jarvis migrate`: everything that Jarvis creates is its.
GRANT USAGE, CREATE ON SCHEMA :SCHEMA TO jarvis_owner;

-- jarvis_service runs the service: DATABASE_URL is its. It changes rows, and creates nothing.
GRANT USAGE ON SCHEMA :SCHEMA TO jarvis_service;

-- jarvis_webhooks is for whatever else receives webhooks or entries of the log: it may add rows, and nothing else.
GRANT USAGE ON SCHEMA :SCHEMA TO jarvis_webhooks;

-- jarvis_reader is for people and their reports.
GRANT USAGE ON SCHEMA :SCHEMA TO jarvis_reader;

-- What jarvis_owner creates from now on, and what it has created.
GRANT jarvis_owner TO CURRENT_USER;
ALTER DEFAULT PRIVILEGES FOR ROLE jarvis_owner IN SCHEMA :SCHEMA GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO jarvis_service;
ALTER DEFAULT PRIVILEGES FOR ROLE jarvis_owner IN SCHEMA :SCHEMA GRANT SELECT ON TABLES TO jarvis_reader;
DO $$
DECLARE
  place text;
BEGIN
  FOR place IN
    SELECT pg_class.oid::regclass::text
    FROM pg_class
    WHERE pg_class.relnamespace = to_regnamespace(':SCHEMA') AND pg_class.relkind IN ('r', 'v')
      AND pg_class.relowner = 'jarvis_owner'::regrole
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO jarvis_service', place);
    EXECUTE format('GRANT SELECT ON %s TO jarvis_reader', place);
  END LOOP;
  -- The receipt makes an INSERT that was lost repeatable.
  FOR place IN
    SELECT pg_class.oid::regclass::text
    FROM pg_class
    WHERE pg_class.oid IN (to_regclass(':SCHEMA.events'), to_regclass(':SCHEMA.history'))
      AND pg_class.relowner = 'jarvis_owner'::regrole
  LOOP
    EXECUTE format('GRANT INSERT, SELECT (id, receipt) ON %s TO jarvis_webhooks', place);
  END LOOP;
END
$$;
REVOKE jarvis_owner FROM CURRENT_USER;
