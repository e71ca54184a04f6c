//! Protocols for Ropewalk: pure codecs, and clients built on them.
