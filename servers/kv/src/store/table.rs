//! The hash table of the keyspace and of large collections, made for the cache line.
