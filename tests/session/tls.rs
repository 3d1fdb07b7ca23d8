//! Real sockets over TLS: whom the client believes, and what it says of those whom it does not.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use fusewire::engine::{FeedState, Input};
use fusewire::event::Kind;
use fusewire::feed::clock::{Clock, RealClock};
use fusewire::feed::session::SessionSettings;
use fusewire::feed::trust::Trust;
use fusewire::venue_sim::{VenueOptions, VenueServer};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::running::Running;
use crate::session;
use crate::sockets::{open, quick};

/// An authority of a test: it exists for as long as the test does.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// What a server shows of itself.
struct Papers {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn trust(&self) -> Trust {
        Trust::with(self.certificate.pem().as_bytes()).expect("an authority")
    }

    fn signs(&self, name: &str) -> Papers {
        self.signs_all(&params(name))
    }

    fn signs_all(&self, params: &CertificateParams) -> Papers {
        let key = KeyPair::generate().expect("a key");
        Papers { certificate: params.signed_by(&key, &self.issuer).expect("a certificate"), key }
    }
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("a name")
}

fn self_signed() -> Papers {
    let key = KeyPair::generate().expect("a key");
    Papers { certificate: params("127.0.0.1").self_signed(&key).expect("a certificate"), key }
}

/// TLS in front of a venue that speaks plain text.
struct Front {
    base: String,
    _runtime: tokio::runtime::Runtime,
}

impl Front {
    fn of(venue: &VenueServer, papers: &Papers) -> Self {
        let key = PrivatePkcs8KeyDer::from(papers.key.serialize_der());
        let _ = Trust::public();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![papers.certificate.der().clone()], key.into())
            .expect("papers");
        let behind: SocketAddr = venue.base().trim_start_matches("ws://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("wss://{}", listener.local_addr().expect("an address"));
        listener.set_nonblocking(true).expect("a socket");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not believe us hangs up in the handshake.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut venue = tokio::net::TcpStream::connect(behind).await.expect("the venue");
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut venue).await;
                });
            }
        });
        Self { base, _runtime: runtime }
    }
}

/// The first pauses after losses, at their longest.
const PAUSES: [f64; 3] = [0.2, 0.4, 0.8];

fn patient() -> SessionSettings {
    let (backoff_first_secs, backoff_max_secs) = (PAUSES[0], 2.0);
    SessionSettings { silence_secs: 30.0, quiet_silence_secs: 30.0, backoff_first_secs, backoff_max_secs, ..quick() }
}

fn running(base: &str, trust: Trust, clock: &Arc<dyn Clock>) -> Running {
    let session = session(base, "binance-coinm", &[Kind::Trade], patient(), clock.now());
    Running::trusting(trust, session, Arc::clone(clock))
}

/// Whether a report of a loss ends with a pause of between half and all of `whole` seconds; words round to tenths.
fn pauses(why: &str, whole: f64) -> bool {
    let (_, pause) = why.rsplit_once("; next try in ").unwrap_or_else(|| panic!("no pause in: {why}"));
    let pause: f64 = pause.trim_end_matches(" s").parse().expect("seconds");
    (whole / 2.0 - 0.051..=whole + 0.051).contains(&pause)
}

#[test]
fn a_venue_of_a_trusted_authority_delivers_over_tls() {
    let ours = Authority::new("ours");
    for name in ["127.0.0.1", "localhost"] {
        let (venue, clock) = open(VenueOptions::default());
        let front = Front::of(&venue, &ours.signs(name));
        let running = running(&front.base.replace("127.0.0.1", name), ours.trust(), &clock);
        running.until(FeedState::Subscribed);
        running.until(FeedState::Delivering);
        let ids = running.trades(20);
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
        assert_eq!((venue.progress().clients, running.counters().losses), (1, 0));
    }
}

/// Every refusal is a loss with its reason and a pause, tried again and refused again; not one word reaches the venue.
fn refuses(papers: &Papers, trust: Trust, want: &str) {
    let (venue, clock) = open(VenueOptions::default());
    let front = Front::of(&venue, papers);
    let running = running(&front.base, trust, &clock);
    for whole in PAUSES {
        let (before, why) = running.until(FeedState::Down);
        assert!(why.contains(want) && pauses(&why, whole), "{want}, {whole} s: {why}");
        let connecting = |input: &Input| matches!(input, Input::Feed(report) if report.state == FeedState::Connecting);
        assert!(before.iter().all(connecting), "{before:?}");
    }
    let progress = venue.progress();
    assert_eq!((progress.arrivals, progress.subscriptions), (0, 0));
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let ours = Authority::new("ours");
    refuses(
        &ours.signs("venue.example"),
        ours.trust(),
        "the server's certificate is refused: certificate not valid for name",
    );
}

#[test]
fn a_certificate_that_has_expired_is_refused() {
    let ours = Authority::new("ours");
    let mut old = params("127.0.0.1");
    (old.not_before, old.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    refuses(&ours.signs_all(&old), ours.trust(), "the server's certificate is refused: certificate expired");
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused() {
    let ours = Authority::new("ours");
    let mut early = params("127.0.0.1");
    (early.not_before, early.not_after) = (date_time_ymd(2900, 1, 1), date_time_ymd(2901, 1, 1));
    refuses(&ours.signs_all(&early), ours.trust(), "the server's certificate is refused: certificate not valid yet");
}

#[test]
fn a_server_that_vouches_for_itself_is_refused() {
    refuses(&self_signed(), Authority::new("ours").trust(), "is of no authority that is trusted");
}

#[test]
fn an_authority_that_nobody_named_is_refused() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    refuses(&theirs.signs("127.0.0.1"), ours.trust(), "is of no authority that is trusted");
    refuses(&ours.signs("127.0.0.1"), Trust::public(), "needs `ca_file`");
}

/// The name of the trusted authority, and a key that is not its own.
#[test]
fn an_authority_that_only_has_the_name_of_ours_is_refused() {
    let (ours, forger) = (Authority::new("ours"), Authority::new("ours"));
    refuses(&forger.signs("127.0.0.1"), ours.trust(), "the server's certificate is");
}

#[test]
fn a_server_without_tls_behind_a_wss_address_is_refused() {
    let (venue, clock) = open(VenueOptions::default());
    let running = running(&venue.base().replace("ws://", "wss://"), Trust::public(), &clock);
    let (_, why) = running.until(FeedState::Down);
    // It may answer in plain text or hang up, by how soon it looks.
    let is_told = ["InvalidContentType", "tls handshake eof"].iter().any(|words| why.contains(words));
    assert!(is_told && pauses(&why, PAUSES[0]), "{why}");
    assert_eq!(venue.progress().subscriptions, 0);
}

/// A name means what somebody's resolver says, and an address of a network what somebody on the way says.
#[test]
fn plain_text_off_loopback_is_refused_before_a_packet_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    for base in [format!("ws://localhost:{port}"), "ws://192.0.2.1:9".to_owned(), "ws://[2001:db8::1]:9".to_owned()] {
        let running = running(&base, Trust::public(), &clock);
        for whole in &PAUSES[..2] {
            let (_, why) = running.until(FeedState::Down);
            let is_told = why.contains("plain ws:// goes to loopback only (use wss://)");
            assert!(is_told && pauses(&why, *whole), "{why}");
        }
        drop(running);
    }
    let knocked = listener.accept().map(|(_, from)| from);
    assert_eq!(knocked.map_err(|why| why.kind()), Err(std::io::ErrorKind::WouldBlock));
}
