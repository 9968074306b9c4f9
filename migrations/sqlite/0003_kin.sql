-- Fingerprints of pages, and which fax is kin to which.

-- One row for each page that has a fingerprint. Ids grow with time.
CREATE TABLE page_prints (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    fax_id TEXT    NOT NULL REFERENCES faxes (id),
    page   INTEGER NOT NULL,
    -- 256 bits, most significant first.
    print  BLOB    NOT NULL,
    UNIQUE (fax_id, page)
);

-- The index of the first pages: parts of a fingerprint, of which twins share some whole.
CREATE TABLE print_bands (
    band  INTEGER NOT NULL,
    print INTEGER NOT NULL,
    PRIMARY KEY (band, print)
) WITHOUT ROWID;

-- By what faxes of one sender or one call are found: 'from:85223456789', 'tsi:…', 'call:…'.
CREATE TABLE fax_marks (
    mark   TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    fax_id TEXT    NOT NULL REFERENCES faxes (id),
    PRIMARY KEY (mark, at, fax_id)
) WITHOUT ROWID;

CREATE INDEX fax_marks_fax ON fax_marks (fax_id);

-- Kinship of a fax to an earlier one.
CREATE TABLE fax_kin (
    fax_id  TEXT    NOT NULL REFERENCES faxes (id),
    earlier TEXT    NOT NULL REFERENCES faxes (id),
    kin     TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (fax_id, earlier, kin)
) WITHOUT ROWID;

CREATE INDEX fax_kin_earlier ON fax_kin (earlier);

-- Pages that a fax holds twice: the later is the earlier once more.
CREATE TABLE page_repeats (
    fax_id TEXT    NOT NULL REFERENCES faxes (id),
    page   INTEGER NOT NULL,
    of     INTEGER NOT NULL,
    PRIMARY KEY (fax_id, page)
) WITHOUT ROWID;
