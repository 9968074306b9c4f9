-- Mails that came back, and faxes that people passed on.

-- A delivery may have bounced. SQLite changes no CHECK in place, so the table is made anew; nothing refers to it.
CREATE TABLE deliveries_with_bounced (
    id          INTEGER NOT NULL PRIMARY KEY,
    fax_id      TEXT    NOT NULL REFERENCES faxes (id),
    department  TEXT    NOT NULL,
    target_json TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('due', 'delivered', 'failed', 'bounced', 'withdrawn')),
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

INSERT INTO deliveries_with_bounced
    (id, fax_id, department, target_json, message_id, state, attempts, made_at, next_at, expires_at, because, last,
     lease, lease_owner, lease_until)
SELECT id, fax_id, department, target_json, message_id, state, attempts, made_at, next_at, expires_at, because, last,
       lease, lease_owner, lease_until
FROM deliveries;

DROP TABLE deliveries;
ALTER TABLE deliveries_with_bounced RENAME TO deliveries;

CREATE INDEX deliveries_due ON deliveries (next_at, id) WHERE state = 'due';
CREATE INDEX deliveries_fax ON deliveries (fax_id);

-- Every mail that came to the gateway's own address: the bytes are a blob, and are never thrown away unread.
CREATE TABLE returned_mails (
    id          INTEGER NOT NULL PRIMARY KEY,
    -- The same bytes handed over twice (LMTP is at least once) are one mail.
    sha256      TEXT    NOT NULL UNIQUE,
    at          INTEGER NOT NULL,
    sender      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    verdict     TEXT    NOT NULL,
    fax_id      TEXT REFERENCES faxes (id),
    detail_json TEXT    NOT NULL
);

CREATE INDEX returned_mails_at ON returned_mails (at);

-- Mails of the gateway that are no fax: a mail forwarded to the fallback inbox, an answer to a clerk, a digest, an alarm.
CREATE TABLE own_mails (
    id          INTEGER NOT NULL PRIMARY KEY,
    message_id  TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    target_json TEXT    NOT NULL,
    message     BLOB    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('due', 'sent', 'given-up')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    made_at     INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    -- NULL: it is tried for ever
    expires_at  INTEGER,
    last        TEXT,
    -- Its place where so many go out in an hour; NULL: it waits for no place.
    slot        INTEGER
);

CREATE INDEX own_mails_due ON own_mails (next_at, id) WHERE state = 'due';
CREATE INDEX own_mails_slot ON own_mails (slot) WHERE slot IS NOT NULL;

-- Faxes passed on by people: from which department to which.
CREATE TABLE moves (
    id              INTEGER NOT NULL PRIMARY KEY,
    fax_id          TEXT    NOT NULL REFERENCES faxes (id),
    round           INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    from_department TEXT    NOT NULL,
    wanted          TEXT    NOT NULL,
    -- Where it went: what was wanted, or the fallback inbox where it would have gone in a circle.
    to_department   TEXT    NOT NULL,
    who             TEXT    NOT NULL,
    how             TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    message_id      TEXT    NOT NULL UNIQUE,
    -- Empty for a department, which passes a fax on once: whoever asks again is shown what was done. The fallback inbox
    -- settles circles and bounces, and passes a fax on once for each copy that it got: which copy.
    answered        TEXT    NOT NULL,
    UNIQUE (fax_id, round, from_department, answered)
);

CREATE INDEX moves_at ON moves (at);
