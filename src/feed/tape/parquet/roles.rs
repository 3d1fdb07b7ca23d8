//! Which column is which, by its name.

use std::path::Path;

use crate::feed::tape::error::TapeError;

/// What a column may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Time,
    RecvTime,
    Price,
    Qty,
    Side,
    BuyerMaker,
    Symbol,
    Venue,
    Id,
}

/// The names of each, in small letters without `_`, `-` and blanks; what people should read of it.
const NAMES: [(Role, &str, &[&str]); 9] = [
    (
        Role::Time,
        "the time",
        &[
            "timestamp",
            "time",
            "ts",
            "tradetime",
            "transacttime",
            "venuens",
            "exchangetimestamp",
            "datetime",
            "tsns",
            "timestampns",
            "timestampms",
            "timestampus",
        ],
    ),
    (
        Role::RecvTime,
        "the time of receipt",
        &["localtimestamp", "recvns", "recvtime", "receivetime", "receivedat", "receipttimestamp", "tsrecv"],
    ),
    (Role::Price, "the price", &["price", "px"]),
    (Role::Qty, "the quantity", &["qty", "quantity", "amount", "size"]),
    (Role::Side, "the side of the taker", &["side", "takerside", "aggressorside"]),
    (Role::BuyerMaker, "whether the buyer was the maker", &["isbuyermaker", "buyermaker"]),
    (Role::Symbol, "the market", &["symbol", "market", "instrument", "instrumentid", "pair"]),
    (Role::Venue, "the venue", &["exchange", "venue"]),
    (Role::Id, "the id", &["id", "tradeid", "aggtradeid", "tid"]),
];

/// The place of the column of each role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    pub(super) time: usize,
    pub(super) recv_time: Option<usize>,
    pub(super) price: usize,
    pub(super) qty: usize,
    pub(super) side: Option<usize>,
    pub(super) buyer_maker: Option<usize>,
    pub(super) symbol: Option<usize>,
    pub(super) venue: Option<usize>,
    pub(super) id: Option<usize>,
}

impl Roles {
    /// By the names of the columns; doubt where one is missing or stands twice.
    pub(super) fn of(names: &[&str], path: &Path) -> Result<Self, TapeError> {
        let find = |role| find(role, names, path);
        let must = |role: Role| find(role)?.ok_or_else(|| TapeError::doubt(path, missing(role, names)));
        let recv_time = find(Role::RecvTime)?;
        let time = match find(Role::Time)? {
            Some(time) => time,
            // A table with one time has it under either name.
            None => recv_time.ok_or_else(|| TapeError::doubt(path, missing(Role::Time, names)))?,
        };
        let (side, buyer_maker) = (find(Role::Side)?, find(Role::BuyerMaker)?);
        if let (Some(side), Some(maker)) = (side, buyer_maker) {
            let [side, maker] = [side, maker].map(|place| names.get(place).copied().unwrap_or_default());
            return Err(TapeError::doubt(path, twice("the side of the taker", &[side, maker])));
        }
        Ok(Self {
            time,
            recv_time,
            price: must(Role::Price)?,
            qty: must(Role::Qty)?,
            side,
            buyer_maker,
            symbol: find(Role::Symbol)?,
            venue: find(Role::Venue)?,
            id: find(Role::Id)?,
        })
    }
}

fn find(role: Role, names: &[&str], path: &Path) -> Result<Option<usize>, TapeError> {
    let (said, known) = of(role);
    let fits = |name: &str| known.contains(&plain(name).as_str());
    let found: Vec<usize> = names.iter().enumerate().filter(|(_, name)| fits(name)).map(|(place, _)| place).collect();
    match *found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => {
            let both: Vec<&str> = found.iter().filter_map(|&place| names.get(place).copied()).collect();
            Err(TapeError::doubt(path, twice(said, &both)))
        }
    }
}

fn of(role: Role) -> (&'static str, &'static [&'static str]) {
    NAMES.iter().find(|(known, ..)| *known == role).map_or(("", &[]), |(_, said, names)| (said, names))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

fn twice(said: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
    format!("{} could each be {said}; keep one of them, or rename the others", names.join(" and "))
}

fn missing(role: Role, names: &[&str]) -> String {
    let (said, known) = of(role);
    let known: Vec<String> = known.iter().map(|name| shown(name)).collect();
    let there: Vec<String> = names.iter().take(20).map(|name| shown(name)).collect();
    format!(
        "no column is {said}; name it one of {} (there are {}); case and `_` do not matter",
        known.join(", "),
        there.join(", ")
    )
}

fn shown(name: &str) -> String {
    format!("`{}`", crate::feed::session::printable(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &[&str]) -> Result<Roles, String> {
        Roles::of(names, Path::new("t.parquet")).map_err(|why| why.to_string())
    }

    #[test]
    fn the_usual_names_are_known_in_any_spelling() {
        let tardis = roles(&["exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"]);
        let want = Roles {
            time: 2,
            recv_time: Some(3),
            price: 6,
            qty: 7,
            side: Some(5),
            buyer_maker: None,
            symbol: Some(1),
            venue: Some(0),
            id: Some(4),
        };
        assert_eq!(tardis, Ok(want));
        let binance = roles(&["tradeId", "px", "Quantity", "quoteQty", "Time", "isBuyerMaker"]).unwrap();
        assert_eq!((binance.time, binance.price, binance.qty, binance.buyer_maker), (4, 1, 2, Some(5)));
        assert_eq!(roles(&["local_timestamp", "price", "size"]).unwrap().time, 0);
    }

    #[test]
    fn what_is_missing_or_there_twice_is_doubt_that_names_the_choices() {
        for (names, want) in [
            (&["ts", "price", "qty", "amount"][..], "`qty` and `amount` could each be the quantity"),
            (&["ts", "time", "price", "qty"], "`ts` and `time` could each be the time"),
            (&["ts", "price", "qty", "side", "is_buyer_maker"], "`side` and `is_buyer_maker` could each be"),
            (&["ts", "p", "qty"], "no column is the price; name it one of `price`, `px` (there are `ts`, `p`, `qty`)"),
            (&["price", "qty"], "no column is the time"),
            (&[], "no column is the time"),
        ] {
            let why = roles(names).unwrap_err();
            assert!(why.contains(want), "{why}");
        }
    }
}
