//! One answer, from a file or over HTTP.

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Proxy};

use crate::feed::listing::ANSWER_MAX;

/// Time for a whole answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a file, or asks a server. Plain `http` never leaves the machine.
pub(super) fn read(source: &str) -> Result<String> {
    let text = if is_url(source) { ask(source) } else { file(source) };
    text.with_context(|| source.to_owned())
}

/// Whether it is asked of a server.
pub(super) fn is_url(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

fn file(path: &str) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(ANSWER_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > ANSWER_MAX {
        bail!("larger than {ANSWER_MAX} bytes");
    }
    Ok(text)
}

fn ask(url: &str) -> Result<String> {
    let uri: Uri = url.parse().context("no URL")?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if uri.scheme_str() == Some("http") && !is_loopback {
        bail!("must be https off loopback: anyone on the way could invent contract sizes");
    }
    let mut answer = agent(is_loopback).get(uri).header("accept", "application/json").call()?;
    let status = answer.status().as_u16();
    if status != 200 {
        bail!("the server answers {status}");
    }
    Ok(answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string()?)
}

/// Follows nothing, for the address was chosen; believes the public authorities. No proxy stands before this machine itself.
fn agent(is_loopback: bool) -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::WebPki)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let proxy = if is_loopback { None } else { Proxy::try_from_env() };
    let config = Agent::config_builder()
        .proxy(proxy)
        .tls_config(tls)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("fusewire/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}
