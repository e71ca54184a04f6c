//! HyperLogLog: how many different elements there were, in 12 KiB.
