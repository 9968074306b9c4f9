//! What must survive: one row per fax, its original, its history.
