-- The durable state of faxgate. Moments are milliseconds since the epoch, UTC. Ids are text.
-- Columns named *_json hold the noun of the same name as JSON.

CREATE TABLE faxes (
    id              TEXT    NOT NULL PRIMARY KEY,
    -- Where it came from. The pair is what makes intake idempotent.
    source          TEXT    NOT NULL,
    source_key      TEXT    NOT NULL,
    file_name       TEXT    NOT NULL,
    admitted_at     INTEGER NOT NULL,
    call_json       TEXT    NOT NULL,
    -- The bytes as received: a blob.
    original_sha256 TEXT    NOT NULL,
    original_bytes  INTEGER NOT NULL,
    original_format TEXT    NOT NULL,
    -- How far it has come.
    stage           TEXT    NOT NULL CHECK (stage IN ('received', 'transcribed', 'composed', 'routed',
                                                      'closed', 'quarantined', 'discarded')),
    since           INTEGER NOT NULL,
    round           INTEGER NOT NULL DEFAULT 0,
    -- Failures recorded in this stage, and claims that brought nothing (a crash records no failure).
    attempts        INTEGER NOT NULL DEFAULT 0,
    claims          INTEGER NOT NULL DEFAULT 0,
    next_at         INTEGER NOT NULL,
    -- Whose work it is at the moment.
    lease           TEXT,
    lease_owner     TEXT,
    lease_until     INTEGER,
    -- What was made of it.
    document_json   TEXT,
    rule            TEXT,
    decision_json   TEXT,
    fault_json      TEXT,
    UNIQUE (source, source_key)
);

CREATE INDEX faxes_admitted ON faxes (admitted_at, id);
CREATE INDEX faxes_stage ON faxes (stage, admitted_at);

-- Text of pages, so that a restart reads no page twice.
CREATE TABLE page_texts (
    fax_id          TEXT    NOT NULL REFERENCES faxes (id),
    page            INTEGER NOT NULL,
    original_sha256 TEXT    NOT NULL,
    recipe          TEXT    NOT NULL,
    transcript_json TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (fax_id, page)
);

-- One row for each fax and address.
CREATE TABLE deliveries (
    id          INTEGER NOT NULL PRIMARY KEY,
    fax_id      TEXT    NOT NULL REFERENCES faxes (id),
    department  TEXT    NOT NULL,
    target_json TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('due', 'delivered', 'failed', 'withdrawn')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    made_at     INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    because     TEXT,
    last        TEXT,
    lease       TEXT,
    lease_owner TEXT,
    lease_until INTEGER,
    UNIQUE (message_id, target_json)
);

CREATE INDEX deliveries_due ON deliveries (next_at, id) WHERE state = 'due';
CREATE INDEX deliveries_fax ON deliveries (fax_id);

-- Calls that brought no page: a fact worth keeping, but no fax.
CREATE TABLE calls_without_pages (
    source      TEXT    NOT NULL,
    call_sha256 TEXT    NOT NULL,
    call_json   TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (source, call_sha256)
);

-- The history and audit trail. Each row carries the hash of the one before it.
CREATE TABLE fax_events (
    seq         INTEGER NOT NULL PRIMARY KEY,
    fax_id      TEXT REFERENCES faxes (id),
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    detail_json TEXT    NOT NULL,
    prev_hash   TEXT    NOT NULL,
    hash        TEXT    NOT NULL
);

CREATE INDEX fax_events_fax ON fax_events (fax_id, seq);

CREATE TRIGGER fax_events_no_update BEFORE UPDATE ON fax_events
BEGIN
    SELECT RAISE(ABORT, 'fax_events is append-only');
END;

CREATE TRIGGER fax_events_no_delete BEFORE DELETE ON fax_events
BEGIN
    SELECT RAISE(ABORT, 'fax_events is append-only');
END;
