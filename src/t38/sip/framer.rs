//! Cuts a stream into SIP messages (RFC 3261 §18.3), with keep-alives between them (RFC 5626 §3.5.1).
