//! Sorted sets: members by score, with ranks.
