//! What is known of one call, as it lies beside its TIFF: read by the gateway as a sidecar.
