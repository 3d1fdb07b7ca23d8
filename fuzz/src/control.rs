//! Requests on the control socket. The bytes are a line.
//!
//! Never a panic; what was understood is written and understood as the same.

use fusewire::breaker::Stance;
use fusewire::serve::control::Request;
use fusewire::trip::Scope;

use super::rooms;

pub fn check(data: &[u8]) {
    let Ok(request) = Request::read(data) else { return };
    let written = serde_json::to_vec(&request).expect("a request can be written");
    assert_eq!(Request::read(&written).as_ref(), Ok(&request));
    if let Request::Trip { scope, stance, .. } = &request {
        let markets = &rooms::of(0).markets;
        if let Some(known) = Scope::parse(scope, markets) {
            assert_eq!(Scope::parse(&known.name(markets), markets), Some(known), "{scope}");
        }
        let _ = Stance::parse(stance);
    }
}
