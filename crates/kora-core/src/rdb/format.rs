//! The numbers of the format.

/// The version that is written.
pub const VERSION: u16 = 11;
/// The version that is written where fields of hashes have deadlines, and by DUMP; the latest that is read.
pub const VERSION_WITH_FIELD_DEADLINES: u16 = 12;

/// First byte of a value: its type and how it is laid down.
pub(super) mod kind {
    pub(in crate::rdb) const STRING: u8 = 0;
    pub(in crate::rdb) const LIST: u8 = 1;
    pub(in crate::rdb) const SET: u8 = 2;
    /// Scores as texts.
    pub(in crate::rdb) const ZSET: u8 = 3;
    pub(in crate::rdb) const HASH: u8 = 4;
    /// Scores in eight bytes.
    pub(in crate::rdb) const ZSET_2: u8 = 5;
    /// A module's value that can't even be passed over.
    pub(in crate::rdb) const MODULE_1: u8 = 6;
    pub(in crate::rdb) const MODULE_2: u8 = 7;
    pub(in crate::rdb) const HASH_ZIPMAP: u8 = 9;
    pub(in crate::rdb) const LIST_ZIPLIST: u8 = 10;
    pub(in crate::rdb) const SET_INTSET: u8 = 11;
    pub(in crate::rdb) const ZSET_ZIPLIST: u8 = 12;
    pub(in crate::rdb) const HASH_ZIPLIST: u8 = 13;
    /// Nodes are ziplists.
    pub(in crate::rdb) const LIST_QUICKLIST: u8 = 14;
    pub(in crate::rdb) const STREAM_LISTPACKS: u8 = 15;
    pub(in crate::rdb) const HASH_LISTPACK: u8 = 16;
    pub(in crate::rdb) const ZSET_LISTPACK: u8 = 17;
    /// Nodes are listpacks or single elements.
    pub(in crate::rdb) const LIST_QUICKLIST_2: u8 = 18;
    /// With the stream's past.
    pub(in crate::rdb) const STREAM_LISTPACKS_2: u8 = 19;
    pub(in crate::rdb) const SET_LISTPACK: u8 = 20;
    /// With the time at which consumers were last given something.
    pub(in crate::rdb) const STREAM_LISTPACKS_3: u8 = 21;
    /// Deadlines in full, as a release candidate of Redis 7.4 wrote them.
    pub(in crate::rdb) const HASH_METADATA_EARLY: u8 = 22;
    /// Without the next deadline, as a release candidate of Redis 7.4 wrote it.
    pub(in crate::rdb) const HASH_LISTPACK_EX_EARLY: u8 = 23;
    pub(in crate::rdb) const HASH_METADATA: u8 = 24;
    pub(in crate::rdb) const HASH_LISTPACK_EX: u8 = 25;
}

/// First byte of a piece of a file that is no key's type.
pub(super) mod opcode {
    pub(in crate::rdb) const SLOT_INFO: u8 = 244;
    pub(in crate::rdb) const FUNCTION: u8 = 245;
    /// A function as a release candidate of Redis 7.0 wrote it.
    pub(in crate::rdb) const FUNCTION_EARLY: u8 = 246;
    pub(in crate::rdb) const MODULE_AUX: u8 = 247;
    pub(in crate::rdb) const IDLE: u8 = 248;
    pub(in crate::rdb) const FREQUENCY: u8 = 249;
    pub(in crate::rdb) const AUX: u8 = 250;
    pub(in crate::rdb) const RESIZE_DB: u8 = 251;
    pub(in crate::rdb) const EXPIRY_MS: u8 = 252;
    pub(in crate::rdb) const EXPIRY_SECONDS: u8 = 253;
    pub(in crate::rdb) const SELECT_DB: u8 = 254;
    pub(in crate::rdb) const EOF: u8 = 255;
}

/// What the two highest bits of a length say, and the marks of longer ones.
pub(super) mod length {
    pub(in crate::rdb) const BITS_32: u8 = 0x80;
    pub(in crate::rdb) const BITS_64: u8 = 0x81;
    /// Not a length: how a string is packed.
    pub(in crate::rdb) const PACKED: u8 = 0xC0;
}

/// How a string is packed.
pub(super) mod packed {
    pub(in crate::rdb) const INT8: u8 = 0;
    pub(in crate::rdb) const INT16: u8 = 1;
    pub(in crate::rdb) const INT32: u8 = 2;
    pub(in crate::rdb) const LZF: u8 = 3;
}

/// How a node of a list is laid down.
pub(super) mod node {
    pub(in crate::rdb) const PLAIN: u64 = 1;
    pub(in crate::rdb) const LISTPACK: u64 = 2;
}

/// What a module's value consists of.
pub(super) mod module {
    pub(in crate::rdb) const EOF: u64 = 0;
    pub(in crate::rdb) const SIGNED: u64 = 1;
    pub(in crate::rdb) const UNSIGNED: u64 = 2;
    pub(in crate::rdb) const FLOAT: u64 = 3;
    pub(in crate::rdb) const DOUBLE: u64 = 4;
    pub(in crate::rdb) const TEXT: u64 = 5;
}
