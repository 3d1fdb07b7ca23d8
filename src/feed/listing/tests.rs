//! Answers by hand, to the documented shape and to none.

use super::*;
use crate::feed::venue::find;

fn listing(venue: &str) -> &'static Listing {
    LISTINGS.iter().find(|listing| listing.venue == venue).expect("a listing")
}

fn read(venue: &str, answer: &str) -> Result<Listed, String> {
    let mut listed = Listed::default();
    listed.read(listing(venue), answer).map(|_| listed)
}

/// An answer of every venue, with what it lists.
const ANSWERS: [(&str, &str, &[&str]); 10] = [
    (
        "binance-usdm",
        r#"{"timezone":"UTC","symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL","baseAsset":"BTC","quoteAsset":"USDT"},{"symbol":"BTCUSDT_261225","contractType":"CURRENT_QUARTER","baseAsset":"BTC","quoteAsset":"USDT"}]}"#,
        &["BTCUSDT BTC/USDT perp Base(1.0)", "BTCUSDT_261225 BTC/USDT future Base(1.0)"],
    ),
    (
        "binance-coinm",
        r#"{"symbols":[{"symbol":"BTCUSD_PERP","contractType":"PERPETUAL","contractSize":100,"baseAsset":"BTC","quoteAsset":"USD"},{"symbol":"DOTUSD_PERP","contractType":"PERPETUAL","contractSize":10,"baseAsset":"DOT","quoteAsset":"USD"}]}"#,
        &["BTCUSD_PERP BTC/USD perp Quote(100.0)", "DOTUSD_PERP DOT/USD perp Quote(10.0)"],
    ),
    (
        "binance-spot",
        r#"{"symbols":[{"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","quoteAsset":"BTC","filters":[]}]}"#,
        &["ETHBTC ETH/BTC spot Base(1.0)"],
    ),
    (
        "bybit-linear",
        r#"{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{"symbol":"BTCUSDT","contractType":"LinearPerpetual","baseCoin":"BTC","quoteCoin":"USDT"}],"nextPageCursor":""}}"#,
        &["BTCUSDT BTC/USDT perp Base(1.0)"],
    ),
    (
        "bybit-inverse",
        r#"{"retCode":0,"retMsg":"OK","result":{"list":[{"symbol":"BTCUSDZ25","contractType":"InverseFutures","baseCoin":"BTC","quoteCoin":"USD"}]}}"#,
        &["BTCUSDZ25 BTC/USD future Quote(1.0)"],
    ),
    (
        "bybit-spot",
        r#"{"retCode":0,"retMsg":"OK","result":{"list":[{"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT"}]}}"#,
        &["BTCUSDT BTC/USDT spot Base(1.0)"],
    ),
    (
        "okx",
        r#"{"code":"0","msg":"","data":[{"instId":"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT","baseCcy":"","quoteCcy":"","settleCcy":"USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC","ctType":"linear"},{"instId":"BTC-USD-SWAP","instType":"SWAP","uly":"BTC-USD","baseCcy":"","quoteCcy":"","ctVal":"100","ctMult":"1","ctValCcy":"USD","ctType":"inverse"},{"instId":"BTC-USDT","instType":"SPOT","uly":"","baseCcy":"BTC","quoteCcy":"USDT","ctVal":"","ctMult":"","ctValCcy":"","ctType":""}]}"#,
        &[
            "BTC-USD-SWAP BTC/USD perp Quote(100.0)",
            "BTC-USDT BTC/USDT spot Base(1.0)",
            "BTC-USDT-SWAP BTC/USDT perp Base(0.01)",
        ],
    ),
    (
        "bitmex",
        r#"[{"symbol":"XBTUSD","typ":"FFWCSX","underlying":"XBT","quoteCurrency":"USD","isInverse":true,"isQuanto":false,"underlyingToPositionMultiplier":null},{"symbol":"XBTUSDT","typ":"FFWCSX","underlying":"XBT","quoteCurrency":"USDT","isInverse":false,"isQuanto":false,"underlyingToPositionMultiplier":1000000}]"#,
        &["XBTUSD BTC/USD perp Quote(1.0)", "XBTUSDT BTC/USDT perp Base(1e-6)"],
    ),
    (
        "deribit",
        r#"{"jsonrpc":"2.0","result":[{"instrument_name":"BTC-PERPETUAL","kind":"future","base_currency":"BTC","quote_currency":"USD","instrument_type":"reversed","settlement_period":"perpetual","contract_size":10.0},{"instrument_name":"BTC_USDC-PERPETUAL","kind":"future","base_currency":"BTC","quote_currency":"USDC","instrument_type":"linear","settlement_period":"perpetual"},{"instrument_name":"BTC-26DEC25-90000-C","kind":"option","base_currency":"BTC","quote_currency":"BTC","instrument_type":"reversed","settlement_period":"month"}]}"#,
        &[
            "BTC-26DEC25-90000-C BTC/BTC option Base(1.0)",
            "BTC-PERPETUAL BTC/USD perp Quote(1.0)",
            "BTC_USDC-PERPETUAL BTC/USDC perp Base(1.0)",
        ],
    ),
    (
        "kraken-futures",
        r#"{"result":"success","instruments":[{"symbol":"PI_XBTUSD","type":"futures_inverse","base":"BTC","quote":"USD","contractSize":1},{"symbol":"ff_xbtusd_251226","type":"flexible_futures","base":"XBT","quote":"USD","contractSize":1,"lastTradingTime":"2025-12-26T08:00:00.000Z"}]}"#,
        &["FF_XBTUSD_251226 BTC/USD future Base(1.0)", "PI_XBTUSD BTC/USD perp Quote(1.0)"],
    ),
];

#[test]
fn listings_of_the_documented_shape_say_what_the_decoders_say() {
    assert_eq!(ANSWERS.len(), LISTINGS.len());
    for (venue, answer, want) in ANSWERS {
        let listed = read(venue, answer).expect(venue);
        let said = listed.instruments.iter().map(|(native, terms)| {
            let market = terms.market(venue, native, None).expect("all is said");
            format!("{native} {}/{} {} {:?}", market.asset, market.quote, word(market.kind), market.contract)
        });
        assert_eq!(said.collect::<Vec<_>>(), want, "{venue}");
        assert!(listed.left_out.is_empty(), "{venue}: {:?}", listed.left_out);
        for (native, terms) in &listed.instruments {
            let ours = find(venue).expect("a venue").instrument(native).unwrap_or_else(|| panic!("{venue}:{native}"));
            assert_eq!(terms.market(venue, native, None), Some(ours), "the listing and the name differ");
        }
        assert!(listing(venue).urls.iter().all(|url| url.starts_with("https://")));
    }
}

#[test]
fn what_cannot_be_told_is_left_out_and_counted() {
    let row = |symbol: &str, size: &str| {
        format!(
            r#"{{"symbol":{symbol},"contractType":"PERPETUAL","contractSize":{size},"baseAsset":"DOT","quoteAsset":"USD"}}"#
        )
    };
    let rows = [
        row("\"A_PERP\"", "10"),
        row("\"A_PERP\"", "10"),
        row("\"A_PERP\"", "100"),
        row("\"B_PERP\"", "0"),
        row("\"C_PERP\"", "-10"),
        row("\"D_PERP\"", "\"NaN\""),
        row("\"E_PERP\"", "1e999"),
        row("\"F_PERP\"", "{}"),
        row("\"<b>\"", "10"),
        row("\"A\\u202eB\"", "10"),
        row("7", "10"),
        row("\"G_PERP\"", "10").replace("PERPETUAL", "WEEKLY"),
        row("\"H_PERP\"", "10").replace("\"DOT\"", "\"\""),
        "null".to_owned(),
        "[]".to_owned(),
    ];
    let listed = read("binance-coinm", &format!(r#"{{"symbols":[{}]}}"#, rows.join(","))).expect("a listing");
    assert_eq!(listed.instruments.keys().collect::<Vec<_>>(), ["A_PERP"]);
    assert_eq!(
        format!("{:?}", listed.left_out),
        "{\"a contract size that is none\": 5, \"a name that is none\": 3, \"listed twice, differently\": 1, \
         \"not of the documented shape\": 3, \"of a kind that is not listened to\": 1}"
    );
}

#[test]
fn what_is_no_listing_is_refused_whole() {
    for (venue, answer, _) in ANSWERS {
        for end in 0..answer.len() {
            assert!(read(venue, &answer[..end]).is_err(), "{venue}: {}", &answer[..end]);
        }
        for answer in ["null", "[1", "{}", "\"x\"", r#"{"symbols":7}"#, "<html>"] {
            assert!(read(venue, answer).is_err(), "{venue}: {answer}");
        }
    }
    for (venue, answer, want) in [
        ("bybit-spot", r#"{"retCode":10001,"retMsg":"bad\u001b[31m","result":{}}"#, "bad?[31m"),
        (
            "bybit-spot",
            r#"{"retCode":0,"retMsg":"OK","result":{"list":[],"nextPageCursor":"x&category=option"}}"#,
            "a next page as no address does: x&category=option",
        ),
        ("okx", r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#, "Too Many Requests"),
    ] {
        let why = read(venue, answer).expect_err("a refusal");
        assert!(why.contains(want), "{why}");
    }
}
