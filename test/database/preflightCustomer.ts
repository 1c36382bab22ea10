/** The database of a company that had a system of its own before it had Jarvis: the same names, other shapes. */
export const customer: ReadonlyArray<string> = [
  "CREATE TABLE branches (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text UNIQUE NOT NULL, name text)",
  `CREATE TABLE events (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ts timestamp DEFAULT now(), company_id int NOT NULL,
     type text NOT NULL, rentprog_id text, payload json, processed boolean DEFAULT false,
     UNIQUE (company_id, type, rentprog_id))`,
  `CREATE TABLE history (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), description text NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now(), processed boolean NOT NULL DEFAULT false)`,
  `CREATE TABLE cars (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), rentprog_id text UNIQUE, number varchar(20) UNIQUE,
     year smallint, mileage integer, data jsonb)`,
  `CREATE TABLE clients (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), rentprog_id integer, name text NOT NULL,
     email text CHECK (email LIKE '%@%'))`,
  `CREATE TABLE bookings (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), rentprog_id text, car_id uuid REFERENCES cars,
     client_id uuid REFERENCES clients, start_date date, total numeric(10,2), active text)`,
  `CREATE TABLE payments (payment_id bigserial PRIMARY KEY, booking_id uuid REFERENCES bookings, amount numeric NOT NULL,
     kind text NOT NULL)`,
  `CREATE TABLE entity_timeline (id uuid PRIMARY KEY, entity text, happened_at timestamptz NOT NULL,
     description text NOT NULL)`,
  `CREATE FUNCTION parse_history_description(text) RETURNS TABLE (verb text, entity text) LANGUAGE sql
     AS $$ SELECT split_part($1, ' ', 2), $1 $$`,
  "CREATE FUNCTION auto_process_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
  "CREATE FUNCTION crm() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
  `CREATE TRIGGER auto_process_event_trigger AFTER INSERT ON events
     FOR EACH ROW EXECUTE FUNCTION auto_process_event()`,
  "CREATE TRIGGER auto_process_history_trigger AFTER INSERT ON history FOR EACH ROW EXECUTE FUNCTION crm()",
  "CREATE TRIGGER to_crm AFTER UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION crm()",
  "INSERT INTO branches (code) VALUES ('tbilisi'), ('batumi')",
  "INSERT INTO events (company_id, type, payload) SELECT n, 'car_update', '{}' FROM generate_series(1, 1234) AS n",
  "INSERT INTO history (description) VALUES ('Иван Петров создал бронь №507616')",
  "INSERT INTO bookings (rentprog_id) VALUES ('1'), ('1'), ('2'), ('2'), (NULL), ('3')"
]

/** All that the preflight has to say of it that is worse than harmless, in the order in which it does. */
export const foundAtCustomer: ReadonlyArray<string> = [
  ...[
    ...["column bookings.active", "column bookings.car_id", "column bookings.client_id"],
    ...["column bookings.rentprog_id", "column bookings.start_date", "column branches.company_id"],
    ...[
      "column clients.rentprog_id",
      "column entity_timeline.description",
      "column entity_timeline.happened_at"
    ],
    ...["column entity_timeline.id", "column events.company_id", "column events.id", "column events.payload"],
    ...["column events.ts", "column events.type", "column history.description", "column history.id"],
    ...["column payments.amount", "column payments.booking_id", "column payments.id", "column payments.kind"],
    ...["constraint branches.branches_code_key", "constraint events.events_company_id_type_rentprog_id_key"],
    "function parse_history_description(text)"
  ].map((object) => `fatal ${object}`),
  ...[
    ...["column bookings.total", "column cars.mileage", "column cars.number", "column cars.year"],
    ...["column clients.name", "constraint bookings.bookings_car_id_fkey"],
    ...["constraint bookings.bookings_client_id_fkey", "constraint cars.cars_number_key"],
    ...["constraint clients.clients_email_check", "constraint payments.payments_booking_id_fkey"],
    ...[
      "function auto_process_event()",
      "trigger bookings.to_crm",
      "trigger events.auto_process_event_trigger"
    ],
    "trigger history.auto_process_history_trigger"
  ].map((object) => `risk ${object}`)
]
