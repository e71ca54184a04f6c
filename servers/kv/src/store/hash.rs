//! Hashes: fields with values, and when each expires.
