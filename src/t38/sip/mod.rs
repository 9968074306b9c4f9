//! SIP (RFC 3261) as a machine without sockets: bytes and the time come in, bytes and events go out.
