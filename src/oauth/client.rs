//! What a client is, and what its type allows. [RFC 6749 §2.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.1),
//! [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591#section-2)

/// Declares an enum whose variants have one wire name each: parsing, printing and the list of all follow.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The wire name.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The variant of a wire name, if there is one.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// The wire names, joined for an error message.
            pub fn words() -> String {
                Self::ALL.iter().map(|v| v.word()).collect::<Vec<_>>().join(", ")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| serde::de::Error::custom(
                    format!("`{word}` is not one of {}", Self::words())))
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Which of the product's views a client belongs to.
    Kind {
        Custom = "custom",
        SyncConnector = "sync_connector",
        System = "system",
        Personal = "personal",
    }
}

words! {
    /// Where the client's code runs, and so whether it can keep a secret.
    ApplicationType {
        Web = "web",
        Native = "native",
        UserAgentBased = "user-agent-based",
        Public = "public",
        Service = "service",
    }
}

impl ApplicationType {
    /// Whether a client of this type holds a secret. `product.md`: web and service clients do, no other ever.
    pub const fn holds_secret(self) -> bool {
        matches!(self, Self::Web | Self::Service)
    }
}

words! {
    /// The grants a client may be registered for.
    GrantType {
        AuthorizationCode = "authorization_code",
        ClientCredentials = "client_credentials",
        RefreshToken = "refresh_token",
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        /// For migrations only, where the configuration says so.
        Password = "password",
        /// As [`Password`](Self::Password).
        Implicit = "implicit",
    }
}

impl GrantType {
    /// What a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "Authorization code",
            Self::ClientCredentials => "Client credentials",
            Self::RefreshToken => "Refresh token",
            Self::DeviceCode => "Device code",
            Self::Password => "Password",
            Self::Implicit => "Implicit",
        }
    }

    /// The grants that a client may be registered for; those for migrations only if they are switched on.
    pub fn offered(password: bool, implicit: bool) -> Vec<Self> {
        let offered = |grant: &Self| match grant {
            Self::Password => password,
            Self::Implicit => implicit,
            _ => true,
        };
        Self::ALL.iter().copied().filter(offered).collect()
    }

    /// Whether it is for migrations only: it gives passwords or tokens away.
    /// [RFC 9700 §2](https://www.rfc-editor.org/rfc/rfc9700#section-2)
    pub const fn is_legacy(self) -> bool {
        matches!(self, Self::Password | Self::Implicit)
    }

    /// Whether people return from it to a redirect URI.
    pub const fn redirects(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::Implicit)
    }

    /// Whether a person stands behind the token.
    pub const fn needs_person(self) -> bool {
        !matches!(self, Self::ClientCredentials)
    }

    /// The space-separated text of some grants.
    pub fn join(grants: &[Self]) -> String {
        grants.iter().map(|g| g.word()).collect::<Vec<_>>().join(" ")
    }
}

words! {
    /// Disabled can be undone; deleted cannot.
    Status {
        Active = "active",
        Disabled = "disabled",
        Deleted = "deleted",
    }
}

words! {
    /// The way a client that holds a secret is pinned to; unpinned, it may use either.
    AuthMethod {
        ClientSecretBasic = "client_secret_basic",
        ClientSecretPost = "client_secret_post",
    }
}

words! {
    /// How a client came to be.
    Origin {
        Console = "console",
        Api = "api",
        Cli = "cli",
        File = "file",
        Registration = "registration",
        System = "system",
    }
}

words! {
    /// The state of one secret at one moment.
    SecretState {
        Active = "active",
        Ending = "ending",
        Expired = "expired",
        Revoked = "revoked",
    }
}

/// The response types a set of grants leads to; shown, never chosen.
pub fn response_types(grants: &[GrantType]) -> Vec<&'static str> {
    let mut types = Vec::new();
    if grants.contains(&GrantType::AuthorizationCode) {
        types.push("code");
    }
    if grants.contains(&GrantType::ClientCredentials) || grants.contains(&GrantType::Implicit) {
        types.push("token");
    }
    types
}

/// The key by which names sort: without case, digits by value, so that "sync 2" comes before "sync 10".
pub fn name_sort(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 8);
    let mut digits = String::new();
    let flush = |digits: &mut String, key: &mut Vec<u8>| {
        if !digits.is_empty() {
            let value = digits.trim_start_matches('0');
            // The length leads, so that a longer number is a larger one.
            key.push(b'0');
            key.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
            key.extend_from_slice(value.as_bytes());
            digits.clear();
        }
    };
    for ch in fold(name).chars() {
        if ch.is_ascii_digit() {
            digits.push(ch);
        } else {
            flush(&mut digits, &mut key);
            let mut buf = [0; 4];
            key.extend_from_slice(ch.encode_utf8(&mut buf).as_bytes());
        }
    }
    flush(&mut digits, &mut key);
    key
}

/// A text without case and without the accents of the Latin letters, for look-ups and search.
pub fn fold(text: &str) -> String {
    unicase::UniCase::unicode(text)
        .to_folded_case()
        .chars()
        .map(|ch| match ch {
            'à'..='å' => 'a',
            'ç' => 'c',
            'è'..='ë' => 'e',
            'ì'..='ï' => 'i',
            'ñ' => 'n',
            'ò'..='ö' | 'ø' => 'o',
            'ù'..='ü' => 'u',
            'ý' | 'ÿ' => 'y',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_sort_by_value() {
        let mut names = ["sync 10", "Sync 2", "sync 1", "Éclair", "zebra", "eclair 2"];
        names.sort_by_key(|n| name_sort(n));
        assert_eq!(
            names,
            ["Éclair", "eclair 2", "sync 1", "Sync 2", "sync 10", "zebra"]
        );
    }

    #[test]
    fn only_web_and_service_hold_a_secret() {
        let holders: Vec<_> = ApplicationType::ALL.iter().filter(|t| t.holds_secret()).collect();
        assert_eq!(holders, [&ApplicationType::Web, &ApplicationType::Service]);
    }

    #[test]
    fn response_types_follow_from_the_grants() {
        use GrantType::*;
        assert_eq!(response_types(&[AuthorizationCode, RefreshToken]), ["code"]);
        assert_eq!(response_types(&[ClientCredentials]), ["token"]);
        assert!(response_types(&[DeviceCode]).is_empty());
    }
}
