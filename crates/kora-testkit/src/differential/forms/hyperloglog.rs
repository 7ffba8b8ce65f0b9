//! HyperLogLogs: few keys, so that some become dense; GET compares their bytes.

use super::{Compare, Form, compared, form};

pub(super) const FORMS: &[Form] = &[
    form(150, "PFADD <sketch-key> <element> <element> <element> <element>..."),
    form(10, "PFADD <sketch-key>"),
    form(30, "PFCOUNT <sketch-key>"),
    form(20, "PFCOUNT <sketch-key>..."),
    form(20, "PFMERGE <sketch-key> <sketch-key>..."),
    form(3, "PFMERGE <key> <sketch-key>"),
    form(3, "PFADD <key> <element>"),
    form(10, "GET <sketch-key>"),
    form(10, "STRLEN <sketch-key>"),
    form(10, "PFDEBUG ENCODING <sketch-key>"),
    form(10, "PFDEBUG DECODE <sketch-key>"),
    form(1, "PFDEBUG TODENSE <sketch-key>"),
    form(1, "PFDEBUG GETREG <sketch-key>"),
    form(1, "PFDEBUG <junk> <sketch-key>"),
    compared(3, "OBJECT ENCODING <sketch-key>", Compare::Encoding),
    form(4, "DEL <sketch-key>"),
    form(2, "COPY <sketch-key> <sketch-key> REPLACE"),
    form(3, "SET <key> <value>"),
];
