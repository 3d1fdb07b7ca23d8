//! The daemon's end of the control socket: takes visitors in, reads their requests, lets the engine answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::socket::Control;
use super::who;
use super::wire::{LINE_MAX, Request, Response};
use crate::breaker::{Permission, Stance};
use crate::engine::Action;
use crate::feed::spelling;
use crate::market::Markets;
use crate::metrics::Vitals;
use crate::record::Who;
use crate::serve::{Backend, GOODBYE, Status, alive, is_younger, stopping, view};
use crate::trip::Scope;

/// Most visitors at a time; further ones wait at the door.
pub const VISITORS_MAX: usize = 16;

/// How long a request may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the engine and the disk may take.
const ASK_PATIENCE: Duration = Duration::from_secs(10);

/// Longest reason, characters.
const REASON_MAX: usize = 2000;

impl Control {
    pub(in crate::serve) async fn run(self, backend: Arc<dyn Backend>, stopped: watch::Receiver<bool>) {
        let Ok(listener) = self.listener.try_clone().and_then(UnixListener::from_std) else { return };
        let seats = Arc::new(Semaphore::new(VISITORS_MAX));
        let mut visits = JoinSet::new();
        let receive = async {
            loop {
                let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let backend = Arc::clone(&backend);
                        visits.spawn(async move {
                            // A visitor that leaves in the middle has nobody to tell.
                            let _ = visit(stream, &backend).await;
                            drop(seat);
                        });
                    }
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
                while visits.try_join_next().is_some() {}
            }
        };
        tokio::select! {
            () = receive => {}
            () = stopping(stopped) => {}
        }
        let _ = timeout(GOODBYE, async { while visits.join_next().await.is_some() {} }).await;
    }
}

async fn visit(stream: UnixStream, backend: &Arc<dyn Backend>) -> io::Result<()> {
    let who = who::of(&stream)?;
    let mut stream = BufReader::new(stream);
    loop {
        let (response, more) = match timeout(PATIENCE, read(&mut stream)).await {
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(line))) if line.len() > LINE_MAX => {
                (refused(format!("a request has at most {LINE_MAX} bytes")), false)
            }
            Ok(Ok(Some(line))) => (answer(&line, &who, backend).await, true),
            Ok(Err(why)) => return Err(why),
            Err(_) => (refused(format!("no request came within {} s", PATIENCE.as_secs())), false),
        };
        let mut text = serde_json::to_vec(&response)?;
        text.push(b'\n');
        timeout(PATIENCE, stream.write_all(&text)).await??;
        if !more {
            return Ok(());
        }
    }
}

/// A line, or what there was of it when it grew too long; `None` at the end.
async fn read(stream: &mut BufReader<UnixStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = LINE_MAX as u64 + 2;
    stream.take(limit).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    line.pop_if(|last| *last == b'\n');
    Ok(Some(line))
}

async fn answer(line: &[u8], who: &Who, backend: &Arc<dyn Backend>) -> Response {
    let request = match Request::read(line) {
        Ok(request) => request,
        Err(why) => return refused(why),
    };
    let vitals = backend.vitals();
    let asked = match request {
        Request::Status {} => return Response::Status { status: status(&vitals, backend.as_ref()).await },
        Request::Breakers {} => return Response::Breakers { breakers: view::breakers(&vitals) },
        Request::Incidents {} => {
            let open = vitals.incident_counts.iter().flatten().sum();
            return Response::Incidents { incidents: vitals.incidents.clone(), open };
        }
        change => understood(change, &vitals),
    };
    match asked {
        Ok((action, reason)) => put(action, reason, who, backend).await,
        Err(why) => refused(why),
    }
}

/// The market that `market:` with a spelling of another tool means, where it is one and no other.
fn spelled(name: &str, table: &Markets) -> Option<Scope> {
    let names: Vec<String> = table.iter().map(|(_, market)| market.to_string()).collect();
    match spelling::among(name.strip_prefix("market:")?, names.iter().map(String::as_str)).as_slice() {
        [only] => Scope::parse(&format!("market:{only}"), table),
        _ => None,
    }
}

/// Names become scopes and stances.
fn understood(request: Request, vitals: &Vitals) -> Result<(Action, String), String> {
    let scope_of = |name: &str| {
        Scope::parse(name, &vitals.table).or_else(|| spelled(name, &vitals.table)).ok_or_else(|| {
            format!("scope {name:?} is not known (try market:VENUE:NATIVE, venue:NAME, asset:NAME or everything)")
        })
    };
    let (action, reason) = match request {
        Request::Trip { scope, stance, reason } => {
            let stance = Stance::parse(&stance)
                .filter(|stance| *stance != Stance::Normal)
                .ok_or_else(|| format!("stance {stance:?} does not tighten (try Caution, ReduceOnly or Halt)"))?;
            (Action::Trip { scope: scope_of(&scope)?, permission: Permission::of(stance) }, reason)
        }
        Request::Rearm { scope, rule, version, reason } => {
            (Action::Rearm { scope: scope_of(&scope)?, rule, version }, reason)
        }
        Request::Ack { incident, reason } => (Action::Acknowledge { incident }, reason),
        Request::Resolve { incident, reason } => (Action::Resolve { incident }, reason),
        Request::Comment { incident, reason } => (Action::Comment { incident }, reason),
        Request::Status {} | Request::Breakers {} | Request::Incidents {} => {
            return Err("this changes nothing".to_owned());
        }
    };
    check_reason(&reason)?;
    Ok((action, reason))
}

fn check_reason(reason: &str) -> Result<(), String> {
    if reason.chars().count() > REASON_MAX {
        return Err(format!("a reason has at most {REASON_MAX} characters"));
    }
    if reason.chars().any(char::is_control) {
        return Err("a reason is one line of plain text".to_owned());
    }
    Ok(())
}

async fn put(action: Action, reason: String, who: &Who, backend: &Arc<dyn Backend>) -> Response {
    let asked = {
        let (backend, who) = (Arc::clone(backend), who.clone());
        spawn_blocking(move || backend.ask(who, reason, action, ASK_PATIENCE)).await
    };
    match asked {
        Ok(Ok(answer)) => {
            // Who trips and then lists shall see the trip.
            is_younger(backend.as_ref(), Duration::from_millis(250)).await;
            Response::Done { answer, by: who.name.clone() }
        }
        Ok(Err(why)) => refused(why),
        Err(_) => refused("the daemon is stopping; look whether it was done".to_owned()),
    }
}

async fn status(vitals: &Vitals, backend: &dyn Backend) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        alive: alive(backend).await.err().unwrap_or_default(),
        ready: backend.ready().err().unwrap_or_default(),
        at_ns: vitals.at,
        inputs: vitals.inputs,
        markets: vitals.markets.len(),
        bound: vitals.markets.iter().filter(|market| market.permission != Permission::FREE).count(),
        breakers: vitals.breakers.len(),
        incidents: vitals.incident_counts.iter().flatten().sum(),
    }
}

const fn refused(why: String) -> Response {
    Response::Refused { why }
}
