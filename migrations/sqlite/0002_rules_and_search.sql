-- Versions of the rules, the facts that decisions saw, and the words of faxes for searching.

-- Every text of the rules that a gateway used, or that a rollback put away. Its name is its SHA-256.
CREATE TABLE rules_versions (
    version     TEXT    NOT NULL PRIMARY KEY,
    rules       TEXT    NOT NULL,
    -- departments.toml as it was beside it when it was last used.
    departments TEXT    NOT NULL,
    kept_at     INTEGER NOT NULL
);

-- When which version came into force.
CREATE TABLE rules_uses (
    seq     INTEGER NOT NULL PRIMARY KEY,
    version TEXT    NOT NULL REFERENCES rules_versions (version),
    at      INTEGER NOT NULL,
    how     TEXT    NOT NULL
);

-- What the rules saw of a fax when they decided, so that other rules can be tried on it without its pages.
CREATE TABLE facts (
    fax_id     TEXT    NOT NULL PRIMARY KEY REFERENCES faxes (id),
    facts_json TEXT    NOT NULL,
    at         INTEGER NOT NULL
);

-- The faxes whose words are indexed. n is the row of `words`: it grows with the moment of admission, so that the
-- newest are found first without sorting. recipe: what made words of text; another one means: index it again.
CREATE TABLE searched (
    n      INTEGER NOT NULL PRIMARY KEY,
    fax_id TEXT    NOT NULL UNIQUE REFERENCES faxes (id),
    recipe TEXT    NOT NULL
);

-- Words folded and, in Chinese, cut into pairs by the program. The text itself stands in page_texts alone.
CREATE VIRTUAL TABLE words USING fts5 (body, content = '', contentless_delete = 1,
                                       tokenize = 'unicode61 remove_diacritics 2');

-- The queue of work stays short however many faxes are done with.
CREATE INDEX faxes_work ON faxes (admitted_at, id) WHERE stage IN ('received', 'transcribed', 'composed');
