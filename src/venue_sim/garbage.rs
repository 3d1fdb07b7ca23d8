//! What no venue should send: broken, deep, huge and lying frames, made from a number and a frame that is sound.

use super::fault::mix;

/// One piece of garbage; equal numbers make equal ones.
pub(super) fn garbage(number: u64, frame: &str) -> String {
    let cut = (mix(number) % (frame.len() as u64 + 1)) as usize;
    match number % 8 {
        0 => frame.get(..cut).unwrap_or_default().to_owned(),
        1 => frame.get(cut..).unwrap_or_default().to_owned(),
        2 => "[".repeat(cut.max(200)),
        3 => "{\"data\":".repeat(200),
        4 => frame.replace(['1', '2', '3'], "1e999"),
        5 => frame.replace(['4', '5', '6'], "-0"),
        6 => frame.replace('"', "\u{1b}]0;"),
        _ => String::from_utf8_lossy(&mix(number).to_le_bytes()).into_owned(),
    }
}
