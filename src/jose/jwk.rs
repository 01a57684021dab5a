//! A public JSON Web Key. [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)
//!
//! A [`Jwk`] that exists can verify: its point is on the curve, its modulus is long enough, and it has no private
//! part, because there is no field to hold one.

use aws_lc_rs::digest;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny, ser::SerializeMap};

use super::{Alg, JoseError, material::Material};

/// A public key that verifies signatures. In JSON it is what a JWK Set publishes; from JSON it refuses private and
/// symmetric keys, keys meant for encryption, curves not served, and RSA below 2048 bits.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Members")]
pub struct Jwk {
    kid: Option<String>,
    alg: Option<Alg>,
    material: Material,
}

impl Jwk {
    /// The name that the publisher of the key gave it.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The only algorithm the key is meant for, if it says so. (RFC 7517 §4.4)
    pub fn alg(&self) -> Option<Alg> {
        self.alg
    }

    /// The SHA-256 thumbprint, base64url. [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638#section-3)
    pub fn thumbprint(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest::digest(
            &digest::SHA256,
            self.material.canonical().as_bytes(),
        ))
    }

    /// Whether `signature` is this key's over `message`; refuses an algorithm the key is not for.
    pub fn verify(&self, alg: Alg, message: &[u8], signature: &[u8]) -> Result<(), JoseError> {
        // RFC 8725 §3.1: the key decides the algorithm, the header only has to agree.
        if self.alg.is_some_and(|only| only != alg) {
            return Err(JoseError::Header("the algorithm is not the one the key is for"));
        }
        let key = self.material.verifier(alg).ok_or(JoseError::Header(
            "the algorithm does not fit the type of the key",
        ))?;
        key.verify_sig(message, signature)
            .map_err(|_| JoseError::Signature)
    }

    /// A P-256 key from its uncompressed point (SEC 1 §2.3.3).
    pub(super) fn of_point(point: &[u8]) -> Result<Self, JoseError> {
        let [4, coordinates @ ..] = point else {
            return Err(JoseError::Key("the point is not uncompressed"));
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        Self::own(Alg::Es256, Material::ec(base64url(x), base64url(y))?)
    }

    /// An Ed25519 key from its 32 bytes.
    pub(super) fn of_ed25519(bytes: &[u8]) -> Result<Self, JoseError> {
        Self::own(Alg::EdDsa, Material::okp(base64url(bytes))?)
    }

    /// An RSA key from modulus and exponent, big-endian without leading zeros, for one of its two algorithms.
    pub(super) fn of_rsa(alg: Alg, n: &[u8], e: &[u8]) -> Result<Self, JoseError> {
        Self::own(alg, Material::rsa(base64url(n), base64url(e))?)
    }

    /// One of our own keys: named by its thumbprint, bound to one algorithm.
    fn own(alg: Alg, material: Material) -> Result<Self, JoseError> {
        let mut key = Self {
            kid: None,
            alg: Some(alg),
            material,
        };
        key.kid = Some(key.thumbprint());
        Ok(key)
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.material {
            Material::Ec { x, y, .. } => {
                map.serialize_entry("kty", "EC")?;
                map.serialize_entry("crv", "P-256")?;
                map.serialize_entry("x", x)?;
                map.serialize_entry("y", y)?;
            }
            Material::Okp { x, .. } => {
                map.serialize_entry("kty", "OKP")?;
                map.serialize_entry("crv", "Ed25519")?;
                map.serialize_entry("x", x)?;
            }
            Material::Rsa { n, e, .. } => {
                map.serialize_entry("kty", "RSA")?;
                map.serialize_entry("n", n)?;
                map.serialize_entry("e", e)?;
            }
        }
        if let Some(kid) = &self.kid {
            map.serialize_entry("kid", kid)?;
        }
        if let Some(alg) = self.alg {
            map.serialize_entry("alg", &alg)?;
        }
        map.serialize_entry("use", "sig")?;
        map.end()
    }
}

impl std::fmt::Debug for Jwk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwk")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .finish_non_exhaustive()
    }
}

/// A JWK as it comes; members that say nothing about a public signature key are not looked at. (RFC 7517 §4)
#[derive(Deserialize)]
struct Members {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    d: bool,
    #[serde(default, deserialize_with = "present")]
    p: bool,
    #[serde(default, deserialize_with = "present")]
    q: bool,
    #[serde(default, deserialize_with = "present")]
    dp: bool,
    #[serde(default, deserialize_with = "present")]
    dq: bool,
    #[serde(default, deserialize_with = "present")]
    qi: bool,
    #[serde(default, deserialize_with = "present")]
    oth: bool,
    #[serde(default, deserialize_with = "present")]
    k: bool,
}

impl Members {
    /// Whether the key holds what only its owner may know. (RFC 7518 §6.2.2, §6.3.2, §6.4.1)
    fn private(&self) -> bool {
        self.d || self.p || self.q || self.dp || self.dq || self.qi || self.oth || self.k
    }
}

impl TryFrom<Members> for Jwk {
    type Error = JoseError;

    fn try_from(members: Members) -> Result<Self, JoseError> {
        if members.kty == "oct" {
            return Err(JoseError::Key("a symmetric key verifies nothing here"));
        }
        if members.private() {
            return Err(JoseError::Key("the key has private members"));
        }
        if members.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err(JoseError::Key("the key is not for signatures"));
        }
        if members
            .key_ops
            .is_some_and(|operations| !operations.iter().any(|o| o == "verify"))
        {
            return Err(JoseError::Key("the key is not for verifying"));
        }
        let alg = match members.alg {
            Some(name) => {
                Some(Alg::named(&name).ok_or(JoseError::Key("the algorithm of the key is not served"))?)
            }
            None => None,
        };
        let want = |member: Option<String>| member.ok_or(JoseError::Key("the key lacks a required member"));
        let material = match (members.kty.as_str(), members.crv.as_deref()) {
            ("EC", Some("P-256")) => Material::ec(want(members.x)?, want(members.y)?)?,
            ("OKP", Some("Ed25519")) => Material::okp(want(members.x)?)?,
            ("RSA", _) => Material::rsa(want(members.n)?, want(members.e)?)?,
            _ => return Err(JoseError::Key("the type or the curve of the key is not served")),
        };
        if alg.is_some_and(|alg| material.verifier(alg).is_none()) {
            return Err(JoseError::Key("the algorithm does not fit the type of the key"));
        }
        Ok(Self {
            kid: members.kid,
            alg,
            material,
        })
    }
}

/// True when the member is there at all, whatever it holds; it is not kept.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Jwk;
    use crate::jose::{Alg, JoseError, signing_key::SigningKey};

    /// The public keys of RFC 7515 §A.3, RFC 8037 §A.2 and RFC 7638 §3.1.
    fn ec() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" })
    }

    fn okp() -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    fn rsa() -> Value {
        json!({ "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF",
            "V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9",
            "c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1",
            "jF44-csFCur-kEgU8awapJzKnqDKgw") })
    }

    fn with(mut key: Value, member: &str, value: impl Into<Value>) -> Value {
        key[member] = value.into();
        key
    }

    fn parse(key: Value) -> Result<Jwk, String> {
        serde_json::from_value(key).map_err(|error| error.to_string())
    }

    #[test]
    fn rfc7638_s3_1_thumbprint_of_the_example() {
        let key = parse(rsa()).expect("a key");
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!((key.kid(), key.alg()), (Some("2011-04-29"), Some(Alg::Rs256)));
    }

    #[test]
    fn rfc8037_a_3_thumbprint_of_the_example() {
        assert_eq!(
            parse(okp()).expect("a key").thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn published_keys_have_public_members_only_and_read_back() {
        for alg in [Alg::Es256, Alg::EdDsa, Alg::Rs256, Alg::Ps256] {
            let key = SigningKey::generate(alg).expect("a key");
            let json = serde_json::to_value(key.public()).expect("JSON");
            let members: Vec<&str> = json
                .as_object()
                .expect("an object")
                .keys()
                .map(String::as_str)
                .collect();
            let expected = match alg {
                Alg::Es256 => vec!["kty", "crv", "x", "y", "kid", "alg", "use"],
                Alg::EdDsa => vec!["kty", "crv", "x", "kid", "alg", "use"],
                Alg::Rs256 | Alg::Ps256 => vec!["kty", "n", "e", "kid", "alg", "use"],
            };
            assert_eq!(members, expected);
            assert_eq!((&json["alg"], &json["use"]), (&json!(alg.name()), &json!("sig")));
            let read = parse(json).expect("our own key");
            assert_eq!(
                (read.kid(), read.thumbprint().as_str()),
                (Some(key.kid()), key.kid())
            );
        }
    }

    #[test]
    fn private_and_symmetric_keys_are_refused() {
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            for value in [json!("AQAB"), json!(null), json!([])] {
                for key in [ec(), okp(), rsa()] {
                    let error = parse(with(key, member, value.clone())).expect_err(member);
                    assert!(error.contains("private members"), "{error}");
                }
            }
        }
        let error = parse(json!({ "kty": "oct", "k": "c2VjcmV0" })).expect_err("symmetric");
        assert!(error.contains("symmetric"), "{error}");
    }

    #[test]
    fn rfc7518_s3_3_rsa_below_2048_bits_is_refused() {
        let short = rsa()["n"].as_str().expect("text")[..340].to_owned();
        let error = parse(with(rsa(), "n", short)).expect_err("2040 bits");
        assert!(error.contains("2048"), "{error}");
        assert!(
            parse(with(rsa(), "n", format!("AQAB{}", "AAAA".repeat(400)))).is_err(),
            "above 8192 bits"
        );
        assert!(parse(with(rsa(), "e", "AQ")).is_err(), "an exponent of 1");
        assert!(parse(with(rsa(), "e", "Ag")).is_err(), "an even exponent");
        assert!(
            parse(with(rsa(), "e", "AQAAAAE")).is_err(),
            "an exponent of 33 bits"
        );
        assert!(parse(with(rsa(), "e", "Aw")).is_ok(), "an exponent of 3");
        assert!(parse(with(rsa(), "e", "AAEAAQ")).is_err(), "a leading zero");
        assert!(parse(with(rsa(), "e", "")).is_err(), "an empty number");
    }

    #[test]
    fn unfit_keys_are_refused() {
        for (key, why) in [
            (with(ec(), "crv", "P-384"), "a curve not served"),
            (
                with(ec(), "x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
                "not on the curve",
            ),
            (
                with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV"),
                "trailing bits",
            ),
            (
                with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU="),
                "padding",
            ),
            (
                with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvR"),
                "a short coordinate",
            ),
            (with(ec(), "alg", "EdDSA"), "another type's algorithm"),
            (with(ec(), "alg", "HS256"), "a symmetric algorithm"),
            (with(ec(), "use", "enc"), "for encryption"),
            (with(ec(), "key_ops", json!(["sign"])), "for signing"),
            (with(ec(), "kty", "RSA"), "members missing"),
            (with(okp(), "crv", "X25519"), "a key agreement curve"),
        ] {
            assert!(parse(key).is_err(), "{why}");
        }
        assert!(parse(with(ec(), "key_ops", json!(["verify"]))).is_ok());
        assert!(parse(with(okp(), "alg", "Ed25519")).is_ok(), "RFC 9864");
        let twice = format!(r#"{{"kty":"OKP",{}"#, &okp().to_string()[1..]);
        assert!(serde_json::from_str::<Jwk>(&twice).is_err(), "a member twice");
    }

    #[test]
    fn rfc8725_s3_1_a_key_verifies_its_own_algorithm_only() {
        let key = SigningKey::generate(Alg::Rs256).expect("a key");
        let mut buffer = [0; 512];
        let signature = key.sign(b"message", &mut buffer).expect("signed");
        assert_eq!(key.public().verify(Alg::Rs256, b"message", signature), Ok(()));
        assert_eq!(
            key.public().verify(Alg::Rs256, b"massage", signature),
            Err(JoseError::Signature)
        );
        for other in [Alg::Ps256, Alg::Es256, Alg::EdDsa] {
            let outcome = key.public().verify(other, b"message", signature);
            assert!(matches!(outcome, Err(JoseError::Header(_))), "{other}");
        }
    }
}
