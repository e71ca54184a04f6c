//! Listpacks: small collections in one allocation, byte for byte Redis's.
