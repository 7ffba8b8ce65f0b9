use super::*;
use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

/// Made by `openssl x509 -req` for the subject `/O=Kora/CN=first/CN=second`: it has no version in it.
const VERSION_1: &[u8] = include_bytes!("version1.crt");

fn certificate(parts: &[(DnType, DnValue)]) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in parts {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().into()
}

fn text(value: &str) -> DnValue {
    DnValue::Utf8String(value.into())
}

#[test]
fn the_common_name_is_found_among_others() {
    let parts = [
        (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
        (DnType::CommonName, text("Grüße")),
        (DnType::OrganizationName, text("Kora")),
    ];
    assert_eq!(common_name(&certificate(&parts)).as_deref(), Some("Grüße"));
    assert_eq!(common_name(&certificate(&parts[..1])), None);
    assert_eq!(common_name(&certificate(&[])), None);
}

#[test]
fn it_is_text_of_one_byte_a_character_or_utf8() {
    let name = |value| common_name(&certificate(&[(DnType::CommonName, value)]));
    assert_eq!(name(DnValue::PrintableString("a b".try_into().unwrap())).as_deref(), Some("a b"));
    assert_eq!(name(DnValue::Ia5String("a@b".try_into().unwrap())).as_deref(), Some("a@b"));
    assert_eq!(name(DnValue::BmpString("ab".try_into().unwrap())), None);
    assert_eq!(name(text("")).as_deref(), Some(""));
}

#[test]
fn the_first_of_several_counts() {
    assert_eq!(common_name(&CertificateDer::from(VERSION_1)).as_deref(), Some("first"));
}

#[test]
fn a_piece_of_a_certificate_has_no_name() {
    for end in 0..VERSION_1.len() {
        assert_eq!(common_name(&CertificateDer::from(&VERSION_1[..end])), None, "{end} bytes");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(bytes: Vec<u8>, at in 0..VERSION_1.len(), by: u8) {
        let _ = common_name(&CertificateDer::from(bytes));
        let mut changed = VERSION_1.to_vec();
        changed[at] = by;
        let _ = common_name(&CertificateDer::from(changed));
    }
}
