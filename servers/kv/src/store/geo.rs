//! Geohashes: positions as scores of a sorted set, and distances.
