//! Sets: of integers, of a few members, of many.
