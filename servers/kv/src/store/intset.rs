//! Sorted integers in one allocation, as wide as the widest needs.
