-- What rules demand besides departments: holding, junk, alarms.

-- A delivery that waits for office hours, and until when. It is not late before that.
ALTER TABLE deliveries ADD COLUMN held_until INTEGER;

-- Whoever holds a lease renews it and records under it: deliveries in hand are few, those in the store many.
CREATE INDEX deliveries_in_hand ON deliveries (lease) WHERE lease IS NOT NULL;

-- When the first of those claims of a fax was that brought nothing: many kills within minutes are no fault of the fax.
ALTER TABLE faxes ADD COLUMN first_claim_at INTEGER;

-- Faxes that a rule called junk. The fax itself is quarantined; nothing of it is lost.
CREATE TABLE junk (
    fax_id      TEXT    NOT NULL PRIMARY KEY REFERENCES faxes (id),
    rule        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    -- The first words of the first page, one line.
    words       TEXT    NOT NULL,
    -- When a digest named it.
    told_at     INTEGER,
    -- When a person said that it is none, and who. From then on no junk rule takes it.
    released_at INTEGER,
    released_by TEXT
);

CREATE INDEX junk_untold ON junk (at) WHERE told_at IS NULL;

-- What is or was not well.
CREATE TABLE alarms (
    id         INTEGER NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    about      TEXT    NOT NULL,
    words      TEXT    NOT NULL,
    opened_at  INTEGER NOT NULL,
    -- When people were last told of it.
    told_at    INTEGER NOT NULL,
    cleared_at INTEGER
);

CREATE UNIQUE INDEX alarms_open ON alarms (kind, about) WHERE cleared_at IS NULL;

-- Bounces of the last day are counted each few minutes.
CREATE INDEX fax_events_bounced ON fax_events (at) WHERE kind = 'delivery.bounced';

-- What each fax says of its line and its sender: when it came, and how well.
CREATE TABLE fax_lines (
    fax_id      TEXT    NOT NULL PRIMARY KEY REFERENCES faxes (id),
    admitted_at INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    spool       TEXT    NOT NULL,
    did         TEXT,
    trunk       TEXT,
    sender      TEXT,
    -- Known once the document is made. Confidence from 0 to 100; none where nothing was read.
    judged      INTEGER NOT NULL DEFAULT 0,
    damaged     INTEGER NOT NULL DEFAULT 0,
    confidence  REAL
);

CREATE INDEX fax_lines_at ON fax_lines (at);
CREATE INDEX fax_lines_admitted ON fax_lines (admitted_at);
CREATE INDEX fax_lines_unjudged ON fax_lines (admitted_at) WHERE judged = 0;
