//! Reading Redis's append-only files.
