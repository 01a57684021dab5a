//! The compact serialization of a signed text. [RFC 7515 §3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)
//!
//! Reading is strict and bounded, and one byte string has one reading: padding, trailing bits, and any fourth part
//! are refused. A [`Compact`] is only read, not yet believed: [`Compact::verify`] makes it so.

use std::borrow::Cow;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{
    Alg, JoseError,
    jwk::Jwk,
    signing_key::{MAX_SIGNATURE, SigningKey},
};

/// The longest text that is looked at.
pub const MAX_LENGTH: usize = 16 * 1024;

/// A signed text taken apart.
pub struct Compact<'a> {
    header: Header,
    signing_input: &'a [u8],
    /// Payload, then signature: one allocation for both.
    decoded: Vec<u8>,
    payload_length: usize,
}

/// What the header says, as far as it is listened to. Keys and addresses of keys inside a header (`jwk`, `jku`,
/// `x5u`, `x5c`) are not: RFC 8725 §3.10.
#[derive(Debug)]
pub struct Header {
    pub alg: Alg,
    pub typ: Option<String>,
    pub kid: Option<String>,
}

impl<'a> Compact<'a> {
    /// Takes `text` apart. Refuses more than [`MAX_LENGTH`] bytes, anything but three parts of canonical base64url,
    /// an algorithm that is not served (`none` and MACs among them), and `crit`.
    pub fn parse(text: &'a str) -> Result<Self, JoseError> {
        if text.len() > MAX_LENGTH {
            return Err(JoseError::Malformed("the token is too long"));
        }
        let parts = JoseError::Malformed("the token does not have three parts");
        let (signing_input, signature) = text.rsplit_once('.').ok_or(parts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(parts)?;
        if payload.contains('.') {
            return Err(parts);
        }
        if signature.is_empty() {
            return Err(JoseError::Malformed("the token is not signed"));
        }
        let header = Header::parse(header)?;
        let mut decoded = Vec::with_capacity((payload.len() + signature.len()) / 4 * 3 + 6);
        decode(payload, &mut decoded)?;
        let payload_length = decoded.len();
        decode(signature, &mut decoded)?;
        Ok(Self {
            header,
            signing_input: signing_input.as_bytes(),
            decoded,
            payload_length,
        })
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The signed bytes. Believe them after [`verify`](Self::verify).
    pub fn payload(&self) -> &[u8] {
        &self.decoded[..self.payload_length]
    }

    /// The bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        &self.decoded[self.payload_length..]
    }

    /// What the signature is over: header and payload as they were sent.
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input
    }

    /// Refuses a token of another kind than `typ`. (RFC 8725 §3.11; RFC 7515 §4.1.9: case does not matter, and
    /// `application/` may be written or left out)
    pub fn expect_typ(&self, typ: &str) -> Result<(), JoseError> {
        match &self.header.typ {
            Some(is) if media_type(is).eq_ignore_ascii_case(media_type(typ)) => Ok(()),
            Some(_) => Err(JoseError::Header("the token is of another type")),
            None => Err(JoseError::Header("the token does not say its type")),
        }
    }

    /// Refuses a signature that `key` did not make.
    pub fn verify(&self, key: &Jwk) -> Result<(), JoseError> {
        key.verify(self.header.alg, self.signing_input, self.signature())
    }
}

impl Header {
    fn parse(part: &str) -> Result<Self, JoseError> {
        let mut json = Vec::with_capacity(part.len() / 4 * 3 + 3);
        decode(part, &mut json)?;
        let members: Members<'_> = serde_json::from_slice(&json)
            .map_err(|_| JoseError::Malformed("the header is not a JOSE header"))?;
        // RFC 7515 §4.1.11: an extension that must be understood and is not; none is.
        if members.crit {
            return Err(JoseError::Header("the header has critical extensions"));
        }
        let alg = Alg::named(&members.alg).ok_or(JoseError::Header("the algorithm is not served"))?;
        Ok(Self {
            alg,
            typ: members.typ.map(Cow::into_owned),
            kid: members.kid.map(Cow::into_owned),
        })
    }
}

/// The header members that count. RFC 7515 §4: a repeated one is refused.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn decode(part: &str, out: &mut Vec<u8>) -> Result<(), JoseError> {
    BASE64_URL_SAFE_NO_PAD
        .decode_vec(part, out)
        .map_err(|_| JoseError::Malformed("a part of the token is not base64url"))
}

fn media_type(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    }
}

/// The first part of every token that one key signs for one use, encoded once.
#[derive(Clone, Debug)]
pub struct PreparedHeader {
    /// base64url of the header, and the dot after it.
    text: Box<str>,
}

impl SigningKey {
    /// The header with this key's `alg` and `kid`, and `typ`.
    pub fn prepare_header(&self, typ: &str) -> PreparedHeader {
        let header = serde_json::json!({ "typ": typ, "alg": self.alg(), "kid": self.kid() });
        let mut text = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        text.push('.');
        PreparedHeader { text: text.into() }
    }

    /// Signs `payload` under a header that this key prepared; the text is built in one buffer.
    pub fn encode(&self, header: &PreparedHeader, payload: &[u8]) -> Result<String, JoseError> {
        let length = base64url_length(payload.len()) + 1 + base64url_length(self.signature_length());
        let mut text = String::with_capacity(header.text.len() + length);
        text.push_str(&header.text);
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut text);
        let mut signature = [0; MAX_SIGNATURE];
        let signature = self.sign(text.as_bytes(), &mut signature)?;
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text)
    }
}

const fn base64url_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Compact, MAX_LENGTH};
    use crate::jose::{Alg, JoseError, jwk::Jwk, signing_key::SigningKey};

    fn part(text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }

    fn refusal(text: &str) -> JoseError {
        match Compact::parse(text) {
            Ok(_) => JoseError::Failed,
            Err(error) => error,
        }
    }

    #[test]
    fn rfc8037_a_4_the_example_verifies() {
        let text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3\
                    AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let key: Jwk = serde_json::from_value(json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }))
        .expect("a key");
        let token = Compact::parse(text).expect("a token");
        assert_eq!(token.header().alg, Alg::EdDsa);
        assert_eq!(token.payload(), b"Example of Ed25519 signing");
        assert_eq!(token.verify(&key), Ok(()));
    }

    #[test]
    fn what_is_encoded_reads_back_and_verifies() {
        for alg in Alg::ALL {
            let key = SigningKey::generate(alg).expect("a key");
            let header = key.prepare_header("at+jwt");
            let text = key.encode(&header, b"{\"sub\":\"me\"}").expect("signed");
            assert_eq!(text.len(), text.capacity(), "one buffer, never grown");
            let token = Compact::parse(&text).expect("our own token");
            assert_eq!(
                (token.header().alg, token.header().kid.as_deref()),
                (alg, Some(key.kid()))
            );
            assert_eq!(token.payload(), b"{\"sub\":\"me\"}");
            assert_eq!(token.verify(key.public()), Ok(()));
            assert_eq!(token.expect_typ("at+jwt"), Ok(()));

            let other = SigningKey::generate(alg).expect("another key");
            assert_eq!(token.verify(other.public()), Err(JoseError::Signature));
            let altered = text.replacen(&part("{\"sub\":\"me\"}"), &part("{\"sub\":\"ne\"}"), 1);
            let altered = Compact::parse(&altered).expect("well-formed");
            assert_eq!(altered.verify(key.public()), Err(JoseError::Signature));
        }
    }

    #[test]
    fn rfc8725_s3_11_only_the_expected_type_passes() {
        let key = SigningKey::generate(Alg::EdDsa).expect("a key");
        let typed = |typ: &str| key.encode(&key.prepare_header(typ), b"{}").expect("signed");
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/at+JWT"] {
            assert_eq!(
                Compact::parse(&typed(typ)).expect("a token").expect_typ("at+jwt"),
                Ok(()),
                "{typ}"
            );
        }
        for typ in ["JWT", "dpop+jwt", "", "at+jwt ", "text/at+jwt"] {
            assert!(
                Compact::parse(&typed(typ))
                    .expect("a token")
                    .expect_typ("at+jwt")
                    .is_err(),
                "{typ}"
            );
        }
        let untyped = format!("{}.e30.AAAA", part(r#"{"alg":"EdDSA"}"#));
        assert!(
            Compact::parse(&untyped)
                .expect("a token")
                .expect_typ("at+jwt")
                .is_err()
        );
    }

    #[test]
    fn headers_that_ask_for_what_is_not_done_are_refused() {
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"es256"}"#,
            r#"{"alg":"ES256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"ES256","crit":[]}"#,
            r#"{"alg":"ES256","crit":null}"#,
        ] {
            assert!(
                matches!(
                    refusal(&format!("{}.e30.AAAA", part(header))),
                    JoseError::Header(_)
                ),
                "{header}"
            );
        }
        for header in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"alg":1}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"ES256","kid":7}"#,
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"alg":"ES256"} x"#,
        ] {
            assert!(
                matches!(
                    refusal(&format!("{}.e30.AAAA", part(header))),
                    JoseError::Malformed(_)
                ),
                "{header}"
            );
        }
    }

    #[test]
    fn texts_that_are_not_canonical_are_refused() {
        let header = part(r#"{"alg":"EdDSA"}"#);
        for text in [
            String::new(),
            "..".to_owned(),
            header.clone(),
            format!("{header}.e30"),
            format!("{header}.e30."),
            format!("{header}.e30.AAAA.AAAA"),
            format!("{header}.e30.AAA="),
            format!("{header}.e30=.AAAA"),
            format!("{header}.e31.AAAA"),
            format!("{header}.e30.AAB"),
            format!("{header}.e3+.AAAA"),
            format!("{header}.e3 0.AAAA"),
            format!("{header}.e30.AAAA\n"),
            ".".repeat(MAX_LENGTH),
            format!("{header}.{}.AAAA", "A".repeat(MAX_LENGTH)),
        ] {
            assert!(matches!(refusal(&text), JoseError::Malformed(_)), "{text:.60}");
        }
        assert!(Compact::parse(&format!("{header}.e30.AAAA")).is_ok());
    }

    fn reference(alg: Alg) -> jsonwebtoken::Algorithm {
        match alg {
            Alg::Es256 => jsonwebtoken::Algorithm::ES256,
            Alg::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Alg::Rs256 => jsonwebtoken::Algorithm::RS256,
            Alg::Ps256 => jsonwebtoken::Algorithm::PS256,
        }
    }

    #[test]
    fn another_library_verifies_what_this_one_signs() {
        for alg in Alg::ALL {
            let key = SigningKey::generate(alg).expect("a key");
            let text = key
                .encode(&key.prepare_header("at+jwt"), b"{\"sub\":\"me\"}")
                .expect("signed");
            let published = serde_json::to_value(key.public()).expect("JSON");
            let jwk: jsonwebtoken::jwk::Jwk =
                serde_json::from_value(published).expect("a JWK to them as well");
            let mut validation = jsonwebtoken::Validation::new(reference(alg));
            validation.required_spec_claims.clear();
            validation.validate_exp = false;
            let theirs = jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key to them as well");
            let token = jsonwebtoken::decode::<Value>(&text, &theirs, &validation).expect("verified");
            assert_eq!(token.claims, json!({ "sub": "me" }));
            assert_eq!(token.header.kid.as_deref(), Some(key.kid()));
            assert_eq!(token.header.typ.as_deref(), Some("at+jwt"));
        }
    }

    #[test]
    fn this_library_verifies_what_another_one_signs() {
        for alg in Alg::ALL {
            let key = SigningKey::generate(alg).expect("a key");
            let document = BASE64_STANDARD.encode(key.to_pkcs8().expect("a document"));
            let pem = format!("-----BEGIN PRIVATE KEY-----\n{document}\n-----END PRIVATE KEY-----\n");
            let theirs = match alg {
                Alg::Es256 => jsonwebtoken::EncodingKey::from_ec_pem(pem.as_bytes()),
                Alg::EdDsa => Ok(jsonwebtoken::EncodingKey::from_ed_der(
                    &key.to_pkcs8().expect("a document"),
                )),
                Alg::Rs256 | Alg::Ps256 => jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()),
            }
            .expect("a key to them as well");
            let header = jsonwebtoken::Header::new(reference(alg));
            let text = jsonwebtoken::encode(&header, &json!({ "sub": "me" }), &theirs).expect("signed");
            let token = Compact::parse(&text).expect("a token to us as well");
            assert_eq!(token.verify(key.public()), Ok(()), "{alg}");
            assert_eq!(token.expect_typ("JWT"), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_read_without_panic(text in any::<String>()) {
            prop_assert!(Compact::parse(&text).is_err());
        }

        #[test]
        fn arbitrary_parts_are_read_without_panic(text in "[A-Za-z0-9_=.-]{0,300}") {
            let _ = Compact::parse(&text);
            let _ = Compact::parse(&format!("{}.{text}", part(r#"{"alg":"ES256"}"#)));
        }

        #[test]
        fn arbitrary_headers_are_read_without_panic(header in any::<Vec<u8>>(), typ in any::<String>()) {
            let _ = Compact::parse(&format!("{}.e30.AAAA", BASE64_URL_SAFE_NO_PAD.encode(header)));
            let text = format!("{}.e30.AAAA", part(&json!({ "alg": "ES256", "typ": typ }).to_string()));
            prop_assert!(Compact::parse(&text).is_ok_and(|token| token.expect_typ(&typ).is_ok()));
        }

        /// One token, one text: whatever is accepted encodes back to itself.
        #[test]
        fn accepted_texts_are_canonical(payload in "[A-Za-z0-9_-]{0,12}", signature in "[A-Za-z0-9_-]{1,12}") {
            let text = format!("{}.{payload}.{signature}", part(r#"{"alg":"ES256"}"#));
            if let Ok(token) = Compact::parse(&text) {
                prop_assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(token.payload()), payload);
                prop_assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(token.signature()), signature);
            }
        }
    }
}
