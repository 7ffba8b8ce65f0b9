//! Ciphers by the names that OpenSSL gives them, as `tls-ciphers` and `tls-ciphersuites` do.
//!
//! The list for TLS 1.2 is an expression: names of ciphers, and words for groups of them, which add; a word behind `!` or `-` takes away.
//! Words for ciphers that rustls never offers (`MEDIUM`, `aNULL`, `RC4` ...) stand for empty groups, so that the expressions people have
//! written for safety's sake keep their meaning.

use rustls::{CipherSuite, SupportedCipherSuite};

/// Names of ciphers of TLS 1.2: by OpenSSL, by the standard, and the cipher.
const TLS12_NAMES: [(&str, &str, CipherSuite); 6] = [
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Names of cipher suites of TLS 1.3.
const TLS13_NAMES: [(&str, CipherSuite); 3] = [
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
];

/// Groups of all ciphers there are.
const WHOLE_GROUPS: [&str; 8] = ["ALL", "DEFAULT", "HIGH", "ECDHE", "EECDH", "KECDHE", "KEECDH", "TLSV1.2"];

/// Groups that have members, and what names of those contain.
const PART_GROUPS: [(&str, &str); 10] = [
    ("AES", "-AES"),
    ("AESGCM", "-GCM-"),
    ("AES128", "-AES128-"),
    ("AES256", "-AES256-"),
    ("CHACHA20", "-CHACHA20-"),
    ("ARSA", "-RSA-"),
    ("ECDSA", "-ECDSA-"),
    ("AECDSA", "-ECDSA-"),
    ("SHA256", "-SHA256"),
    ("SHA384", "-SHA384"),
];

/// Groups of ciphers that rustls never offers.
const EMPTY_GROUPS: [&str; 40] = [
    "MEDIUM",
    "LOW",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "NULL",
    "ANULL",
    "ENULL",
    "ADH",
    "AECDH",
    "MD5",
    "SHA1",
    "SHA",
    "RC4",
    "RC2",
    "DES",
    "3DES",
    "IDEA",
    "SEED",
    "CAMELLIA",
    "ARIA",
    "PSK",
    "SRP",
    "DSS",
    "ADSS",
    "KRSA",
    "RSA",
    "DHE",
    "EDH",
    "DH",
    "KDHE",
    "KEDH",
    "AESCCM",
    "AESCCM8",
    "SSLV2",
    "SSLV3",
    "TLSV1",
    "COMPLEMENTOFDEFAULT",
    "COMPLEMENTOFALL",
];

/// Ciphers of TLS 1.2 that may be used, the preferred first. By default all there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CipherList(Option<Vec<CipherSuite>>);

impl CipherList {
    /// Reads an expression; an empty one stands for the default.
    ///
    /// # Errors
    /// If a word is unknown, or no cipher is left.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_separator = |c: char| c == ':' || c == ',' || c.is_ascii_whitespace();
        let words: Vec<&str> = text.split(is_separator).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Ok(Self::default());
        }
        let (mut chosen, mut banned) = (Vec::new(), Vec::new());
        for word in words {
            let upper = word.to_ascii_uppercase();
            if upper == "@STRENGTH" || ["@SECLEVEL=0", "@SECLEVEL=1", "@SECLEVEL=2"].contains(&&*upper) {
                // Their order is that of strength, and whatever there is has 112 bits or more.
                continue;
            }
            let (sign, name) = match word.split_at_checked(1) {
                Some((sign @ ("!" | "-" | "+"), name)) => (sign, name),
                _ => ("", word),
            };
            let group = group(name).ok_or_else(|| format!("unknown or unavailable cipher '{name}'"))?;
            match sign {
                "" => chosen
                    .extend(group.into_iter().filter(|suite| !chosen.contains(suite)).collect::<Vec<_>>()),
                "+" => {
                    let (moved, stay): (Vec<_>, Vec<_>) =
                        chosen.into_iter().partition(|suite| group.contains(suite));
                    chosen = [stay, moved].concat();
                }
                sign => {
                    chosen.retain(|suite| !group.contains(suite));
                    if sign == "!" {
                        banned.extend(group);
                    }
                }
            }
        }
        chosen.retain(|suite| !banned.contains(suite));
        if chosen.is_empty() { Err("no available cipher is left".into()) } else { Ok(Self(Some(chosen))) }
    }

    /// Those of `all` that it allows, in its order.
    pub(crate) fn select(&self, all: &[SupportedCipherSuite]) -> Vec<SupportedCipherSuite> {
        let is_old = |suite: &&SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls12(_));
        select(self.0.as_deref(), all.iter().filter(is_old))
    }
}

/// The ciphers that a word stands for: groups joined by `+` for what they have in common, or one cipher.
fn group(name: &str) -> Option<Vec<CipherSuite>> {
    let mut common: Vec<_> = TLS12_NAMES.iter().collect();
    for word in name.split('+') {
        let upper = word.to_ascii_uppercase();
        let part = PART_GROUPS.iter().find(|(group, _)| *group == upper);
        if let Some((_, infix)) = part {
            common.retain(|(openssl, ..)| openssl.contains(infix) || openssl.ends_with(infix));
        } else if EMPTY_GROUPS.contains(&upper.as_str()) {
            common.clear();
        } else if let Some(one) =
            TLS12_NAMES.iter().find(|(openssl, standard, _)| *openssl == upper || *standard == upper)
        {
            common.retain(|cipher| cipher.2 == one.2);
        } else if !WHOLE_GROUPS.contains(&upper.as_str()) {
            return None;
        }
    }
    Some(common.iter().map(|cipher| cipher.2).collect())
}

/// Cipher suites of TLS 1.3 that may be used, the preferred first. By default all there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CipherSuites(Option<Vec<CipherSuite>>);

impl CipherSuites {
    /// Reads names with colons between them; none stand for the default.
    ///
    /// # Errors
    /// If one is unknown or not available.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_separator = |c: char| c == ':' || c == ',' || c.is_ascii_whitespace();
        let mut chosen = Vec::new();
        for name in text.split(is_separator).filter(|name| !name.is_empty()) {
            let known = TLS13_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let (_, suite) = known.ok_or_else(|| format!("unknown or unavailable cipher suite '{name}'"))?;
            if !chosen.contains(suite) {
                chosen.push(*suite);
            }
        }
        Ok(Self(Some(chosen).filter(|chosen| !chosen.is_empty())))
    }

    /// Those of `all` that it allows, in its order.
    pub(crate) fn select(&self, all: &[SupportedCipherSuite]) -> Vec<SupportedCipherSuite> {
        let is_new = |suite: &&SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls13(_));
        select(self.0.as_deref(), all.iter().filter(is_new))
    }
}

fn select<'a>(
    chosen: Option<&[CipherSuite]>,
    all: impl Iterator<Item = &'a SupportedCipherSuite> + Clone,
) -> Vec<SupportedCipherSuite> {
    let Some(chosen) = chosen else { return all.copied().collect() };
    let found = chosen.iter().filter_map(|wanted| all.clone().find(|suite| suite.suite() == *wanted));
    found.copied().collect()
}
