//! The segmented table.
