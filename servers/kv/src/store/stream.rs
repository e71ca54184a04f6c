//! Streams: entries by time, and groups of consumers.
