use super::*;
use rcgen::{CertificateParams, KeyPair};

#[test]
fn protocols_are_read() {
    assert_eq!(Protocols::parse(""), Ok(Protocols::default()));
    assert_eq!(Protocols::parse("TLSv1.2 tlsV1.3"), Ok(Protocols::default()));
    assert!(!Protocols::parse("TLSv1.3").unwrap().has_12());
    assert!(Protocols::parse("TLSv1.1 TLSv1.2").unwrap_err().contains("not available"));
    assert!(Protocols::parse("SSLv9").unwrap_err().contains("unknown protocol 'SSLv9'"));
}

fn selected(text: &str) -> Vec<String> {
    let all = aws_lc_rs::default_provider().cipher_suites;
    let list = CipherList::parse(text).unwrap();
    list.select(&all).iter().map(|suite| format!("{:?}", suite.suite())).collect()
}

#[test]
fn lists_of_ciphers_are_read() {
    assert_eq!(selected("").len(), 6);
    assert_eq!(selected("DEFAULT:!MEDIUM"), selected("ALL"));
    assert_eq!(selected("ecdhe-rsa-aes128-gcm-sha256"), ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    assert_eq!(selected("ECDHE+AESGCM").len(), 4);
    assert_eq!(selected("HIGH:!aNULL:!ECDSA:-CHACHA20").len(), 2);
    assert_eq!(selected("ECDHE-RSA-CHACHA20-POLY1305:ALL").len(), 6);
    assert_eq!(selected("ALL:+CHACHA20").last().unwrap(), "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
    assert!(CipherList::parse("RC4-SHA").unwrap_err().contains("'RC4-SHA'"));
    assert!(CipherList::parse("MEDIUM").unwrap_err().contains("no available cipher"));
    assert!(CipherList::parse("!ALL:HIGH").is_err());
}

#[test]
fn suites_are_read() {
    assert_eq!(CipherSuites::parse(""), Ok(CipherSuites::default()));
    let all = aws_lc_rs::default_provider().cipher_suites;
    let two = CipherSuites::parse("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256").unwrap();
    let names: Vec<_> = two.select(&all).iter().map(|suite| format!("{:?}", suite.suite())).collect();
    assert_eq!(names, ["TLS13_CHACHA20_POLY1305_SHA256", "TLS13_AES_128_GCM_SHA256"]);
    assert!(CipherSuites::parse("TLS_AES_128_CCM_SHA256").unwrap_err().contains("unavailable"));
}

proptest::proptest! {
    #[test]
    fn whatever_is_taken_leaves_something(text in "([!+-]?(ALL|HIGH|AES|AESGCM|ECDSA|TLSv1.[0-4]|MEDIUM|ECDHE-RSA-AES128-GCM-SHA256|TLS_AES_128_GCM_SHA256|.)[:+ ]){0,9}") {
        fuzz::directive_input(text.as_bytes());
    }
}

fn setup(identity: Identity) -> ServerSetup {
    ServerSetup {
        identity,
        trust: Trust::nobody(),
        clients: ClientCertificates::Unasked,
        protocols: Protocols::default(),
        ciphers: CipherList::default(),
        suites: CipherSuites::default(),
        prefers_own_order: false,
        sessions: None,
    }
}

#[test]
fn identities_are_read_and_must_fit() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(path("crt"), certificate.pem()).unwrap();
    std::fs::write(path("key"), key.serialize_pem()).unwrap();
    std::fs::write(path("other"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let read = |crt: &str, key: &str| Identity::read(&path(crt), &path(key), b"");
    setup(read("crt", "key").unwrap()).finish().unwrap();
    let error = setup(read("crt", "other").unwrap()).finish().unwrap_err();
    assert!(error.to_string().contains("not that of the certificate"), "{error}");
    assert!(read("none", "key").unwrap_err().to_string().contains("can't read"));
    assert!(read("key", "key").unwrap_err().to_string().contains("holds no certificate"));
    assert!(read("crt", "crt").unwrap_err().to_string().contains("holds no private key"));
    let mut asks = setup(read("crt", "key").unwrap());
    asks.clients = ClientCertificates::Required;
    assert!(matches!(asks.finish(), Err(TlsError::NoTrust)));
    let mut trust = Trust::nobody();
    trust.add_file(&path("crt")).unwrap();
    trust.add_folder(dir.path()).unwrap();
    assert!(trust.add_file(&path("key")).is_err());
}

/// Made by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkcs8 -topk8 -passout pass:secret`.
const SEALED: &str = include_str!("tests/sealed.key");

/// Made by `openssl ecparam -genkey -name prime256v1 | openssl ec -aes128 -passout pass:secret`.
const OLD_SEALED: &str = include_str!("tests/old-sealed.key");

#[test]
fn keys_may_be_under_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(path("crt"), certificate.pem()).unwrap();
    std::fs::write(path("sealed"), format!("Bag Attributes\n{SEALED}")).unwrap();
    std::fs::write(path("old"), OLD_SEALED).unwrap();
    let read = |key: &str, password: &str| Identity::read(&path("crt"), &path(key), password.as_bytes());
    read("sealed", "secret").unwrap();
    let text = |result: Result<Identity, TlsError>| result.unwrap_err().to_string();
    assert!(text(read("sealed", "")).contains("none is configured"));
    assert!(text(read("sealed", "wrong")).contains("password is not that of the key"));
    assert!(text(read("old", "secret")).contains("topk8"));
}
