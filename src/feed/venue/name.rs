//! What venues' names of markets are made of. Strict: a name becomes part of files, labels and pages.

use crate::market::{ContractSize, Market, MarketKind};

/// The longest name of a coin, in bytes.
const ASSET_MAX: usize = 24;

/// What a name says of its market.
pub(super) struct Terms<'a> {
    pub(super) asset: &'a str,
    pub(super) quote: &'a str,
    pub(super) kind: MarketKind,
    pub(super) contract: ContractSize,
}

impl Terms<'_> {
    /// The market of `venue` that these are the terms of.
    pub(super) fn market(&self, venue: &str, native: &str) -> Market {
        Market {
            venue: venue.to_owned(),
            native: native.to_owned(),
            asset: self.asset.to_owned(),
            quote: self.quote.to_owned(),
            kind: self.kind,
            contract: self.contract,
        }
    }
}

/// Our word for a coin, so that venues compare: `BitMEX` and Kraken write XBT for BTC and XDG for DOGE.
pub(in crate::feed) fn coin(theirs: &str) -> &str {
    match theirs {
        "XBT" => "BTC",
        "XDG" => "DOGE",
        other => other,
    }
}

/// Whether this can be a coin or a money: `A-Z` and `0-9`, at most 24 of them.
pub fn is_asset(text: &str) -> bool {
    (1..=ASSET_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Coin and money of a name that joins them, as `BTCUSDT`; the first of `quotes` that it ends with.
pub(super) fn split<'a>(name: &'a str, quotes: &[&'static str]) -> Option<(&'a str, &'static str)> {
    quotes.iter().find_map(|quote| {
        let asset = name.strip_suffix(quote).filter(|asset| is_asset(asset))?;
        Some((asset, *quote))
    })
}

/// Whether this is a date as `251226`.
pub(super) fn is_yymmdd(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this is a date as `26DEC25` or `6DEC25`.
pub(super) fn is_ddmmmyy(text: &str) -> bool {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    MONTHS.iter().any(|month| {
        text.split_once(month)
            .is_some_and(|(day, year)| is_number(day) && is_number(year) && day.len() <= 2 && year.len() == 2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_the_first_money_that_fits() {
        assert_eq!(split("BTCUSDT", &["USDT", "USD"]), Some(("BTC", "USDT")));
        assert_eq!(split("BTCUSD", &["USDT", "USD"]), Some(("BTC", "USD")));
        for name in ["", "USDT", "btcUSDT", "B-CUSDT", "ÄUSDT", "<b>USDT", &format!("{}USDT", "A".repeat(25))] {
            assert_eq!(split(name, &["USDT"]), None, "{name}");
        }
    }

    #[test]
    fn dates_are_told_from_other_words() {
        for date in ["26DEC25", "6DEC25"] {
            assert!(is_ddmmmyy(date), "{date}");
        }
        for word in ["", "DEC", "26DEC", "DEC25", "126DEC25", "26DEC2025", "26dec25", "+6DEC25", "26DECDEC25", "251226"]
        {
            assert!(!is_ddmmmyy(word), "{word}");
        }
        assert!(is_yymmdd("251226") && !is_yymmdd("26DEC25") && !is_yymmdd("2512261") && !is_yymmdd("+51226"));
    }
}
