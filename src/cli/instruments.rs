//! `fusewire instruments`: contract sizes and what else is known of markets, and who says so.

mod answer;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::table::lay_out;
use super::{Exit, Fault, clock, replay, say};
use crate::feed::listing::{Cursor, LISTINGS, Listed, Listing, Pages, word};
use crate::live::Settings;
use crate::market::{ContractSize, Market};

/// What is known of markets: contract sizes, assets, kinds.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(ListArgs),
    Refresh(RefreshArgs),
}

/// List the markets of a config's feeds and every instrument of its venues that is known wholly, with who says so.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire instruments list -c config.toml
  fusewire instruments list -c config.toml --json

Exit codes: 0 ok, 1 failure, 78 a config with faults.")]
struct ListArgs {
    /// The config; the shipped one by default.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON list instead of a table.
    #[arg(long)]
    json: bool,
}

/// Read a venue's public listing of instruments and write it as a file that a config names under [instruments].
///
/// Over HTTPS, through the proxy of `HTTPS_PROXY` where one is set; nothing is followed elsewhere. A listing of several pages is
/// read to its end. What cannot be told is left out and counted. The old file stays until the new one is whole.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire instruments refresh okx
  fusewire instruments refresh bitmex --out /etc/fusewire/bitmex.toml
  fusewire instruments refresh okx --from swaps.json --from spot.json    answers fetched elsewhere
  fusewire instruments refresh okx --from https://proxy.example/okx/swaps

Then, in config.toml:
  [instruments]
  files = [\"instruments-okx.toml\"]

Exit codes: 0 ok, 1 failure, 2 usage.")]
struct RefreshArgs {
    /// The venue.
    venue: String,
    /// Where to read it instead: a file, https://, or http:// on loopback. May be given several times.
    #[arg(long, value_name = "FILE|URL")]
    from: Vec<String>,
    /// Where to write it; `instruments-VENUE.toml` by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Refresh(args) => refresh(args),
    }
}

fn list(args: &ListArgs) -> Result<Exit, Fault> {
    let rows = known(&replay::settings(args.config.as_deref())?);
    if args.json {
        let object = |(market, source): &(Market, String)| json!({ "market": market.to_string(), "known": market, "source": source });
        say::json(&rows.iter().map(object).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let head = ["market", "asset", "quote", "kind", "contract", "source"].map(str::to_owned).to_vec();
    let row = |(market, source): &(Market, String)| {
        let contract = contract(market);
        let Market { asset, quote, kind, .. } = market;
        vec![market.to_string(), asset.clone(), quote.clone(), word(*kind).to_owned(), contract, source.clone()]
    };
    let rows: Vec<_> = [head].into_iter().chain(rows.iter().map(row)).collect();
    say::text(&lay_out(&rows))?;
    Ok(Exit::Ok)
}

/// Every market of the feeds and every instrument that is known wholly, by name.
fn known(settings: &Settings) -> Vec<(Market, String)> {
    let catalog = &settings.catalog;
    let of_feeds = settings.feeds.iter().flat_map(|feed| feed.markets.iter().map(|native| (&*feed.venue, &**native)));
    let of_files = catalog.instruments().iter().filter_map(|(name, _)| name.split_once(':'));
    let names: BTreeSet<(&str, &str)> = of_feeds.chain(of_files).collect();
    let row = |(venue, native): (&str, &str)| {
        let market = catalog.market(venue, native)?;
        let told = catalog.instruments().get(&market.to_string()).and_then(|terms| terms.source.clone());
        let by_name =
            || format!("its name, as of {}", catalog.venue(venue).map_or_else(String::new, |v| v.checked().to_owned()));
        Some((market, told.unwrap_or_else(by_name)))
    };
    names.into_iter().filter_map(row).collect()
}

fn contract(market: &Market) -> String {
    match market.contract {
        ContractSize::Base(size) => format!("{size} {}", market.asset),
        ContractSize::Quote(size) => format!("{size} {}", market.quote),
    }
}

fn refresh(args: &RefreshArgs) -> Result<Exit, Fault> {
    let listing = LISTINGS.iter().find(|listing| listing.venue == args.venue).ok_or_else(|| {
        let names: Vec<&str> = LISTINGS.iter().map(|listing| listing.venue).collect();
        Fault::usage(format!("no listing of `{}` is read; choose from {}", args.venue.escape_debug(), names.join(", ")))
    })?;
    let (listed, sources) = read(listing, &args.from)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("instruments-{}.toml", listing.venue)));
    write(&out, &listed.to_toml(listing.venue, &sources.join(" "), clock::now_utc()))?;
    let (count, left_out) = (listed.instruments.len(), &listed.left_out);
    if args.json {
        let file = out.display().to_string();
        say::json(&json!({ "venue": listing.venue, "file": file, "instruments": count, "left_out": left_out }))?;
    } else {
        let reasons: Vec<String> = left_out.iter().map(|(why, count)| format!("{count} {why}")).collect();
        let rest = if reasons.is_empty() { String::new() } else { format!("; left out: {}", reasons.join(", ")) };
        say::text(&format!("{}: {count} instruments of {}{rest}\n", out.display(), listing.venue))?;
    }
    Ok(Exit::Ok)
}

/// Every answer of a listing, with where each was read.
fn read(listing: &Listing, from: &[String]) -> Result<(Listed, Vec<String>), Fault> {
    let sources: Vec<String> =
        if from.is_empty() { listing.urls.iter().map(|url| (*url).to_owned()).collect() } else { from.to_vec() };
    let mut listed = Listed::default();
    for (place, source) in sources.iter().enumerate() {
        let next = pages(listing, source, &mut listed)?;
        // Pages that were fetched elsewhere come one behind the other.
        if next.is_some() && place + 1 == sources.len() {
            return Err(anyhow::anyhow!("{source}: is one page of several, and the last one is missing").into());
        }
    }
    if listed.instruments.is_empty() {
        let left_out: u64 = listed.left_out.values().sum();
        return Err(anyhow::anyhow!(
            "{}: no instrument in it ({left_out} left out); nothing is written",
            sources.join(" ")
        )
        .into());
    }
    Ok((listed, sources))
}

/// Every page from here on; of a file, which is one page, what it says of the next.
fn pages(listing: &Listing, source: &str, listed: &mut Listed) -> Result<Option<Cursor>, Fault> {
    let (mut pages, mut at) = (Pages::default(), source.to_owned());
    loop {
        let text = answer::read(&at)?;
        let wrong = |why: String| anyhow::anyhow!("{at}: the answer {why}");
        let next = listed.read(listing, &text).map_err(wrong)?;
        match next {
            Some(cursor) if answer::is_url(source) => at = pages.next(source, cursor).map_err(wrong)?,
            next => return Ok(next),
        }
    }
}

/// Whole or not at all: a daemon that starts meanwhile reads the old file or the new one.
fn write(out: &Path, text: &str) -> Result<(), Fault> {
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let written =
        fs::write(&part, text).and_then(|()| fs::File::open(&part)?.sync_all()).and_then(|()| fs::rename(&part, out));
    Ok(written.map_err(|why| anyhow::anyhow!("{}: {why}", out.display()))?)
}
