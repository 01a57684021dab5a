//! How a receiver knows that a message is ours and whole. [Standard Webhooks, signature
//! scheme](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme)

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine};
use zeroize::Zeroizing;

/// The value of `webhook-signature`: for each key `v1,` and the base64 of an HMAC-SHA-256 over `id.timestamp.body`.
pub(super) fn of(keys: &[Zeroizing<Vec<u8>>], id: &str, timestamp: i64, body: &str) -> String {
    let content = format!("{id}.{timestamp}.{body}");
    let signatures: Vec<String> = keys
        .iter()
        .map(|key| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            format!(
                "v1,{}",
                BASE64_STANDARD.encode(hmac::sign(&key, content.as_bytes()))
            )
        })
        .collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let key = BASE64_STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");
        let signed = of(
            &[Zeroizing::new(key)],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
