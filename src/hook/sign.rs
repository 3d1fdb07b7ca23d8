//! Signatures of Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::Secret;

/// Shortest key taken, as the standard recommends.
const SHORTEST: usize = 24;

/// A signing key.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// The key of `whsec_<base64>`; the error never repeats it.
    pub fn parse(secret: &Secret) -> Result<Self, String> {
        let text = secret.reveal().strip_prefix("whsec_").ok_or("must begin with whsec_")?;
        let bytes = STANDARD.decode(text).map_err(|_| "must be base64 behind whsec_")?;
        if bytes.len() < SHORTEST {
            return Err(format!("must hold at least {SHORTEST} bytes, got {}", bytes.len()));
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|error| error.to_string())
    }

    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mac = self.0.clone().chain_update(format!("{id}.{timestamp}.{body}"));
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The `webhook-signature`: one signature a key, so that a receiver may rotate keys without missing a message.
pub fn signature(keys: &[Key], id: &str, timestamp_secs: i64, body: &str) -> String {
    keys.iter().map(|key| key.sign(id, timestamp_secs, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the standard's own libraries test with.
    #[test]
    fn it_signs_as_the_reference_libraries_do() {
        let key = Key::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).ok();
        let keys: Vec<_> = key.into_iter().collect();
        let signed = signature(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_bad_key_is_refused_without_repeating_it() {
        for (secret, want) in [
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "must begin with whsec_"),
            ("whsec_!!!!", "must be base64 behind whsec_"),
            ("whsec_c2hvcnQ=", "must hold at least 24 bytes, got 5"),
        ] {
            let refused = Key::parse(&Secret::new(secret)).err();
            assert_eq!(refused.as_deref(), Some(want));
        }
    }
}
