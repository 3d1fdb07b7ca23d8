//! The venue's own word: what it closes is closed at once, there and nowhere else, until it says otherwise; a word that may
//! have been taken back unheard does not bind for ever. Seconds count from the beginning of the story.

use expect_test::expect;
use fusewire::breaker::Stance;
use fusewire::engine::{Action, FeedState, Input};
use fusewire::event::{MarketId, VenueStatus};
use fusewire::feed::venue::{self, Context, MarketLookup};
use fusewire::market::Markets;
use fusewire::record::Fact;
use fusewire::trip::Scope;

use crate::chance::Chance;
use crate::stage::{Stage, at, quick, trade};
use VenueStatus::{CancelOnly, Maintenance, Online, PostOnly};

/// Two markets of one venue, one of another.
const MARKETS: [&str; 3] = ["a:DOT", "a:TRX", "b:DOT"];
const CALM: [(u32, f64); 3] = [(0, 4.0), (1, 0.3), (2, 4.0)];

fn warm() -> Stage {
    Stage::new(quick(), &MARKETS).warm_up(&CALM)
}

fn said(market: u32, secs: f64, status: VenueStatus) -> Input {
    Input::Event(crate::stage::status(market, at(secs), status))
}

/// The loosest stance that a word leaves.
const fn bound(word: VenueStatus) -> Stance {
    match word {
        Online => Stance::Normal,
        PostOnly => Stance::ReduceOnly,
        CancelOnly | Maintenance => Stance::Halt,
    }
}

fn stances(stage: &Stage) -> [Stance; 3] {
    [0, 1, 2].map(|market| stage.stance(market))
}

/// The trips of a detector with their evidence.
fn evidence(stage: &Stage, of: &str) -> Vec<String> {
    let told = |fact: &Fact| match fact {
        Fact::Trip { detector, leg, evidence, .. } if detector == of => Some(format!("{leg}: {evidence}")),
        _ => None,
    };
    stage.records.iter().filter_map(|record| told(&record.fact)).collect()
}

#[test]
fn a_market_that_its_venue_closes_halts_at_once_and_comes_back_step_by_step() {
    let mut stage = warm();
    stage.calm(120..125, &CALM);
    stage.feed(said(0, 124.5, Maintenance));
    stage.calm(125..200, &CALM[1..]);
    stage.feed(said(0, 199.5, Online));
    stage.calm(200..300, &CALM);
    expect![[r#"
        124.50 gate a:DOT ReduceOnly (venue-limited)
        124.50 gate a:DOT Halt (venue-halted)
        124.50 trip a:DOT status.limited -> venue-limited
        124.50 trip a:DOT status.halted -> venue-halted
        128.00 trip a:DOT apart.silent -> feed-late
        129.75 trip a:DOT stale.late -> feed-late
        134.00 trip a:DOT stale.dead -> feed-dead
        199.75 gate a:DOT Halt x0.1 (feed-dead)
        200.25 gate a:DOT Caution x0.1 (feed-late)
        229.75 gate a:DOT Caution x0.5 (feed-dead)
        259.75 gate a:DOT Normal ()
    "#]]
    .assert_eq(&stage.transcript(&["trip", "gate"]));
    assert_eq!(stances(&stage), [Stance::Normal; 3]);
}

#[test]
fn each_word_binds_as_far_as_it_goes_and_binds_that_market_alone() {
    for word in [PostOnly, CancelOnly, Maintenance] {
        let mut stage = warm();
        stage.feed(said(1, 120.0, word));
        assert_eq!(stances(&stage), [Stance::Normal, bound(word), Stance::Normal], "{word:?}");
        // A venue that opens in steps.
        stage.feed(said(1, 300.0, PostOnly));
        stage.calm(300..500, &CALM);
        assert_eq!(stances(&stage), [Stance::Normal, Stance::ReduceOnly, Stance::Normal], "{word:?}, then post only");
    }
}

#[test]
fn a_word_of_the_whole_venue_binds_all_its_markets_and_no_other() {
    let kraken = venue::find("kraken-spot").unwrap();
    let mut markets = Markets::new();
    for native in ["BTC/USD", "ETH/USD"] {
        markets.add(kraken.instrument(native).unwrap());
    }
    markets.add(venue::find("coinbase").unwrap().instrument("BTC-USD").unwrap());
    let lookup = MarketLookup::new(kraken, &markets);
    let mut stage = Stage::with(fusewire::engine::Engine::new(quick(), markets)).warm_up(&CALM);
    let frame = br#"{"channel":"status","type":"update","data":[{"system":"cancel_only"}]}"#;
    let mut events = Vec::new();
    kraken.decode(frame, &Context { recv_at: at(120.0), markets: &lookup }, &mut events).unwrap();
    for event in events {
        stage.feed(Input::Event(event));
    }
    assert_eq!(stances(&stage), [Stance::Halt, Stance::Halt, Stance::Normal]);
}

#[test]
fn silence_while_a_venue_is_closed_is_told_and_explained_in_one_incident() {
    let mut stage = warm();
    stage.feed(said(0, 120.0, Maintenance));
    stage.feed(said(1, 120.0, Maintenance));
    stage.calm(120..200, &CALM[2..]);
    expect![[r#"
        late: trades silent for 5.75 s, gaps learned 719, closed by its venue for 4.75 s
        late: trades silent for 5.75 s, gaps learned 719, closed by its venue for 4.75 s
        dead: trades silent for 10 s, gaps learned 719, closed by its venue for 9 s
        dead: trades silent for 10 s, gaps learned 719, closed by its venue for 9 s"#]]
    .assert_eq(&evidence(&stage, "stale").join("\n"));
    assert_eq!(stage.incidents().len(), 1, "{:?}", stage.incidents());
    // The same silence without a word is told as it is.
    let mut stage = warm();
    stage.calm(120..200, &CALM[2..]);
    assert!(
        evidence(&stage, "stale").iter().all(|words| !words.contains("its venue")),
        "{:?}",
        evidence(&stage, "stale")
    );
}

#[test]
fn nothing_but_the_venue_opens_what_it_closed_while_its_line_stands() {
    let mut stage = warm();
    stage.feed(said(0, 120.0, CancelOnly));
    stage.calm(121..900, &CALM);
    assert_eq!(stances(&stage), [Stance::Halt, Stance::Normal, Stance::Normal], "trades on a line that stands");
    let version = stage.engine.breakers().iter().find(|breaker| breaker.rule == "venue-halted").unwrap().version;
    let action = Action::Rearm { scope: Scope::Market(MarketId(0)), rule: "venue-halted".to_owned(), version };
    let refused = stage.ask(901.0, "it trades, I see it", action).unwrap_err();
    assert!(refused.contains("the condition still holds"), "{refused}");
}

/// Some venues tell of a change and never of a state: the word that they are open again goes by while nobody listens.
#[test]
fn a_word_that_may_have_been_taken_back_unheard_falls_when_the_market_trades() {
    for lost in [FeedState::Down, FeedState::Gap, FeedState::Overflow] {
        let mut stage = warm();
        stage.feed(said(0, 120.0, Maintenance));
        stage.feed_is(121.0, 0, lost);
        stage.feed_is(130.0, 0, FeedState::Delivering);
        stage.calm(131..135, &CALM);
        stage.wait_until(135.0);
        assert_eq!(stage.stance(0), Stance::Halt, "{lost:?}: four trades are too few");
        stage.calm(135..400, &CALM);
        assert_eq!(stances(&stage), [Stance::Normal; 3], "{lost:?}");
    }
}

#[test]
fn a_word_that_is_said_again_after_a_break_binds_as_before() {
    let mut stage = warm();
    stage.feed(said(0, 120.0, Maintenance));
    stage.feed_is(121.0, 0, FeedState::Down);
    stage.feed_is(130.0, 0, FeedState::Delivering);
    stage.feed(said(0, 130.5, Maintenance));
    stage.calm(131..900, &CALM);
    assert_eq!(stances(&stage), [Stance::Halt, Stance::Normal, Stance::Normal]);
}

#[test]
fn a_sleepy_market_is_believed_open_after_minutes_of_quotes() {
    let mut stage = warm();
    stage.feed(said(0, 120.0, Maintenance));
    stage.feed_is(121.0, 0, FeedState::Down);
    stage.feed_is(122.0, 0, FeedState::Delivering);
    let mut score = Vec::new();
    for second in 123..800 {
        stage.calm(second..second + 1, &CALM[1..]);
        // As a venue's own time comes with it, it is not ours.
        let mut quote = crate::stage::quote(0, at(f64::from(second)), 4.0);
        quote.venue_at = quote.venue_at.plus_secs(-0.01);
        stage.feed(Input::Event(quote));
        score.push(halted(&stage));
    }
    let fell = score.iter().position(|score| *score < 1.0).unwrap();
    assert!((598..=602).contains(&fell), "{fell}");
}

fn halted(stage: &Stage) -> f64 {
    let legs = fusewire::detect::legs();
    let place = legs.iter().position(|(detector, leg)| *detector == "status" && leg.name == "halted").unwrap();
    stage.engine.view().next().unwrap().scores[place]
}

#[test]
fn a_restart_while_a_venue_is_closed_finds_it_closed() {
    let mut stage = warm();
    stage.feed(said(0, 120.0, Maintenance));
    stage.calm(121..125, &CALM[1..]);
    stage.engine.reawaken();
    assert_eq!(evidence(&stage, "status").len(), 2);
    // One trade, as an engine needs a price; nobody has said that the market is open.
    stage.calm(130..131, &CALM);
    assert_eq!(stage.stance(0), Stance::Halt, "not free for a moment either");
    stage.wait_until(131.5);
    assert_eq!(stage.stance(0), Stance::Halt);
    assert_eq!(evidence(&stage, "status").len(), 4, "it trips anew");
}

/// Storms of words, flapping lines and words that come twice, by seeds. What a venue closed never reads Normal, and is as
/// strict as the word asks one look later; other venues are left alone; in the end all come back, and trips are no storm.
#[test]
fn storms_of_words_never_free_what_is_closed_and_leave_no_trace() {
    for seed in 1..=25 {
        let mut chance = Chance::new(seed);
        let mut stage = warm();
        let mut words = [(Online, 0.0); 2];
        let (mut secs, mut id) = (120.0, 1_000_000);
        let calm = chance.between(0.05, 8.0);
        while secs < 1200.0 {
            secs += chance.between(0.001, calm);
            let market = chance.below(2) as usize;
            if chance.below(3) > 0 {
                let word = [Online, PostOnly, CancelOnly, Maintenance][chance.below(4) as usize];
                if word != words[market].0 {
                    words[market] = (word, secs);
                }
                stage.feed(said(market as u32, secs, word));
            }
            for (market, price) in CALM {
                id += 1;
                stage.feed(Input::Event(trade(market, id, at(secs), price)));
            }
            for (market, (word, since)) in words.into_iter().enumerate() {
                let stance = stage.stance(market as u32);
                let told = if secs - since > 0.25 { bound(word) } else { bound(word).min(Stance::Caution) };
                assert!(
                    stance >= told,
                    "seed {seed}, {secs:.3} s: {stance:?}, the venue says {word:?} since {since:.3}"
                );
            }
        }
        let trips = stage.trips().iter().filter(|trip| trip.contains(" status.")).count();
        let most = 4 * ((secs - 120.0) / 30.0) as usize + 4;
        assert!((1..=most).contains(&trips), "seed {seed}: {trips} trips");
        assert!(stage.trips().iter().all(|trip| !trip.starts_with("b:DOT status.")), "seed {seed}");
        (0..2).for_each(|market| stage.feed(said(market, secs + 0.1, Online)));
        for second in secs as i32 + 1..secs as i32 + 4200 {
            for (market, price) in CALM {
                id += 1;
                stage.feed(Input::Event(trade(market, id, at(f64::from(second)), price)));
            }
        }
        assert_eq!(stances(&stage), [Stance::Normal; 3], "seed {seed}: all is over");
    }
}
