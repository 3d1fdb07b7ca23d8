//! The control socket: one JSON object a line in, one out. The kernel says who asks; no field of a request can.
//!
//! ```text
//! {"do":"breakers"}
//! {"do":"trip","scope":"market:binance-coinm:DOTUSD_PERP","stance":"Halt","reason":"venue announces a delisting"}
//! {"do":"rearm","scope":"market:binance-coinm:DOTUSD_PERP","rule":"manual","version":3,"reason":"announcement withdrawn"}
//! {"do":"ack","incident":"INC-20251010T204912Z-DOT","reason":"on it"}
//! ```

mod client;
mod desk;
mod socket;
mod who;
mod wire;

pub use client::{AskError, ask};
pub use desk::VISITORS_MAX;
pub use socket::Control;
pub use wire::{LINE_MAX, Request, Response};
