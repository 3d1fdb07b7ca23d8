//! Values as text that reads back as the very same: JSON where it does, else postcard in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What stands before a value that JSON does not keep, such as a number that is none.
const POSTCARD: &str = "postcard:";

/// A value as text.
pub(super) fn to_text<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    if serde_json::from_str(&json).is_ok_and(|read: T| read == *value) {
        return json;
    }
    format!("{POSTCARD}{}", to_base64(&postcard::to_stdvec(value).unwrap_or_default()))
}

/// The value of a text, if it is one.
pub(super) fn from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    match text.strip_prefix(POSTCARD) {
        Some(packed) => postcard::from_bytes(&from_base64(packed)?).ok(),
        None => serde_json::from_str(text).ok(),
    }
}

/// Bytes as text.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Text as bytes.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_loses_is_kept_in_another_way() {
        assert_eq!(to_text(&1.5_f64), "1.5");
        assert_eq!(from_text(&to_text(&f64::INFINITY)), Some(f64::INFINITY));
        assert_eq!(from_text::<f64>("postcard:!"), None);
    }
}
