//! A webhook: one signed POST an attempt, to the URL in the config and nowhere else.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Error};

use super::address::{Reach, says_loopback};
use super::answer::printable;
use super::date::http_date;
use super::sign::{Key, signature};
use super::{Answer, Carrier, Outcome, Parcel, Secret};
use crate::event::Nanos;

/// Most that is read of an answer.
const ANSWER_BYTES: u64 = 64 * 1024;

/// How a webhook is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where; `https`, or `http` on loopback and with `allow_private`. Secret, for chat services put their key into it.
    pub url: Secret,
    /// Signing keys `whsec_<base64>`, newest first; none for a receiver that checks no signature.
    pub secrets: Vec<Secret>,
    /// More headers, as in `authorization`.
    pub headers: Vec<(String, Secret)>,
    /// An attempt ends after so many milliseconds, whatever the receiver does.
    pub timeout_ms: u64,
    /// Whether the name may resolve to a private address.
    pub allow_private: bool,
}

impl Settings {
    /// An attempt's time where the config is silent.
    pub const DEFAULT_TIMEOUT_MS: u64 = 10_000;

    /// An unsigned webhook with the default timeout.
    pub const fn new(url: Secret) -> Self {
        let timeout_ms = Self::DEFAULT_TIMEOUT_MS;
        Self { url, secrets: Vec::new(), headers: Vec::new(), timeout_ms, allow_private: false }
    }

    pub(super) fn carrier(&self) -> Result<Box<dyn Carrier>, String> {
        let (uri, reach) = self.target()?;
        if !(10..=600_000).contains(&self.timeout_ms) {
            return Err(format!("timeout_ms: must be between 10 and 600000, got {}", self.timeout_ms));
        }
        let keys: Result<Vec<_>, _> = self.secrets.iter().map(Key::parse).collect();
        let keys = keys.map_err(|why| format!("secrets: {why}"))?;
        let headers = self.headers.iter().map(header).collect::<Result<_, _>>()?;
        let agent = agent(Duration::from_millis(self.timeout_ms), reach);
        let mut blots: Vec<_> =
            self.secrets.iter().chain(self.headers.iter().map(|(_, value)| value)).cloned().collect();
        blots.push(self.url.clone());
        blots.extend(uri.path_and_query().filter(|p| p.as_str() != "/").map(|p| Secret::new(p.as_str())));
        Ok(Box::new(Webhook { agent, uri, keys, headers, blots }))
    }

    fn target(&self) -> Result<(Uri, Reach), String> {
        let uri: Uri = self.url.reveal().parse().map_err(|_| "url: must be a URL, as in https://host/path")?;
        let authority = uri.authority().ok_or("url: must name a host")?;
        if authority.as_str().contains('@') {
            return Err("url: must not hold a user (use headers)".to_owned());
        }
        let reach = Reach { loopback: says_loopback(authority.host()), private: self.allow_private };
        match uri.scheme_str() {
            Some("https") => Ok((uri, reach)),
            Some("http") if reach.loopback || reach.private => Ok((uri, reach)),
            Some("http") => Err("url: must be https off loopback (or set allow_private = true)".to_owned()),
            _ => Err("url: must begin with https:// or http://".to_owned()),
        }
    }
}

/// A header of the config; the value marked so that no library prints it.
fn header((name, value): &(String, Secret)) -> Result<(HeaderName, HeaderValue), String> {
    let bad = || format!("headers: {name:?} or its value is no header");
    let mut value: HeaderValue = value.reveal().parse().map_err(|_| bad())?;
    value.set_sensitive(true);
    Ok((name.parse().map_err(|_| bad())?, value))
}

fn agent(timeout: Duration, reach: Reach) -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::WebPki)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(timeout))
        .max_idle_age(Duration::from_secs(5))
        .user_agent(concat!("fusewire/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, DefaultConnector::new(), Guard { reach, inner: DefaultResolver::default() })
}

/// Resolves, and refuses a name of which any address lies where no receiver may be. Connections are made to exactly the
/// addresses checked here.
#[derive(Debug)]
struct Guard {
    reach: Reach,
    inner: DefaultResolver,
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        match found.iter().try_for_each(|address| self.reach.check(address.ip())) {
            Ok(()) => Ok(found),
            Err(why) => Err(Error::Other(why.into())),
        }
    }
}

struct Webhook {
    agent: Agent,
    uri: Uri,
    keys: Vec<Key>,
    headers: Vec<(HeaderName, HeaderValue)>,
    blots: Vec<Secret>,
}

impl Carrier for Webhook {
    fn carry(&mut self, parcel: Parcel<'_>) -> Answer {
        match self.post(parcel) {
            Ok(response) => self.judge(response, parcel.at),
            Err(error) => Answer::failed(self.clean(&explain(&error))),
        }
    }
}

impl Webhook {
    fn post(&self, parcel: Parcel<'_>) -> Result<Response<Body>, Error> {
        let (id, body) = (&parcel.message.id, &parcel.message.body);
        let timestamp = parcel.at.0.div_euclid(Nanos::SECOND);
        let mut request = self
            .agent
            .post(&self.uri)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string());
        if !self.keys.is_empty() {
            request = request.header("webhook-signature", signature(&self.keys, id, timestamp, body));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send(body)
    }

    fn judge(&self, mut response: Response<Body>, now: Nanos) -> Answer {
        let status = response.status();
        let retry_after_secs = retry_after(&response, now);
        // Read to the end also on success: only then is the connection kept for the next one.
        let mut said = Vec::new();
        let _ = response.body_mut().as_reader().take(ANSWER_BYTES).read_to_end(&mut said);
        let said = self.clean(&String::from_utf8_lossy(&said));
        match status.as_u16() {
            200..=299 => Answer { outcome: Outcome::Delivered, detail: status.as_u16().to_string() },
            410 => Answer { outcome: Outcome::Gone, detail: "410: the receiver is gone for good".to_owned() },
            code @ 300..=399 => Answer::failed(format!("{code}: redirects are not followed")),
            code => Answer { outcome: Outcome::Failed { retry_after_secs }, detail: format!("{code}: {said}") },
        }
    }

    fn clean(&self, text: &str) -> String {
        printable(&self.blots.iter().fold(text.to_owned(), |text, secret| secret.blot(&text)))
    }
}

/// Seconds that the receiver asks for, as a number or as a date.
fn retry_after(response: &Response<Body>, now: Nanos) -> Option<f64> {
    let text = response.headers().get("retry-after")?.to_str().ok()?.trim();
    match text.parse::<u32>() {
        Ok(secs) => Some(f64::from(secs)),
        Err(_) => http_date(text).map(|at| at.secs_since(now)),
    }
}

/// An error in words; those of ureq that would repeat the URL are left out.
fn explain(error: &Error) -> String {
    match error {
        Error::Timeout(phase) => format!("timed out ({phase})"),
        Error::Io(error) => error.to_string(),
        Error::HostNotFound => "host not found".to_owned(),
        Error::ConnectionFailed => "connection failed".to_owned(),
        Error::Rustls(error) => error.to_string(),
        Error::Protocol(error) => error.to_string(),
        Error::Other(error) => error.to_string(),
        _ => "the request could not be made".to_owned(),
    }
}
