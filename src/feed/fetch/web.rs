//! One request at a time to one server: https, or http to this machine; through a proxy where the environment says so. No
//! redirect is followed, and every wait has an end.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{Agent, Body, Error};

use super::proxy::proxy_for;
use super::tls::Tls;
use crate::feed::session::printable;
use crate::feed::trust::Trust;

/// Where Binance keeps its public files.
pub const BASE: &str = "https://data.binance.vision";

/// How long a connection may take, its TLS and its proxy included.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

/// The longest pause that a server may ask for.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A server's address with nothing behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// Reads an address as `https://host[:port][/folder]`; `http` only to a loopback address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape = || format!("`{}` must be https://host, or http://127.0.0.1:port on this machine", printable(text));
        let uri: Uri = text.parse().map_err(|_| shape())?;
        let (host, authority) = uri.host().zip(uri.authority()).ok_or_else(shape)?;
        let is_plain = !authority.as_str().contains('@') && uri.query().is_none();
        let loopback = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match uri.scheme_str() {
            Some("https") if is_plain => {}
            Some("http") if is_plain && loopback => {}
            _ => return Err(shape()),
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The address of a path below it.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

/// A client of one server.
#[derive(Debug)]
pub struct Web {
    agent: Agent,
}

/// What a server sends: from where on, and how long the whole is, where it says so.
pub(super) struct Answer {
    pub(super) from: u64,
    pub(super) total: Option<u64>,
    pub(super) body: Box<dyn Read>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server has no such file.
    Missing,
    /// What was asked for begins behind the end of the file.
    Behind,
    /// It may do better after a pause, as long as the server says.
    Passing(String, Option<Duration>),
    /// It will not do better.
    Lasting(String),
}

impl Web {
    /// A client of `base` that believes whom `trust` covers. A server silent for `stall` is given up. `env` gives the
    /// variables of the environment, for the proxy.
    pub fn new(
        base: &Base,
        trust: Trust,
        stall: Duration,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let uri: Uri = base.0.parse().map_err(|_| "the address cannot be read".to_owned())?;
        let config = Agent::config_builder()
            .proxy(proxy_for(&uri, env)?)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_resolve(Some(CONNECT_WITHIN))
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_per_read(Some(stall))
            .timeout_per_write(Some(stall))
            .timeout_recv_response(Some(stall.max(CONNECT_WITHIN)))
            .user_agent(concat!("fusewire/", env!("CARGO_PKG_VERSION")))
            .build();
        let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(Tls(trust));
        Ok(Self { agent: Agent::with_parts(config, connector, DefaultResolver::default()) })
    }

    /// Asks for a file, from byte `from` on.
    pub(super) fn get(&self, url: &str, from: u64) -> Result<Answer, Trouble> {
        let mut request = self.agent.get(url).header("accept-encoding", "identity");
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        let response = request.call().map_err(|error| trouble(&error))?;
        match response.status().as_u16() {
            200 => {
                let total = response.body().content_length();
                Ok(Answer { from: 0, total, body: Box::new(response.into_body().into_reader()) })
            }
            206 if from > 0 => {
                let said = header(&response, "content-range").and_then(content_range);
                let (first, total) = said.ok_or_else(|| lasting("206: a part without saying which"))?;
                if first != from {
                    return Err(lasting("206: another part than was asked for"));
                }
                Ok(Answer { from, total, body: Box::new(response.into_body().into_reader()) })
            }
            404 | 410 => Err(Trouble::Missing),
            416 if from > 0 => Err(Trouble::Behind),
            code @ (408 | 425 | 429 | 500..=599) => {
                Err(Trouble::Passing(format!("the server answers {code}"), retry_after(&response)))
            }
            code @ 300..=399 => Err(lasting(&format!("the server answers {code}: redirects are not followed"))),
            code => Err(lasting(&format!("the server answers {code}"))),
        }
    }
}

fn lasting(why: &str) -> Trouble {
    Trouble::Lasting(why.to_owned())
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// First byte and length of the whole, of `bytes 5-9/10`; of a length that is not known, `*`, nothing.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    (first <= last && total.is_none_or(|total| last < total)).then_some((first, total))
}

/// The pause that the server asks for, in whole seconds, bounded.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let secs = header(response, "retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(secs).min(PAUSE_MAX))
}

/// What an error means; texts of the other side are made safe to print.
fn trouble(error: &Error) -> Trouble {
    match error {
        Error::Other(why) => Trouble::Lasting(printable(&why.to_string())),
        Error::Rustls(why) => Trouble::Lasting(printable(&why.to_string())),
        Error::Tls(why) => lasting(why),
        other => Trouble::Passing(explain(other), None),
    }
}

fn explain(error: &Error) -> String {
    match error {
        Error::Timeout(phase) => format!("no answer in time ({phase})"),
        Error::HostNotFound => "the host was not found".to_owned(),
        Error::ConnectionFailed => "no connection".to_owned(),
        Error::ConnectProxyFailed(why) => format!("the proxy refuses: {}", printable(why)),
        other => printable(&other.to_string()),
    }
}

/// Why the reading of a body ended.
pub(super) fn explain_read(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner.map_or_else(|| printable(&error.to_string()), explain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_goes_to_this_machine_only() {
        for good in [BASE, "https://mirror.example.com:8443/binance/", "http://127.0.0.1:8080", "http://[::1]:9/"] {
            let base = Base::parse(good).unwrap();
            assert_eq!(base.url("data/x.zip"), format!("{}/data/x.zip", good.trim_end_matches('/')), "{good}");
        }
        for bad in [
            "",
            "data.binance.vision",
            "http://data.binance.vision",
            "http://localhost:80",
            "ftp://127.0.0.1",
            "http://127.0.0.1.example.com",
            "https://user:secret@host",
            "https://host/?x=1",
            "http://10.0.0.1",
            "file:///etc",
        ] {
            assert!(Base::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_are_read_strictly() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in
            ["", "bytes", "bytes 5-9", "bytes 9-5/10", "bytes 5-10/10", "bytes -9/10", "lines 5-9/10", "bytes x-9/10"]
        {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
