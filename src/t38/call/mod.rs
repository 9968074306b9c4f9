//! One fax call's media as a machine without sockets: session, UDPTL or RTP, watchdogs, and pages confirmed only when they are durable.
