//! The numbers of the format.

/// The version that is written.
pub const VERSION: u16 = 11;
/// The version that is written where hashes have room for deadlines of their fields, and by DUMP; the latest that is read.
pub const VERSION_WITH_FIELD_DEADLINES: u16 = 12;

/// First byte of a value: its type and how it is laid down.
pub(crate) mod value_code {
    pub(crate) const STRING: u8 = 0;
    pub(crate) const LIST: u8 = 1;
    pub(crate) const SET: u8 = 2;
    /// Scores as texts.
    pub(crate) const ZSET: u8 = 3;
    pub(crate) const HASH: u8 = 4;
    /// Scores in eight bytes.
    pub(crate) const ZSET_2: u8 = 5;
    /// A module's value that can't even be passed over.
    pub(crate) const MODULE_1: u8 = 6;
    pub(crate) const MODULE_2: u8 = 7;
    pub(crate) const HASH_ZIPMAP: u8 = 9;
    pub(crate) const LIST_ZIPLIST: u8 = 10;
    pub(crate) const SET_INTSET: u8 = 11;
    pub(crate) const ZSET_ZIPLIST: u8 = 12;
    pub(crate) const HASH_ZIPLIST: u8 = 13;
    /// Nodes are ziplists.
    pub(crate) const LIST_QUICKLIST: u8 = 14;
    pub(crate) const STREAM_LISTPACKS: u8 = 15;
    pub(crate) const HASH_LISTPACK: u8 = 16;
    pub(crate) const ZSET_LISTPACK: u8 = 17;
    /// Nodes are listpacks or single elements.
    pub(crate) const LIST_QUICKLIST_2: u8 = 18;
    /// With the stream's past.
    pub(crate) const STREAM_LISTPACKS_2: u8 = 19;
    pub(crate) const SET_LISTPACK: u8 = 20;
    /// With the time at which consumers were last given something.
    pub(crate) const STREAM_LISTPACKS_3: u8 = 21;
    /// Deadlines in full, as a release candidate of Redis 7.4 wrote them.
    pub(crate) const HASH_METADATA_EARLY: u8 = 22;
    /// Without the next deadline, as a release candidate of Redis 7.4 wrote it.
    pub(crate) const HASH_LISTPACK_EX_EARLY: u8 = 23;
    pub(crate) const HASH_METADATA: u8 = 24;
    pub(crate) const HASH_LISTPACK_EX: u8 = 25;
    /// Kora's own, far above what Redis uses: the value of an extension type, which its name tells. See docs/adr/0034.
    pub(crate) const EXTENSION: u8 = 128;
}

/// First byte of a piece of a file that is no key's type.
pub(crate) mod opcode {
    pub(crate) const SLOT_INFO: u8 = 244;
    pub(crate) const FUNCTION: u8 = 245;
    /// A function as a release candidate of Redis 7.0 wrote it.
    pub(crate) const FUNCTION_EARLY: u8 = 246;
    pub(crate) const MODULE_AUX: u8 = 247;
    pub(crate) const IDLE: u8 = 248;
    pub(crate) const FREQUENCY: u8 = 249;
    pub(crate) const AUX: u8 = 250;
    pub(crate) const RESIZE_DB: u8 = 251;
    pub(crate) const EXPIRY_MS: u8 = 252;
    pub(crate) const EXPIRY_SECONDS: u8 = 253;
    pub(crate) const SELECT_DB: u8 = 254;
    pub(crate) const EOF: u8 = 255;
}

/// The meanings of the two highest bits of a length, and the marks of longer lengths.
pub(crate) mod length {
    pub(crate) const BITS_32: u8 = 0x80;
    pub(crate) const BITS_64: u8 = 0x81;
    /// Not a length: how a string is packed.
    pub(crate) const PACKED: u8 = 0xC0;
}

/// How a string is packed.
pub(crate) mod packed {
    pub(crate) const INT8: u8 = 0;
    pub(crate) const INT16: u8 = 1;
    pub(crate) const INT32: u8 = 2;
    pub(crate) const LZF: u8 = 3;
}

/// How a node of a list is laid down.
pub(crate) mod node {
    pub(crate) const PLAIN: u64 = 1;
    pub(crate) const LISTPACK: u64 = 2;
}

/// The parts that a module's value consists of.
pub(crate) mod module {
    pub(crate) const EOF: u64 = 0;
    pub(crate) const SIGNED: u64 = 1;
    pub(crate) const UNSIGNED: u64 = 2;
    pub(crate) const FLOAT: u64 = 3;
    pub(crate) const DOUBLE: u64 = 4;
    pub(crate) const TEXT: u64 = 5;
}
