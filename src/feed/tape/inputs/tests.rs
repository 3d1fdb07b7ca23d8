//! Any input comes back as it was, and of a torn tape what came whole.

use std::io::Cursor;

use proptest::prelude::*;

use super::{Ending, InputReader, InputWriter};
use crate::breaker::Permission;
use crate::engine::{Action, Command, DeliveryReport, FeedReport, FeedState, Input};
use crate::event::{
    Aggressor, Bar, Body, Completeness, Event, Liquidated, MarketId, Nanos, Price, PriceMeaning, Qty, VenueStatus,
};
use crate::feed::instrument::instrument;
use crate::feed::tape::{self, Spec};
use crate::market::{Markets, VenueId};
use crate::record::Who;
use crate::trip::Scope;

fn markets() -> Markets {
    let mut markets = Markets::new();
    for (venue, native) in [("binance-coinm", "DOTUSD_PERP"), ("coinbase", "DOT-USD"), ("binance-coinm", "TRXUSD_PERP")]
    {
        markets.add(instrument(venue, native));
    }
    markets
}

fn price() -> impl Strategy<Value = Price> {
    prop_oneof![
        (Price::MIN..=Price::MAX).prop_map(|value| Price::new(value).unwrap()),
        (1_u32..100_000_000).prop_map(|ticks| Price::new(f64::from(ticks) / 1000.0).unwrap()),
        Just(Price::new(Price::MIN).unwrap()),
    ]
}

fn qty() -> impl Strategy<Value = Qty> {
    prop_oneof![Just(Qty::ZERO), (0.0..=Qty::MAX).prop_map(|value| Qty::new(value).unwrap())]
}

fn positive() -> impl Strategy<Value = Qty> {
    prop_oneof![
        (f64::MIN_POSITIVE..=Qty::MAX).prop_map(|value| Qty::positive(value).unwrap()),
        Just(Qty::positive(5e-324).unwrap())
    ]
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(-0.0), Just(f64::MAX), -1.0..1.0_f64, any::<i32>().prop_map(|n| f64::from(n) * 1e-9)]
}

fn liquidation() -> impl Strategy<Value = Body> {
    let whose = prop_oneof![Just(Liquidated::Long), Just(Liquidated::Short)];
    let meaning = prop_oneof![Just(PriceMeaning::Order), Just(PriceMeaning::Fill), Just(PriceMeaning::Bankruptcy)];
    let completeness = prop_oneof![
        Just(Completeness::Full),
        Just(Completeness::Sampled),
        Just(Completeness::Partial),
        Just(Completeness::None)
    ];
    (price(), positive(), whose, meaning, completeness).prop_map(|(price, qty, liquidated, meaning, completeness)| {
        Body::Liquidation { price, qty, liquidated, meaning, completeness }
    })
}

fn body() -> impl Strategy<Value = Body> {
    let side = prop_oneof![Just(Aggressor::Buy), Just(Aggressor::Sell), Just(Aggressor::Unknown)];
    let status = prop_oneof![
        Just(VenueStatus::Online),
        Just(VenueStatus::CancelOnly),
        Just(VenueStatus::PostOnly),
        Just(VenueStatus::Maintenance)
    ];
    prop_oneof![
        (price(), positive(), any::<u64>(), side).prop_map(|(price, qty, id, aggressor)| Body::Trade {
            price,
            qty,
            id,
            aggressor
        }),
        liquidation(),
        (price(), qty(), price(), qty()).prop_map(|(bid, bid_qty, ask, ask_qty)| Body::Quote {
            bid,
            bid_qty,
            ask,
            ask_qty
        }),
        (qty(), qty()).prop_map(|(bid_qty, ask_qty)| Body::Depth { bid_qty, ask_qty }),
        price().prop_map(|price| Body::Mark { price }),
        price().prop_map(|price| Body::Index { price }),
        rate().prop_map(|rate| Body::Funding { rate }),
        qty().prop_map(|qty| Body::OpenInterest { qty }),
        price().prop_map(|iv| Body::MarkIv { iv }),
        price().prop_map(|level| Body::VolatilityIndex { level }),
        status.prop_map(|status| Body::Status { status }),
    ]
}

/// Some of them stand in no table.
fn market() -> impl Strategy<Value = MarketId> {
    prop_oneof![9 => (0_u32..3).prop_map(MarketId), 1 => any::<u32>().prop_map(MarketId)]
}

fn at() -> impl Strategy<Value = Nanos> {
    prop_oneof![any::<i64>().prop_map(Nanos), (0_i64..1 << 40).prop_map(|ns| Nanos(1_760_130_903_000_000_000 + ns))]
}

fn bar() -> impl Strategy<Value = Bar> {
    let prices = (price(), price(), price(), price());
    (market(), at(), at(), prices, qty(), qty(), any::<u64>()).prop_map(
        |(market, open_at, close_at, (open, high, low, close), volume, taker_buy, trades)| Bar {
            market,
            open_at,
            close_at,
            open,
            high,
            low,
            close,
            volume,
            taker_buy,
            trades,
        },
    )
}

fn feed() -> impl Strategy<Value = FeedReport> {
    let state = prop_oneof![
        Just(FeedState::Connecting),
        Just(FeedState::Subscribed),
        Just(FeedState::Delivering),
        Just(FeedState::Down),
        Just(FeedState::Gap),
        Just(FeedState::Overflow),
        Just(FeedState::Late),
        Just(FeedState::Thin)
    ];
    (at(), any::<u32>(), any::<u32>(), state, ".*").prop_map(|(at, venue, connection, state, why)| FeedReport {
        at,
        venue: VenueId(venue),
        connection,
        state,
        why,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let scope = prop_oneof![market().prop_map(Scope::Market), any::<u32>().prop_map(|id| Scope::Venue(VenueId(id)))];
    prop_oneof![
        (scope, ".*", any::<u64>()).prop_map(|(scope, rule, version)| Action::Rearm { scope, rule, version }),
        Just(Action::Trip { scope: Scope::Everything, permission: Permission::FREE }),
        ".*".prop_map(|incident| Action::Acknowledge { incident }),
        ".*".prop_map(|incident| Action::Comment { incident }),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let event = (at(), at(), market(), body())
        .prop_map(|(venue_at, recv_at, market, body)| Input::Event(Event { venue_at, recv_at, market, body }));
    prop_oneof![
        8 => event,
        1 => bar().prop_map(Input::Bar),
        1 => at().prop_map(Input::Tick),
        1 => (any::<u64>(), at()).prop_map(|(seq, at)| Input::Probe { seq, at }),
        1 => feed().prop_map(Input::Feed),
        1 => (at(), prop::option::of(market()), any::<u32>().prop_map(u64::from)).prop_map(|(at, market, count)| Input::Bad { at, market, count }),
        1 => (at(), any::<u64>(), ".*", ".*", action()).prop_map(|(at, id, name, reason, action)| {
            Input::Command(Command { at, id, who: Who { name, via: "socket".to_owned() }, reason, action })
        }),
        1 => (at(), any::<u64>()).prop_map(|(at, seq)| Input::Stored { at, seq }),
        1 => (at(), ".*", any::<u32>(), any::<bool>()).prop_map(|(at, detail, attempt, ok)| {
            Input::Delivery(DeliveryReport { at, message: "m".to_owned(), hook: "h".to_owned(), attempt, ok, detail })
        }),
    ]
}

const SNAPSHOT: &[u8] = b"a state";

fn packed(inputs: &[Input], batch: usize) -> Vec<u8> {
    let mut writer = InputWriter::packed(Vec::new(), SNAPSHOT, &markets()).unwrap();
    for some in inputs.chunks(batch) {
        some.iter().try_for_each(|input| writer.write(input)).unwrap();
        writer.flush().unwrap();
    }
    writer.finish(Some("abc")).unwrap()
}

fn plain(inputs: &[Input], batch: usize) -> Vec<u8> {
    let mut writer = InputWriter::plain(Vec::new(), SNAPSHOT, &markets()).unwrap();
    for some in inputs.chunks(batch) {
        some.iter().try_for_each(|input| writer.write(input)).unwrap();
        writer.flush().unwrap();
    }
    writer.finish(Some("abc")).unwrap()
}

/// A dense tape without the zstd frame around it.
fn dense(inputs: &[Input], batch: usize) -> Vec<u8> {
    zstd::decode_all(&packed(inputs, batch)[..]).unwrap()
}

fn read(file: &[u8]) -> (Vec<Input>, InputReader) {
    let mut reader = InputReader::new(Cursor::new(file.to_vec())).unwrap();
    assert_eq!(reader.snapshot(), SNAPSHOT);
    let inputs = reader.by_ref().map(Result::unwrap).collect();
    (inputs, reader)
}

proptest! {
    #[test]
    fn any_input_comes_back_as_it_was(inputs in prop::collection::vec(input(), 0..60), batch in 1_usize..40) {
        for file in [packed(&inputs, batch), plain(&inputs, batch)] {
            let (found, reader) = read(&file);
            prop_assert_eq!(&found, &inputs);
            prop_assert_eq!(reader.ending(), Some(&Ending::Whole(Some("abc".to_owned()))));
            prop_assert_eq!(reader.damage(), None);
            prop_assert_eq!(reader.last_at(), inputs.last().map(Input::at));
        }
    }

    #[test]
    fn no_changed_byte_brings_a_panic_or_a_number_that_is_none(
        inputs in prop::collection::vec(input(), 1..20), place in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        for mut file in [plain(&inputs, 7), dense(&inputs, 7)] {
            *place.get_mut(&mut file) = byte;
            let Ok(reader) = InputReader::new(Cursor::new(file)) else { continue };
            for input in reader {
                if let Input::Event(Event { body: Body::Trade { price, qty, .. }, .. }) = input.unwrap() {
                    prop_assert!(price.get().is_finite() && qty.get() > 0.0);
                }
            }
        }
    }

    #[test]
    fn markets_that_move_as_markets_do_come_back_bit_for_bit(moves in prop::collection::vec(one_move(), 1..200), batch in 1_usize..90) {
        let inputs = walk(&moves);
        let (found, reader) = read(&dense(&inputs, batch));
        prop_assert_eq!(reader.damage(), None);
        prop_assert_eq!(found.len(), inputs.len());
        for (found, input) in found.iter().zip(&inputs) {
            prop_assert_eq!(postcard::to_stdvec(found), postcard::to_stdvec(input));
        }
    }
}

/// Market, kind, nanoseconds to the next, clock of the venue, ticks, quantity, its decimals, now and then a number of no grid.
type Move = (u32, u8, i64, u8, i64, u32, u8, u8);

fn one_move() -> impl Strategy<Value = Move> {
    let wait =
        prop_oneof![Just(0), 0..2_000_000_i64, (0..400_i64).prop_map(|us| us * 1000), any::<u32>().prop_map(i64::from)];
    let ticks = prop_oneof![8 => -3..4_i64, 3 => -200..200_i64, 1 => -70_000..70_000_i64];
    (0..3_u32, 0..4_u8, wait, 0..4_u8, ticks, any::<u32>(), 0..9_u8, 0..20_u8)
}

/// What three markets would say that moved so: their prices have one, two, five decimals.
fn walk(moves: &[Move]) -> Vec<Input> {
    let (mut at, mut ticks, mut id) = (1_760_130_903_000_000_000_i64, [1_000_000_i64; 3], 7_u64);
    let step = |&(market, kind, wait, clock, step, qty, decimals, odd): &Move| {
        at += wait;
        let place = market as usize;
        ticks[place] = (ticks[place] + step).max(1);
        id = id.wrapping_add(u64::from(qty % 3));
        let price = |more: i64| Price::new((ticks[place] + more) as f64 / [10.0, 100.0, 1e5][place]).unwrap();
        let exact = f64::from(qty) / 10_u64.pow(decimals.into()) as f64;
        let size = Qty::new(if odd == 0 { exact.sqrt() } else { exact }).unwrap();
        let body = match kind {
            0 if size != Qty::ZERO => Body::Trade { price: price(0), qty: size, id, aggressor: Aggressor::Buy },
            1 => Body::Depth { bid_qty: size, ask_qty: Qty::ZERO },
            2 => Body::Mark { price: price(0) },
            _ => Body::Quote { bid: price(0), bid_qty: size, ask: price(i64::from(odd) + 1), ask_qty: size },
        };
        let behind = at - i64::from(qty % 1_000_000);
        let venue_at = Nanos([at, behind, behind / 1000 * 1000, behind / 1_000_000 * 1_000_000][usize::from(clock)]);
        Input::Event(Event { venue_at, recv_at: Nanos(at), market: MarketId(market), body })
    };
    moves.iter().map(step).collect()
}

#[test]
fn a_dense_row_that_cannot_be_read_takes_the_ground_from_those_after_it() {
    // The trades of one market are told one by the other: without the first, none of them is guessed.
    let inputs = trades(9);
    let mut file = dense(&inputs, 100);
    let first = 4.0_f64.to_le_bytes();
    let place = file.windows(8).position(|bytes| bytes == first).expect("the first price stands in full");
    file[place..place + 8].copy_from_slice(&f64::NAN.to_le_bytes());
    let mut source = tape::read(Box::new(Cursor::new(file)), &Spec::new("x.arrows")).unwrap();
    let mut markets = Markets::new();
    assert!(source.next(&mut markets).unwrap().is_none());
    assert_eq!(source.report().bad.total(), 9);
}

fn trades(count: u64) -> Vec<Input> {
    let trade = |id: u64| {
        let at = Nanos::from_secs(1_760_130_903 + id as i64);
        let (price, qty) = (Price::new(4.0 + id as f64).unwrap(), Qty::positive(1.0).unwrap());
        let body = Body::Trade { price, qty, id, aggressor: Aggressor::Sell };
        Input::Event(Event { venue_at: at, recv_at: at, market: MarketId(id as u32 % 3), body })
    };
    (0..count).map(trade).collect()
}

#[test]
fn a_tape_cut_anywhere_keeps_what_came_whole_and_says_what_is_lost() {
    let inputs = trades(12);
    for file in [packed(&inputs, 3), plain(&inputs, 3)] {
        let mut kept = [0; 5];
        for cut in 0..file.len() {
            let Ok(mut reader) = InputReader::new(Cursor::new(file[..cut].to_vec())) else { continue };
            let found: Vec<Input> = reader.by_ref().map(Result::unwrap).collect();
            assert_eq!(found, inputs[..found.len()], "cut at {cut}");
            assert_eq!(found.len() % 3, 0, "batches are kept whole or not at all");
            kept[found.len() / 3] += 1;
            // The mark of the stream's end behind the last row may be missing: nothing is lost by that.
            if found.len() < inputs.len() {
                let damage = reader.damage().unwrap_or_else(|| panic!("cut at {cut} was not noticed"));
                assert!(damage.contains("torn"), "{damage}");
                let last = found.last().map(|input| input.at().to_string());
                assert!(last.is_none_or(|last| damage.contains(&last)), "{damage}");
            }
        }
        assert!(kept.iter().all(|&cuts| cuts > 0), "{kept:?}");
    }
}

#[test]
fn what_the_recorder_lost_ends_the_tape_and_is_told() {
    let inputs = trades(4);
    let mut writer = InputWriter::packed(Vec::new(), SNAPSHOT, &markets()).unwrap();
    inputs.iter().try_for_each(|input| writer.write(input)).unwrap();
    writer.lost(17).unwrap();
    inputs.iter().try_for_each(|input| writer.write(input)).unwrap();
    let (found, reader) = read(&writer.finish(None).unwrap());
    assert_eq!(found, inputs);
    assert_eq!(reader.ending(), Some(&Ending::Lost(17)));
    assert!(reader.damage().unwrap().starts_with("17 inputs found no room"));
}

#[test]
fn a_large_snapshot_is_kept_in_parts() {
    let snapshot: Vec<u8> = (0..9_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut writer = InputWriter::packed(Vec::new(), &snapshot, &markets()).unwrap();
    writer.write(&Input::Tick(Nanos(1))).unwrap();
    let file = writer.finish(None).unwrap();
    let reader = InputReader::new(Cursor::new(file)).unwrap();
    assert!(reader.snapshot() == snapshot);
    assert_eq!(reader.map(Result::unwrap).collect::<Vec<_>>(), [Input::Tick(Nanos(1))]);
}

#[test]
fn among_other_tapes_markets_and_venues_have_our_numbers_and_the_run_itself_is_left_out() {
    let state = |state| FeedReport {
        at: Nanos::from_secs(1_760_130_901),
        venue: VenueId(1),
        connection: 0,
        state,
        why: "so".to_owned(),
    };
    let mut inputs = vec![
        Input::Feed(state(FeedState::Connecting)),
        Input::Tick(Nanos(6)),
        Input::Probe { seq: 1, at: Nanos(7) },
        Input::Stored { at: Nanos(8), seq: 1 },
        Input::Bad { at: Nanos::from_secs(1_760_130_902), market: Some(MarketId(1)), count: 2 },
    ];
    inputs.extend(trades(3));
    let mut ours = Markets::new();
    ours.add(instrument("gemini", "DOTUSD"));
    let mut source = tape::read(Box::new(Cursor::new(packed(&inputs, 2))), &Spec::new("x.arrows.zst")).unwrap();
    let mut found = Vec::new();
    while let Some(input) = source.next(&mut ours).unwrap() {
        found.push(input);
    }
    let told: Vec<String> = found
        .iter()
        .map(|input| match input {
            Input::Feed(report) => format!("feed {}", ours.venues()[report.venue.0 as usize]),
            Input::Bad { market: Some(market), .. } => format!("bad {}", ours.name(*market)),
            Input::Event(event) => ours.name(event.market),
            other => format!("{other:?}"),
        })
        .collect();
    let trades = ["binance-coinm:DOTUSD_PERP", "coinbase:DOT-USD", "binance-coinm:TRXUSD_PERP"];
    assert_eq!(told[..2], ["feed coinbase", "bad coinbase:DOT-USD"]);
    assert_eq!(told[2..], trades);
    assert!(!source.report().is_damaged());
}

#[test]
fn a_market_that_is_met_later_has_its_name_from_then_on() {
    let mut table = Markets::new();
    let mut writer = InputWriter::plain(Vec::new(), SNAPSHOT, &table).unwrap();
    let trades = trades(3);
    for (market, input) in markets().iter().map(|(_, market)| market.clone()).zip(&trades) {
        table.add(market);
        writer.meet(&table).unwrap();
        writer.write(input).unwrap();
    }
    let file = writer.finish(None).unwrap();
    assert_eq!(read(&file).0, trades);
    let (mut ours, mut names) = (Markets::new(), Vec::new());
    let mut source = tape::read(Box::new(Cursor::new(file)), &Spec::new("x.arrows")).unwrap();
    while let Some(Input::Event(event)) = source.next(&mut ours).unwrap() {
        names.push(ours.name(event.market));
    }
    assert_eq!(names, ["binance-coinm:DOTUSD_PERP", "coinbase:DOT-USD", "binance-coinm:TRXUSD_PERP"]);
}

#[test]
fn an_arrow_stream_of_somebody_else_is_doubt() {
    let schema = arrow_schema::Schema::new(vec![arrow_schema::Field::new("x", arrow_schema::DataType::Int8, true)]);
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.finish().unwrap();
    let file = writer.into_inner().unwrap();
    assert!(InputReader::new(Cursor::new(file.clone())).is_err());
    let why = tape::read(Box::new(Cursor::new(file)), &Spec::new("x.arrows")).map(|_| ()).unwrap_err();
    assert_eq!(why.exit_code(), 2);
}
