//! Whose a certificate is.

use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::AnyRef;
use pkcs8::der::{self, Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use rustls::pki_types::CertificateDer;

/// What marks a common name among the parts of a name.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The common name of a certificate's subject, the first if there are several, which is in no way judged here. `None` if it has none, or it
/// is no text.
#[must_use]
pub fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let name = first_common_name(certificate).ok()??;
    let is_text =
        matches!(name.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString);
    is_text.then(|| str::from_utf8(name.value()).ok().map(str::to_owned))?
}

/// The value of the first common name in the subject. A name is a list of sets of pairs: a kind and a value.
fn first_common_name(certificate: &[u8]) -> der::Result<Option<AnyRef<'_>>> {
    let mut parts = SliceReader::new(subject(certificate)?.value())?;
    while !parts.is_finished() {
        let mut pairs = inside(&mut parts, Tag::Set)?;
        while !pairs.is_finished() {
            let mut pair = inside(&mut pairs, Tag::Sequence)?;
            if ObjectIdentifier::decode(&mut pair)? == COMMON_NAME {
                return AnyRef::decode(&mut pair).map(Some);
            }
        }
    }
    Ok(None)
}

/// The subject of a certificate (RFC 5280, 4.1). What is signed comes first in it, and begins with the version, which may be left out, the
/// serial number, the kind of signature, who signed, for how long, and the subject.
fn subject(certificate: &[u8]) -> der::Result<AnyRef<'_>> {
    let mut certificate = inside(&mut SliceReader::new(certificate)?, Tag::Sequence)?;
    let mut signed = inside(&mut certificate, Tag::Sequence)?;
    let first = AnyRef::decode(&mut signed)?;
    let between = if first.tag().is_context_specific() { 4 } else { 3 };
    for _ in 0..between {
        AnyRef::decode(&mut signed)?;
    }
    let subject = AnyRef::decode(&mut signed)?;
    subject.tag().assert_eq(Tag::Sequence)?;
    Ok(subject)
}

/// Reads on inside of the next value, which must be of this kind.
fn inside<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<SliceReader<'a>> {
    let value = AnyRef::decode(reader)?;
    value.tag().assert_eq(tag)?;
    SliceReader::new(value.value())
}

#[cfg(test)]
mod tests;
