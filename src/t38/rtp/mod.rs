//! RTP (RFC 3550) with G.711: the second way to hear a fax, where a trunk refuses T.38.
