//! A reply as a client reads it: a tree.

/// One reply, or a part of one. Texts are bytes, since an error may quote any byte a client sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// `+` A simple string.
    Simple(Vec<u8>),
    /// `-` An error, prefix included.
    Error(Vec<u8>),
    /// `:` An integer.
    Integer(i64),
    /// `$` A binary-safe string.
    Bulk(Vec<u8>),
    /// `_`, or `$-1` in RESP2: nothing.
    Null,
    /// `*-1`: the absent array of RESP2.
    NullArray,
    /// `*` An array.
    Array(Vec<Frame>),
    /// `%` A map, its pairs in the order received.
    Map(Vec<(Frame, Frame)>),
    /// `~` An unordered collection, in the order received.
    Set(Vec<Frame>),
    /// `>` An out-of-band message.
    Push(Vec<Frame>),
    /// `#` A truth value.
    Boolean(bool),
    /// `,` A double.
    Double(f64),
    /// `(` An integer of any size, as received: a sign perhaps, and digits.
    BigNumber(Vec<u8>),
    /// `=` Text with its format.
    Verbatim {
        /// Three letters: `txt`, `mkd`.
        format: [u8; 3],
        /// The text.
        text: Vec<u8>,
    },
    /// `!` An error whose text may hold any bytes.
    BlobError(Vec<u8>),
    /// `|` A reply with attributes in front of it.
    Attributed {
        /// The attributes, in the order received.
        attributes: Vec<(Frame, Frame)>,
        /// The reply they describe.
        frame: Box<Frame>,
    },
}

impl Frame {
    /// The reply itself, without its attributes.
    #[must_use]
    pub fn bare(&self) -> &Self {
        let mut frame = self;
        while let Self::Attributed { frame: described, .. } = frame {
            frame = described;
        }
        frame
    }

    /// The text of an error of either kind.
    #[must_use]
    pub fn as_error(&self) -> Option<&[u8]> {
        match self.bare() {
            Self::Error(text) | Self::BlobError(text) => Some(text),
            _ => None,
        }
    }
}
