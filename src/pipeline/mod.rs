//! A fax through its durable stages: claim, run, record.
