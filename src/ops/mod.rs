//! What operators see: events, metrics, health, logs; and the clock.
