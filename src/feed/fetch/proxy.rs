//! Which proxy to go through, as the environment says. A value that cannot be used is an error: silently going around a proxy is
//! not what its owner wants.

use ureq::Proxy;
use ureq::ProxyProtocol;
use ureq::http::Uri;

/// The proxy for `uri`. `env` gives the variables of the environment: `https_proxy` or `http_proxy` by the scheme, then
/// `all_proxy`, small letters first; `no_proxy` names hosts to be reached without one.
pub(super) fn proxy_for(uri: &Uri, env: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, String> {
    let scheme = if uri.scheme_str() == Some("http") { "http_proxy" } else { "https_proxy" };
    let host = uri.host().unwrap_or_default();
    let Some((name, value)) = [scheme, "all_proxy"].into_iter().find_map(|name| either(name, &env)) else {
        return Ok(None);
    };
    let except = either("no_proxy", &env).map(|(_, list)| list).unwrap_or_default();
    if except.split(',').any(|entry| spares(entry.trim(), host)) {
        return Ok(None);
    }
    // The value is not repeated: it may hold a password.
    let proxy = Proxy::new(&value)
        .map_err(|_| format!("{name} holds no address of a proxy, as in http://proxy.example.com:3128"))?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(Some(proxy)),
        other => Err(format!("{name} names a proxy of {other}; only HTTP proxies are spoken to")),
    }
}

/// A variable that says something, in small letters or else in capitals.
fn either(name: &str, env: &impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    [name.to_owned(), name.to_ascii_uppercase()].into_iter().find_map(|name| {
        let value = env(&name).filter(|value| !value.is_empty())?;
        Some((name, value))
    })
}

/// Whether an entry of `no_proxy` is of this host: `*`, the host itself, or a domain above it with or without a dot.
fn spares(entry: &str, host: &str) -> bool {
    let (entry, host) = (entry.to_ascii_lowercase(), host.to_ascii_lowercase());
    let domain = entry.trim_start_matches('*').trim_start_matches('.');
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    entry == "*"
        || (!domain.is_empty() && (bare == domain || bare.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, env: &[(&str, &str)]) -> String {
        let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        match proxy_for(&url.parse().unwrap(), get) {
            Ok(Some(proxy)) => format!("{}:{}", proxy.host(), proxy.port()),
            Ok(None) => "none".to_owned(),
            Err(why) => why,
        }
    }

    #[test]
    fn the_scheme_chooses_the_variable_and_small_letters_win() {
        let env =
            [("HTTPS_PROXY", "http://a:1"), ("http_proxy", "b:2"), ("ALL_PROXY", "http://c:3"), ("https_proxy", "")];
        assert_eq!(chosen("https://data.binance.vision/", &env), "a:1");
        assert_eq!(chosen("http://127.0.0.1:9/", &env), "b:2");
        assert_eq!(chosen("https://data.binance.vision/", &env[2..]), "c:3");
        assert_eq!(chosen("https://data.binance.vision/", &[]), "none");
    }

    #[test]
    fn hosts_are_spared_by_name_and_by_domain() {
        for (list, spared) in [
            ("data.binance.vision", true),
            ("example.com, Binance.Vision", true),
            (".binance.vision", true),
            ("*.vision", true),
            ("*", true),
            ("nance.vision", false),
            ("data.binance.vision.example.com", false),
            ("", false),
            (",.,", false),
        ] {
            let got = chosen("https://data.binance.vision/", &[("https_proxy", "http://a:1"), ("NO_PROXY", list)]);
            assert_eq!(got == "none", spared, "{list}: {got}");
        }
        assert_eq!(chosen("http://[::1]:9/", &[("http_proxy", "http://a:1"), ("no_proxy", "::1")]), "none");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for value in ["http://", "ftp://user:secret@a", "socks5://user:secret@a:1", "http://user:secret@ b"] {
            let why = chosen("https://data.binance.vision/", &[("https_proxy", value)]);
            assert!(why.starts_with("https_proxy ") && !why.contains("secret"), "{value}: {why}");
        }
    }
}
