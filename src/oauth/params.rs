//! Request parameters of the OAuth endpoints. [RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)
//!
//! An empty value counts as absent, an unknown name is ignored, and a name that comes twice is refused, except
//! `resource` ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)) and, for personal credentials, `scope`.

use std::borrow::Cow;

use super::refusal::{Code, Refusal};

/// The parameters of one request, in the order they came.
#[derive(Debug, Default)]
pub struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// More parameters than any real request has.
const MOST: usize = 200;

impl<'a> Params<'a> {
    /// Reads an `application/x-www-form-urlencoded` body or query.
    ///
    /// # Errors
    /// `invalid_request` for text that is not UTF-8 once decoded, broken percent-encoding, a NUL character, or too many
    /// parameters.
    pub fn form(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut params = Vec::with_capacity(6);
        for pair in bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            if params.len() == MOST {
                return Err(Code::InvalidRequest.because("the request has too many parameters"));
            }
            let cut = pair.iter().position(|b| *b == b'=');
            let (name, value) = cut.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
            let (name, value) = (decode(name)?, decode(value)?);
            if !value.is_empty() {
                params.push((name, value));
            }
        }
        Ok(Self(params))
    }

    /// Reads a JSON object of strings.
    ///
    /// # Errors
    /// `invalid_request` for malformed JSON, anything but an object, a value that is not a string, a repeated key, or a
    /// NUL character.
    pub fn json(bytes: &[u8]) -> Result<Self, Refusal> {
        let members = serde_json::from_slice::<StringMembers>(bytes).map_err(|_| {
            Code::InvalidRequest
                .because("the body must be one JSON object whose values are strings, each name once")
        })?;
        let present = members.0.into_iter().filter(|(_, value)| !value.is_empty());
        present
            .map(|(name, value)| {
                refuse_nul(&name)?;
                refuse_nul(&value)?;
                Ok((Cow::Owned(name), Cow::Owned(value)))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The value of a parameter that may come once.
    ///
    /// # Errors
    /// `invalid_request` when it comes twice.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, Refusal> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(Code::InvalidRequest.because(format!("the parameter {name} is repeated"))),
            None => Ok(first),
        }
    }

    /// The value of a parameter that must come, once.
    ///
    /// # Errors
    /// `invalid_request` when it is missing or comes twice.
    pub fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.one(name)?
            .ok_or_else(|| Code::InvalidRequest.because(format!("the parameter {name} is missing")))
    }

    /// Every parameter, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Every value of a parameter.
    pub fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> + 'p {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_ref())
    }

    /// Refuses any repeated parameter, known or not, but those in `except`.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn once(&self, except: &[&str]) -> Result<(), Refusal> {
        // RFC 6749 §3.2: request parameters must not be included more than once.
        let repeated = self.0.iter().enumerate().any(|(at, (name, _))| {
            self.0[..at].iter().any(|(before, _)| before == name) && !except.contains(&name.as_ref())
        });
        if repeated {
            return Err(Code::InvalidRequest.because("a parameter is repeated"));
        }
        Ok(())
    }
}

/// PostgreSQL cannot hold a NUL in a text, and nothing here has one: better refused than looked up.
fn refuse_nul(text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        return Err(Code::InvalidRequest.because("a parameter contains a NUL character"));
    }
    Ok(())
}

/// Percent-decodes one part of a form, borrowing where there is nothing to decode.
///
/// # Errors
/// `invalid_request` when the percent-encoding is broken, or the result is not UTF-8 or has a NUL in it.
pub fn decode(part: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let text = unescape(part)?;
    refuse_nul(&text)?;
    Ok(text)
}

fn unescape(part: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let broken = || Code::InvalidRequest.because("the request is not form-encoded UTF-8");
    if !part.iter().any(|b| matches!(b, b'%' | b'+')) {
        return std::str::from_utf8(part).map(Cow::Borrowed).map_err(|_| broken());
    }
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'+', _) => {
                out.push(b' ');
                tail
            }
            (b'%', [high, low, tail @ ..]) => {
                let digit = |b: &u8| (*b as char).to_digit(16).ok_or_else(broken);
                let byte = digit(high)? * 16 + digit(low)?;
                out.push(u8::try_from(byte).map_err(|_| broken())?);
                tail
            }
            (b'%', _) => return Err(broken()),
            (other, _) => {
                out.push(*other);
                tail
            }
        };
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| broken())
}

/// An object whose values are strings and whose keys do not repeat.
struct StringMembers(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for StringMembers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = StringMembers;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<StringMembers, A::Error> {
                let mut members: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if members.len() == MOST || members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom("repeated or too many"));
                    }
                    members.push((name, value));
                }
                Ok(StringMembers(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_08_an_empty_value_counts_as_absent() {
        let params = Params::form(b"scope=&grant_type=x").unwrap();
        assert_eq!(params.one("scope").unwrap(), None);
        assert_eq!(params.one("grant_type").unwrap(), Some("x"));
    }

    #[test]
    fn g_10_a_repeated_parameter_is_refused() {
        let params = Params::form(b"scope=a&scope=b").unwrap();
        assert_eq!(params.one("scope").unwrap_err().code, Code::InvalidRequest);
    }

    #[test]
    fn g_10_any_repeated_parameter_is_refused_but_the_excepted() {
        let params = Params::form(b"foo=a&resource=x&resource=y").unwrap();
        assert_eq!(params.once(&["resource"]), Ok(()));
        assert_eq!(params.once(&[]).unwrap_err().code, Code::InvalidRequest);
    }

    #[test]
    fn a_nul_is_refused_wherever_it_stands() {
        for form in [&b"a=x%00"[..], b"a%00=x", b"a=\0"] {
            assert_eq!(Params::form(form).unwrap_err().code, Code::InvalidRequest);
        }
        for json in [&br#"{"a":"x\u0000"}"#[..], br#"{"\u0000a":"x"}"#] {
            assert_eq!(Params::json(json).unwrap_err().code, Code::InvalidRequest);
        }
    }

    #[test]
    fn g_11_resource_may_repeat() {
        let params = Params::form(b"resource=a&resource=b").unwrap();
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn g_13_json_must_be_an_object_of_strings() {
        assert_eq!(
            Params::json(br#"{"grant_type":"client_credentials"}"#)
                .unwrap()
                .one("grant_type")
                .unwrap(),
            Some("client_credentials")
        );
        for bad in [&br#"{"a":1}"#[..], br#"{"a":"x","a":"y"}"#, b"[]", b"{", b"\"a\""] {
            assert_eq!(Params::json(bad).unwrap_err().code, Code::InvalidRequest);
        }
    }

    #[test]
    fn forms_are_percent_decoded_strictly() {
        let params = Params::form(b"a=%C3%A9+x&b=1%2B1").unwrap();
        assert_eq!(params.one("a").unwrap(), Some("é x"));
        assert_eq!(params.one("b").unwrap(), Some("1+1"));
        for bad in [&b"a=%"[..], b"a=%4", b"a=%GG", b"a=%ff"] {
            assert_eq!(Params::form(bad).unwrap_err().code, Code::InvalidRequest);
        }
    }
}
