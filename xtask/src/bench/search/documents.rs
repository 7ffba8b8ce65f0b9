//! The documents that searches are measured on: JSON of 201 bytes and six fields, the same in each run.

use super::super::client::Client;

/// Documents at full scale.
pub(super) const COUNT: f64 = 50e3;

/// Bytes of a document's text.
pub(super) const TEXT_BYTES: usize = 201;

/// Words of the vocabulary.
const WORDS: u64 = 900;

/// Words of a document's body.
const BODY_WORDS: usize = 18;

/// Tags that documents have two of.
const TAGS: u64 = 1000;

/// Cities that documents have one of.
const CITIES: u64 = 16;

/// Requests sent before their replies are read.
const BATCH_REQUESTS: usize = 100;

/// The declaration of the index, in words.
pub(super) const CREATE: &str = "FT.CREATE idx ON JSON PREFIX 1 doc: SCHEMA $.name AS name TEXT $.city AS city TAG \
                                 $.price AS price NUMERIC SORTABLE $.stock AS stock NUMERIC $.tags[*] AS tags TAG \
                                 $.body AS body TEXT";

/// Numbers without pattern, the same in each run: Knuth's generator, of which the upper bits are used.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// A word of the vocabulary.
    pub(super) fn word(&mut self) -> String {
        word(self.below(WORDS))
    }

    pub(super) fn city(&mut self) -> String {
        format!("city{:02}", self.below(CITIES))
    }

    pub(super) fn tag(&mut self) -> String {
        format!("t{}", self.below(TAGS))
    }
}

/// A word: four letters, of which the first three are those of two more; the last of these has a stem.
fn word(number: u64) -> String {
    let of =
        |letters: &'static [&'static str], at: u64| letters[usize::try_from(at).unwrap_or(0) % letters.len()];
    let consonants = &["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "t", "v"];
    [
        of(consonants, number / 60),
        of(&["a", "e", "o", "u"], number / 15),
        of(&["b", "d", "g", "m", "t"], number / 3),
        of(&["a", "o", "is"], number),
    ]
    .concat()
}

/// A key and its document.
pub(super) type Document = (String, String);

/// So many documents.
pub(super) fn all(count: usize) -> Vec<Document> {
    let mut random = Random(1);
    (0..count).map(|at| (format!("doc:{at}"), text(at, &mut random))).collect()
}

fn text(at: usize, random: &mut Random) -> String {
    let body: Vec<String> = (0..BODY_WORDS).map(|_| random.word()).collect();
    let rest = format!(
        r#"","city":"{}","price":{}.{:02},"stock":{},"tags":["{}","{}"],"body":"{}"}}"#,
        random.city(),
        100 + random.below(900),
        random.below(100),
        random.below(1000),
        random.tag(),
        random.tag(),
        body.join(" "),
    );
    let name = format!(r#"{{"name":"{} "#, random.word());
    // The number fills up what is left.
    let width = TEXT_BYTES.saturating_sub(name.len() + rest.len());
    format!("{name}{at:0width$}{rest}")
}

/// Sets all documents.
pub(super) fn set(client: &mut Client, documents: &[Document]) -> anyhow::Result<()> {
    for (key, text) in documents {
        if client.push(&[b"JSON.SET", key.as_bytes(), b"$", text.as_bytes()]) == BATCH_REQUESTS {
            client.flush()?;
        }
    }
    client.flush().map(drop)
}

/// Sends a command given in words.
pub(super) fn call(client: &mut Client, command: &str) -> anyhow::Result<kora_protocol::Frame> {
    client.call(&command.split_whitespace().map(str::as_bytes).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_all_documents_have_the_same_length() {
        let documents = all(1000);
        let long = documents.iter().filter(|(_, text)| text.len() != TEXT_BYTES).count();
        assert!(long < 10, "{long}");
        let distinct: std::collections::HashSet<String> = (0..WORDS).map(word).collect();
        assert_eq!(distinct.len(), 900);
    }
}
