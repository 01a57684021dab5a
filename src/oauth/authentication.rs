//! How well somebody proved who he is. [RFC 8176](https://www.rfc-editor.org/rfc/rfc8176) names methods,
//! `acr` ([OIDC Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)) sums them up.
//!
//! A session keeps its methods as words with spaces between: `pwd` (password), `otp` (a code of an authenticator app or
//! a recovery code), `pop` (a passkey), `user` (its holder was verified by the device), `mfa` (two different factors).

/// One factor.
pub const SINGLE_FACTOR: &str = "urn:oauthority:acr:single-factor";
/// Two different factors.
pub const MULTI_FACTOR: &str = "urn:oauthority:acr:multi-factor";
/// Phishing-resistant: a passkey whose holder was verified.
/// ([EAP ACR Values §3](https://openid.net/specs/openid-connect-eap-acr-values-1_0.html))
pub const PHISHING_RESISTANT: &str = "phr";

/// Every class, weakest first; discovery lists them.
pub const CLASSES: [&str; 3] = [SINGLE_FACTOR, MULTI_FACTOR, PHISHING_RESISTANT];

fn has(methods: &str, method: &str) -> bool {
    methods.split(' ').any(|known| known == method)
}

/// Whether two different factors were used.
pub fn is_multi_factor(methods: &str) -> bool {
    has(methods, "mfa")
}

/// The strongest class that the methods reach.
pub fn acr(methods: &str) -> &'static str {
    if has(methods, "pop") && has(methods, "user") {
        PHISHING_RESISTANT
    } else if is_multi_factor(methods) {
        MULTI_FACTOR
    } else {
        SINGLE_FACTOR
    }
}

fn rank(class: &str) -> Option<usize> {
    CLASSES.iter().position(|known| *known == class)
}

/// The class that goes by this name, if there is one.
pub fn class(name: &str) -> Option<&'static str> {
    rank(name).map(|at| CLASSES[at])
}

/// The stronger of two classes.
pub fn stronger(one: &'static str, other: &'static str) -> &'static str {
    if rank(one) < rank(other) { other } else { one }
}

/// Whether the methods reach a class.
pub fn reaches(methods: &str, class: &str) -> bool {
    rank(acr(methods)) >= rank(class)
}

/// The methods of two proofs together, each word once: a password with anything else, and a passkey whose holder was
/// verified, are two factors.
pub fn joined(one: &str, other: &str) -> String {
    let used = |method: &str| has(one, method) || has(other, method);
    let mut all: Vec<&str> = ["pwd", "otp", "pop", "user"]
        .into_iter()
        .filter(|method| used(method))
        .collect();
    if used("pwd") && (used("otp") || used("pop")) || used("pop") && used("user") {
        all.push("mfa");
    }
    all.join(" ")
}

/// Whether the methods reach any of the classes asked for with `acr_values`; true when none of them is known
/// (OIDC Core §3.1.2.1: `acr_values` is a wish).
pub fn satisfies(methods: &str, acr_values: &str) -> bool {
    let reached = rank(acr(methods));
    let wanted: Vec<usize> = acr_values.split(' ').filter_map(rank).collect();
    wanted.is_empty() || wanted.iter().any(|class| reached >= Some(*class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_from_methods() {
        assert_eq!(acr("pwd"), SINGLE_FACTOR);
        assert_eq!(acr("pwd otp mfa"), MULTI_FACTOR);
        assert_eq!(acr("pop user mfa"), PHISHING_RESISTANT);
    }

    #[test]
    fn two_different_proofs_are_two_factors() {
        assert_eq!(joined("pwd", "otp"), "pwd otp mfa");
        assert_eq!(joined("", "pop user"), "pop user mfa");
        assert_eq!(joined("pwd otp mfa", "pop user"), "pwd otp pop user mfa");
        assert_eq!(joined("pwd", "pwd"), "pwd");
        assert_eq!(joined("otp", ""), "otp");
        assert!(reaches("pwd otp mfa", MULTI_FACTOR) && !reaches("pwd otp mfa", PHISHING_RESISTANT));
        assert_eq!(stronger(MULTI_FACTOR, SINGLE_FACTOR), MULTI_FACTOR);
    }

    #[test]
    fn o_11_unknown_classes_are_no_demand() {
        assert!(satisfies("pwd", "urn:mace:incommon:iap:silver 0"));
        assert!(!satisfies("pwd", MULTI_FACTOR));
        assert!(satisfies("pop user mfa", MULTI_FACTOR));
        assert!(satisfies("pwd", "phr urn:oauthority:acr:single-factor"));
    }
}
