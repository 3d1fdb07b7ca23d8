//! The gate: shared memory through which a trading engine learns what it may still do, and a lease that turns
//! silence into Halt.
//!
//! Three files with one writer each, side by side in a directory on a memory file system (on a disk, write-back of a
//! dirty page can make the next store wait):
//!
//! - `gate`, written by the daemon;
//! - `guard`, written by a second process that can only tighten: readers take the meet of both;
//! - `ack`, written by the trading engine where its own user may write: what it has seen, allowed and denied.
//!
//! ```no_run
//! use fusewire::breaker::{Exposure, Intent, Order, Side, Verdict};
//! use fusewire::gate::{Reader, ReaderOptions};
//!
//! let mut gate = Reader::attach(ReaderOptions::at("/dev/shm/fusewire/gate"));
//! let market = gate.place("binance-usdm:BTCUSDT");
//! let exposure = Exposure { position: 0.5, ..Exposure::FLAT };
//! match gate.check(market, 0, &Order::limit(Intent::Open, Side::Buy, 0.1, 60_000.0), &exposure) {
//!     Verdict::Allow => { /* send it */ }
//!     Verdict::Reduce { max_qty } => { /* send max_qty of it */ }
//!     Verdict::Deny(why) => { /* keep it, and count `why.name()` */ }
//! }
//! gate.refresh(); // once a second, and after `Denial::Expired`: a restarted daemon makes a new file
//! ```
//!
//! Nothing here waits for a lock, panics on what a file says, or trusts a file that is not whole: every doubt reads as
//! an expired lease. An opening order where nothing binds is answered by the first two words of its cell, which vouch for
//! each other; damage in the rest of the line shows in every other answer. What cannot be defended in user space: an owner who *truncates* a mapped file takes its readers
//! down with SIGBUS. No writer here ever shrinks a file; a new one is made beside it and renamed over it.

mod layout;

mod seqlock;

mod cell;
mod table;

mod map;
mod system;

mod page;
mod reader;
mod refusal;

mod ack;
mod heard;

mod claim;
mod create;
mod previous;
mod writer;

pub use ack::{Ack, AckReader, AckWriter};
pub use cell::Cell;
pub use claim::Claim;
pub use create::{CreateError, Spec};
pub use heard::{ACK_SILENCE_NS_MAX, Unheard};
pub use layout::{DEFAULT_SLOTS, Header, MARKETS_MAX, NAME_BYTES_MAX, Role, SCHEMA, SLOTS_MAX, STARTING};
pub use page::{Glance, Page};
pub use previous::Previous;
pub use reader::{Place, Reader, ReaderOptions};
pub use refusal::{Doubt, Refusal};
pub use system::{boot_id, now_mono};
pub use table::{Listing, SpecError};
pub use writer::{NoSuchCell, Writer};
