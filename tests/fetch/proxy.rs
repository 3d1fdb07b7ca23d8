//! A proxy on loopback that speaks CONNECT, and TLS in front of a server: what desks have between them and the world.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{Reply, Server};
use crate::{BYTES, DAY, files, fusewire, fusewire_with};

/// A proxy that leads every tunnel to one place, whatever was asked for, and keeps what was asked.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(place: SocketAddr, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || tunnel(client, place, answer, &seen));
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn tunnel(mut client: TcpStream, place: SocketAddr, answer: &str, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = String::new();
    while reader.read_line(&mut head).ok()? > 2 {}
    let line = |start: &str| head.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    seen.lock()
        .expect("no panic")
        .push(format!("{} {}", line("CONNECT"), line("Proxy-Authorization")).trim_end().to_owned());
    write!(client, "HTTP/1.1 {answer}\r\n\r\n").ok()?;
    if !answer.starts_with("200") {
        return None;
    }
    let mut server = TcpStream::connect(place).ok()?;
    let (mut back, mut there) = (server.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut there);
        let _ = there.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut reader, &mut server);
    Some(())
}

#[test]
fn a_plain_proxy_is_gone_through_unless_the_host_is_spared() {
    let server = Server::new(files(&[DAY]));
    let proxy = Proxy::to(format!("127.0.0.1:{}", server.port()).parse().expect("an address"), "200 Connected");
    let said = format!("http://desk:se%20cret@127.0.0.1:{}", proxy.port);
    let out = tempfile::tempdir().expect("a folder");
    let run = |env: &[(&str, &str)], base: &str| {
        fusewire_with(env, &["--from", "2025-10-10", "--base-url", base], out.path())
    };

    // Nobody listens at this address: only the proxy knows where to go.
    let (code, told, err) = run(&[("http_proxy", &said)], "http://127.0.0.99:9");
    assert_eq!(code, 0, "{told}{err}");
    // `desk:se cret`, as RFC 7617 writes it.
    let want = "CONNECT 127.0.0.99:9 HTTP/1.1 Proxy-Authorization: Basic ZGVzazpzZSBjcmV0";
    assert_eq!(proxy.asked(), [want, want]);
    assert!(!told.contains("cret") && !err.contains("cret"));

    let (code, _, err) = run(&[("http_proxy", &said), ("NO_PROXY", "example.com,127.0.0.1")], &server.base());
    assert_eq!(code, 0, "{err}");
    assert_eq!(proxy.asked().len(), 2, "a spared host went through the proxy");
}

#[test]
fn a_proxy_that_refuses_or_is_none_says_so_and_is_not_gone_around() {
    let server = Server::new(files(&[DAY]));
    let proxy = Proxy::to("127.0.0.1:9".parse().expect("an address"), "407 Who are you");
    let out = tempfile::tempdir().expect("a folder");
    let base = server.base();
    let args = ["--from", "2025-10-10", "--tries", "1", "--base-url", &base];
    let said = format!("http://desk:secret@127.0.0.1:{}", proxy.port);
    let (code, told, err) = fusewire_with(&[("http_proxy", &said)], &args, out.path());
    assert_eq!(code, 1);
    assert!(told.contains("the proxy refuses: proxy server responded 407"), "{told}{err}");
    let (code, told, err) = fusewire_with(&[("all_proxy", "socks5://desk:secret@127.0.0.1:9")], &args, out.path());
    assert_eq!((code, told.as_str()), (2, ""));
    assert!(err.contains("all_proxy names a proxy of SOCKS5") && !err.contains("secret"), "{err}");
    assert_eq!(server.requests(), []);
}

/// TLS in front of a server, with a certificate of an authority of its own for `data.example.com`.
struct Front {
    address: SocketAddr,
    ca: PathBuf,
    _folder: tempfile::TempDir,
}

impl Front {
    fn of(server: Server) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "an authority of a test");
        let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let ca = authority.self_signed(&ca_key).expect("a certificate").pem();
        let params = CertificateParams::new(vec!["data.example.com".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &Issuer::new(authority, ca_key)).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = config.with_single_cert(vec![certificate.der().clone()], key.into()).expect("papers");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (config, server) = (Arc::new(config), Arc::new(server));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, server) = (Arc::clone(&config), Arc::clone(&server));
                std::thread::spawn(move || {
                    let connection = ServerConnection::new(config).expect("a connection");
                    let mut stream = StreamOwned::new(connection, stream);
                    server.serve(&mut stream);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                });
            }
        });
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, ca).expect("written");
        Self { address, ca: path, _folder: folder }
    }
}

#[test]
fn https_goes_through_a_tunnel_and_trusts_the_desks_own_authority_when_told() {
    // Cut in the middle: what comes inside TLS is gone on with as well.
    let mut script = files(&[DAY]);
    script.push((DAY, vec![Reply::CutAfter(100, BYTES.to_vec()), Reply::Whole(BYTES.to_vec())]));
    let front = Front::of(Server::new(script));
    let proxy = Proxy::to(front.address, "200 Connected");
    let said = format!("http://127.0.0.1:{}", proxy.port);
    let out = tempfile::tempdir().expect("a folder");
    let ca = front.ca.to_str().expect("UTF-8");
    let run = |args: &[&str]| {
        let args = [&["--from", "2025-10-10", "--base-url", "https://data.example.com"], args].concat();
        fusewire_with(&[("HTTPS_PROXY", &said)], &args, out.path())
    };
    let (code, told, _) = run(&[]);
    assert_eq!(code, 1);
    assert!(told.contains("of no authority that is trusted (a proxy that looks into TLS needs --ca-file)"), "{told}");
    let (code, told, err) = run(&["--ca-file", ca]);
    assert_eq!(code, 0, "{told}{err}");
    assert!(proxy.asked().iter().all(|line| line == "CONNECT data.example.com:443 HTTP/1.1"), "{:?}", proxy.asked());
    let got = std::fs::read(out.path().join("binance-coinm/DOTUSD_PERP-trades-2025-10-10.zip")).expect("fetched");
    assert_eq!(got, BYTES);
}

#[test]
fn a_certificate_of_another_host_is_refused_at_once() {
    let front = Front::of(Server::new(files(&[DAY])));
    let out = tempfile::tempdir().expect("a folder");
    let base = format!("https://{}", front.address);
    let (code, told, err) = fusewire(
        &["--from", "2025-10-10", "--base-url", &base, "--ca-file", front.ca.to_str().expect("UTF-8")],
        out.path(),
    );
    assert_eq!(code, 1);
    assert!(told.contains("the server's certificate is refused: certificate not valid for name"), "{told}{err}");
    assert!(!err.contains("next try"), "{err}");
}
