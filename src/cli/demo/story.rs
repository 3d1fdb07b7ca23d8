//! The account of the demonstration: a line a change of permission while it plays, tables at the end.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::crash::{CAST, Crash, Part, instant, markets};
use super::daemon::Ending;
use super::engine::{Change, Engine};
use super::receiver::Receiver;
use crate::breaker::{Permission, Stance};
use crate::cli::table::lay_out;
use crate::event::Nanos;
use crate::record::Fact;
use crate::trip::short;

/// The two legs of that evening: name, first and last instant looked at.
const LEGS: [(&str, &str, &str); 2] = [("first leg", "20:45:00", "21:08:00"), ("main leg", "21:08:00", "21:26:00")];

/// The market that left, and the one of another venue that did not.
const DISLOCATED: [&str; 2] = ["DOTUSD_PERP", "DOT-USD"];

/// Tells the story.
pub(super) struct Story<'a> {
    crash: &'a Crash,
    from: Nanos,
    to: Nanos,
    /// Seconds of the scene in one of ours.
    speed: f64,
    bar: bool,
}

/// What stands above the story.
pub(super) fn opening(speed: f64, endpoints: &[String], dir: &Path, pid: u32) -> String {
    let venue = |(part, endpoint): (&Part, &String)| {
        format!("  venue      {endpoint}  ({}, its own protocol on loopback)\n", part.venue)
    };
    let venues: String = CAST.iter().zip(endpoints).map(venue).collect();
    format!(
        "10 October 2025, Binance COIN-M and Coinbase, reconstructed; {}x life\n{venues}  \
         daemon     process {pid}, `fusewire run -c {}/config.toml`\n  \
         engine     this process, reading the gate in shared memory\n\n\
         time (UTC)    market         price    of high  the engine may\n",
        short(speed),
        dir.display()
    )
}

impl<'a> Story<'a> {
    pub(super) const fn new(crash: &'a Crash, from: Nanos, to: Nanos, speed: f64) -> Self {
        Self { crash, from, to, speed, bar: false }
    }

    /// One line for a change.
    pub(super) fn change(&mut self, out: &mut impl Write, change: &Change) -> io::Result<()> {
        self.end_progress()?;
        let top =
            self.crash.path(change.market, self.from, change.at).iter().map(|(_, price)| *price).fold(0.0, f64::max);
        let fallen = (change.price / top - 1.0) * 100.0;
        let tighter = change.from.is_none_or(|from| change.to.at_least_as_strict_as(&from));
        writeln!(
            out,
            "{}  {:<13} {:<7} {fallen:>6.1} %  {} {}",
            clock(change.at),
            change.market,
            short(change.price),
            if tighter { ">" } else { "<" },
            in_words(&change.to)
        )
    }

    /// The bar on a terminal; nothing elsewhere.
    pub(super) fn progress(&mut self, now: Nanos) -> io::Result<()> {
        let mut err = io::stderr();
        if !err.is_terminal() {
            return Ok(());
        }
        self.bar = true;
        let done = (now.secs_since(self.from) / self.to.secs_since(self.from)).clamp(0.0, 1.0);
        let full = (done * 30.0) as usize;
        write!(err, "\r{}  [{}{}] {:>3.0} %", clock(now), "#".repeat(full), "-".repeat(30 - full), done * 100.0)
    }

    /// Clears the bar.
    pub(super) fn end_progress(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.bar) {
            write!(io::stderr(), "\r{:60}\r", "")?;
        }
        Ok(())
    }

    /// Tables, and where everything lies.
    pub(super) fn ending(
        &self,
        engine: &Engine,
        ending: &Ending,
        receiver: &Receiver,
        scraped: Option<&str>,
    ) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "\nWhat the gate said while the market fell\n{}", self.legs(engine));
        let _ = writeln!(text, "How far one venue left the other\n{}", self.apart(ending));
        let _ = writeln!(text, "First trip of each rule in each leg\n{}", self.first_trips(ending));
        let _ = writeln!(text, "What the engine asked, and what passed\n{}", asked(engine));
        let _ = writeln!(text, "{}", aftermath(ending, receiver, scraped));
        text
    }

    fn legs(&self, engine: &Engine) -> String {
        let head = ["market", "leg", "high", "low", "fall", "stance", "at (UTC)", "price", "still to come"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for (_, market) in markets() {
            for (leg, from, to) in LEGS {
                let (Ok(from), Ok(to)) = (instant(from), instant(to)) else { continue };
                rows.extend(self.leg(engine, market, leg, from.max(self.from), to.min(self.to)));
            }
        }
        lay_out(&rows)
    }

    /// The one-venue dislocation: what both said at the low, and when it was told.
    fn apart(&self, ending: &Ending) -> String {
        let [own, other] = DISLOCATED;
        let Some((_, (at, low))) = self.extremes(own, self.from, self.to) else { return String::new() };
        let Some(there) = self.crash.price(other, at) else { return String::new() };
        let told = |leg_begins: &str| {
            let begin = instant(LEGS[1].1).unwrap_or(self.from);
            let first = ending.records.iter().find(|record| match &record.fact {
                Fact::Trip { market, detector, leg, .. } => {
                    record.at >= begin
                        && market.ends_with(own)
                        && detector == "dislocation"
                        && leg.starts_with(leg_begins)
                }
                _ => false,
            });
            first.map_or("never".to_owned(), |record| clock(record.at))
        };
        let head = ["at (UTC)", own, other, "apart", "told against the index", "against the other venue"];
        let row = [
            clock(at),
            short(low),
            short(there),
            format!("{:.0} %", (1.0 - low / there) * 100.0),
            told("index"),
            told("venue"),
        ];
        lay_out(&[head.map(str::to_owned).to_vec(), row.to_vec()])
    }

    /// The first trip of every rule in every leg of every market, with what was still to come and its delay: from the
    /// venue's time to the decision, in our time.
    fn first_trips(&self, ending: &Ending) -> String {
        let head = [
            "market",
            "leg",
            "rule",
            "at (UTC)",
            "delay",
            "price",
            "still to come",
            "detector",
            "score",
            "limit",
            "evidence",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for (venue, market) in markets() {
            for (leg, from, to) in LEGS {
                let (Ok(from), Ok(to)) = (instant(from), instant(to)) else { continue };
                let Some((high, low)) = self.extremes(market, from.max(self.from), to.min(self.to)) else { continue };
                let mut seen: Vec<&str> = Vec::new();
                for record in ending.records.iter().filter(|record| record.at >= from && record.at < to) {
                    let Fact::Trip {
                        market: name, rule, detector, leg: part, score, limit, evidence, venue_at, ..
                    } = &record.fact
                    else {
                        continue;
                    };
                    if *name != format!("{venue}:{market}") || rule.is_empty() || seen.contains(&rule.as_str()) {
                        continue;
                    }
                    seen.push(rule);
                    let price = self.crash.price(market, record.at).unwrap_or(high.1);
                    rows.push(vec![
                        market.to_owned(),
                        leg.to_owned(),
                        rule.clone(),
                        clock(record.at),
                        format!("{:.1} ms", record.at.secs_since(*venue_at) * 1000.0 / self.speed),
                        short(price),
                        format!("{:.0} %", ((price - low.1) / (high.1 - low.1)).clamp(0.0, 1.0) * 100.0),
                        format!("{detector}.{part}"),
                        short(*score),
                        short(*limit),
                        evidence.0.first().map_or(String::new(), |first| {
                            format!("{} {} {}", first.name, short(first.value), first.unit)
                        }),
                    ]);
                }
            }
        }
        lay_out(&rows)
    }

    /// Highest price before the lowest, and the lowest, each with its time.
    fn extremes(&self, market: &str, from: Nanos, to: Nanos) -> Option<((Nanos, f64), (Nanos, f64))> {
        let path = self.crash.path(market, from, to);
        let low = path.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let before = path.iter().copied().filter(|(at, _)| *at <= low.0);
        Some((before.max_by(|a, b| a.1.total_cmp(&b.1))?, low))
    }

    fn leg(&self, engine: &Engine, market: &str, leg: &str, from: Nanos, to: Nanos) -> Vec<Vec<String>> {
        let Some(((high_at, high), (low_at, low))) = self.extremes(market, from, to) else { return Vec::new() };
        let mut head = vec![
            market.to_owned(),
            leg.to_owned(),
            format!("{} {}", short(high), clock(high_at)),
            format!("{} {}", short(low), clock(low_at)),
            format!("{:.1} %", (1.0 - low / high) * 100.0),
        ];
        let mut rows = Vec::new();
        for stance in [Stance::Caution, Stance::ReduceOnly, Stance::Halt] {
            let Some((at, price)) = reached(engine, market, stance, (high_at, high), low_at) else { continue };
            let mut row = if rows.is_empty() { std::mem::take(&mut head) } else { vec![String::new(); 5] };
            let share = ((price - low) / (high - low)).clamp(0.0, 1.0) * 100.0;
            row.extend([stance.name().to_owned(), clock(at), short(price), format!("{share:.0} %")]);
            rows.push(row);
        }
        if rows.is_empty() {
            head.push("Normal until its low".to_owned());
            rows.push(head);
        }
        rows
    }
}

fn aftermath(ending: &Ending, receiver: &Receiver, scraped: Option<&str>) -> String {
    let (verified, refused) = receiver.counts();
    let mut text = String::new();
    let _ = writeln!(text, "webhooks   {verified} received with a good signature, {refused} without");
    let _ = writeln!(text, "exec hook  {} messages", ending.exec_lines);
    let _ = writeln!(text, "store      {}", ending.verdict);
    let _ = writeln!(text, "engine     {}", acknowledged(scraped.unwrap_or_default()));
    let trips = scraped.map(|text| text.lines().filter(|line| line.starts_with("fusewire_trips_total")).count());
    let _ = match trips {
        Some(trips) => writeln!(text, "metrics    scraped; {trips} series of fusewire_trips_total"),
        None => writeln!(text, "metrics    not reachable"),
    };
    for page in &ending.pages {
        let _ = writeln!(text, "incident   {}", page.display());
    }
    text
}

/// What the daemon has heard of its engine, by its metrics.
fn acknowledged(scraped: &str) -> String {
    let value = |series: &str| {
        let line = scraped.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or("no", str::trim)
    };
    let orders = |verdict: &str| value(&format!("fusewire_ack_orders_total{{verdict=\"{verdict}\"}}")).to_owned();
    match value("fusewire_ack_fresh") {
        "1" => {
            format!("acknowledges; {} orders allowed, {} denied by its own count", orders("allowed"), orders("denied"))
        }
        _ => "does not acknowledge".to_owned(),
    }
}

/// When the gate was first at least so strict during a fall: at its top, where it stood so already.
fn reached(engine: &Engine, market: &str, stance: Stance, top: (Nanos, f64), low_at: Nanos) -> Option<(Nanos, f64)> {
    let own = || engine.changes.iter().filter(|change| change.market == market);
    // What stands a moment after the top: a market whose first price is its top has only just left its start.
    let settled = top.0.plus_secs(5.0);
    let before = own().rev().find(|change| change.at <= settled);
    if before.is_some_and(|change| change.to.stance() >= stance) {
        return Some(top);
    }
    let first = own().find(|change| change.at > settled && change.at <= low_at && change.to.stance() >= stance)?;
    Some((first.at, first.price))
}

fn asked(engine: &Engine) -> String {
    let head = ["under", "open 100", "passed", "reduce 100", "passed", "exit", "passed"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for stance in Stance::ALL {
        let asked = engine.asked(stance);
        let pairs = [asked.opens, asked.reduces, asked.exits];
        let mut row = vec![stance.name().to_owned()];
        row.extend(pairs.iter().flat_map(|(all, passed)| [all.to_string(), passed.to_string()]));
        rows.push(row);
    }
    lay_out(&rows)
}

/// A permission in the words of the desk.
fn in_words(permission: &Permission) -> String {
    let mut text = match permission.stance() {
        Stance::Normal => "trade as usual".to_owned(),
        Stance::Caution => "open with care".to_owned(),
        Stance::ReduceOnly => "only reduce".to_owned(),
        Stance::Halt => "only exit and cancel".to_owned(),
    };
    if permission.size_factor() < 1.0 && permission.stance() <= Stance::Caution {
        let _ = write!(text, ", {:.0} % of the size", permission.size_factor() * 100.0);
    }
    format!("{:<11} {text}", permission.stance().name())
}

/// Hours, minutes and seconds of a day.
fn clock(at: Nanos) -> String {
    at.to_string().chars().skip(11).take(8).collect()
}
