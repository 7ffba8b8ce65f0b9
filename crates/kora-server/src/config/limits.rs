//! `client-output-buffer-limit`: how much a client may leave unread before it is disconnected, by class of client.

use super::value::{InvalidValue, Setting, parse_bytes, parse_number};
use kora_core::number::parse_i64;

/// `maxmemory-clients`: how much memory all clients together may take. 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientsLimit {
    /// So many bytes.
    Bytes(u64),
    /// So much of `maxmemory`.
    Percent(u64),
}

impl ClientsLimit {
    /// Reads a size, or a percentage such as `5%`. Redis keeps percentages as negative sizes, and so takes a size that a signed number
    /// can't hold for one.
    pub(super) fn parse(text: &[u8]) -> Result<Self, InvalidValue> {
        let refusal = "argument must be a memory or percent value";
        let percent = match text.strip_suffix(b"%") {
            Some(number) => {
                parse_i64(number).and_then(|percent| u64::try_from(percent).ok()).ok_or(refusal)?
            }
            None => match parse_bytes(text).ok_or(refusal)? {
                bytes if bytes.cast_signed() >= 0 => return Ok(Self::Bytes(bytes)),
                bytes => bytes.cast_signed().unsigned_abs(),
            },
        };
        match percent {
            0 => Ok(Self::Bytes(0)),
            1..=100 => Ok(Self::Percent(percent)),
            _ => Err("percentage argument must be less or equal to 100".into()),
        }
    }

    /// The same in words.
    pub(super) fn to_setting(self) -> Setting {
        match self {
            Self::Bytes(bytes) => Setting::Bytes(bytes),
            Self::Percent(percent) => Setting::Text(format!("{percent}%").into_bytes()),
        }
    }
}

/// Limits of one class of clients. Zero means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// A client with more unread bytes is disconnected at once.
    pub hard_bytes: u64,
    /// A client with more unread bytes for longer than `soft_seconds` is disconnected.
    pub soft_bytes: u64,
    /// How long the soft limit may be exceeded.
    pub soft_seconds: u32,
}

/// Limits of all classes of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients that send commands.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Subscribers.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// Reads `class hard soft seconds` groups over the present limits: classes that are not named keep theirs.
    pub(super) fn merge(mut self, words: &[Vec<u8>]) -> Result<Self, InvalidValue> {
        let (groups, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        for [class, hard, soft, seconds] in groups {
            let limit = match class.to_ascii_lowercase().as_slice() {
                b"normal" => &mut self.normal,
                b"replica" | b"slave" => &mut self.replica,
                b"pubsub" => &mut self.pubsub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            *limit = parse_limit(hard, soft, seconds)
                .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        Ok(self)
    }

    /// The classes by name; that of replicas has two, an old one which CONFIG GET shows.
    fn classes(self, replica_name: &'static str) -> [(&'static str, OutputLimit); 3] {
        [("normal", self.normal), (replica_name, self.replica), ("pubsub", self.pubsub)]
    }

    /// All three classes in one value, with the numbers in plain bytes.
    pub(super) fn to_setting(self) -> Setting {
        let words = |(class, limit): (&str, OutputLimit)| {
            let numbers = [limit.hard_bytes, limit.soft_bytes, u64::from(limit.soft_seconds)];
            std::iter::once(class.into()).chain(numbers.map(|number| number.to_string().into_bytes()))
        };
        Setting::Words(self.classes("slave").into_iter().flat_map(words).collect())
    }

    /// One configuration line's arguments per class.
    pub(super) fn lines(self) -> Vec<Vec<u8>> {
        let line = |(class, limit): (&str, OutputLimit)| {
            let [hard, soft] =
                [limit.hard_bytes, limit.soft_bytes].map(|bytes| Setting::Bytes(bytes).spelled());
            [class.into(), hard, soft, limit.soft_seconds.to_string().into()].join(&b' ')
        };
        self.classes("replica").map(line).into()
    }
}

fn parse_limit(hard: &[u8], soft: &[u8], seconds: &[u8]) -> Option<OutputLimit> {
    Some(OutputLimit {
        hard_bytes: parse_bytes(hard)?,
        soft_bytes: parse_bytes(soft)?,
        soft_seconds: u32::try_from(parse_number(seconds)?).ok()?,
    })
}
