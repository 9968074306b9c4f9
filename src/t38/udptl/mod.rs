//! UDPTL (ITU-T T.38 §9.1): packets, redundancy, FEC, and what a receiver makes of loss and reordering.
