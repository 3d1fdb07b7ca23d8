//! A tape of engine inputs: what a run took in, in its order, behind the state it began in. Replayed, it gives the same
//! outputs bit by bit, ticks and acknowledgements included. Without that state it is a tape of feeds like any other.
//!
//! The form is an Arrow IPC stream, so that pyarrow, polars and `DuckDB` read it. The daemon writes it dense and inside one
//! zstd frame (`.arrows.zst`): batches of one second are small, and only a window over many of them packs well. `tape convert`
//! writes the same in large batches, packed as hard as zstd can: a third of zstd JSON lines; or large batches of plain columns
//! with Arrow's own packing of each buffer (`.arrows`). A row is an input; what a kind has no use for is null:
//!
//! | column | type | holds |
//! |---|---|---|
//! | `recv_ns` | timestamp\[ns\], UTC | when it reached the engine; the close of a bar; null on marks |
//! | `venue_ns` | timestamp\[ns\], UTC | when the venue says it happened; the first instant of a bar |
//! | `kind` | dictionary of text | `trade` `liquidation` `quote` `depth` `mark` `index` `funding` `open_interest` `mark_iv` `volatility_index` `status` `bar`; of the engine alone: `tick` `probe` `feed` `bad` `command` `stored` `delivery`; marks: `snapshot` `lost` `end` |
//! | `market` | dictionary of text | `venue:NATIVE`; the place in the dictionary is the engine's number of it |
//! | `side` | dictionary of text | who took a trade: `buy` `sell` `unknown` |
//! | `liquidated` | dictionary of text | whose position was closed by force: `long` `short` |
//! | `terms` | dictionary of text | of a liquidation what its price means and how complete the stream is (`order/sampled`); the status of a venue; the state of a feed |
//! | `price` | double | of a trade, liquidation, mark, index; the close of a bar |
//! | `qty` | double | of a trade, liquidation, open interest, in the venue's unit; the volume of a bar |
//! | `bid` `bid_qty` `ask` `ask_qty` | double | of a quote; the quantities of a depth (within 10 bp of the mid) |
//! | `level` | double | funding rate, implied volatility (both as a fraction), volatility index (in points) |
//! | `id` | uint64 | the venue's id of a trade, 0 for none; the number of a probe or record; of a bar its trades; how many were bad or lost |
//! | `open` `high` `low` `taker_buy` | double | of a bar |
//! | `detail` | text | JSON of a whole input that no columns hold (people, feeds, deliveries); a part of the snapshot in base64; the digest at the end |
//!
//! A dense tape has columns of steps besides, and its plain columns hold only what these have no room for: a value stands in
//! its plain column, or that is null and it differs by its step from the row before of the same market and kind. Only trades,
//! quotes and depths are told so, and of every row when it was received. Steps are plain whole numbers, 0 for none; of a step
//! and a leap one is 0, and they are added up.
//!
//! | columns | type | hold |
//! |---|---|---|
//! | `recv_unit` | int32 | nanoseconds of one step of `recv_ns` from here on: 1 or 1000 |
//! | `recv_step` | int32 | how much later than the row before, of whatever market |
//! | `venue_by` | dictionary of text | how `venue_ns` is told from here on: `recv` it is `recv_ns`; `ms` by milliseconds; `lag` it is the whole microseconds of `recv_ns` less a lag in microseconds |
//! | `venue_step` `venue_leap` | int8, int16 | in milliseconds, or of the lag in microseconds |
//! | `price_dec` `qty_dec` | int8 | decimals of prices and quantities from here on: one unit is 10 to the minus that |
//! | `price_step` `price_leap` `bid_step` `ask_step` | int8, int16 | in these units |
//! | `bid_qty_step` `bid_qty_leap` `ask_qty_step` `ask_qty_leap` | int16, int32 | in these units |
//! | `qty_step` `qty_leap` | int16, int32 | the quantity itself in these units |
//! | `id_gap` | int32 | how many ids lie between the one before and this |
//!
//! `side` repeats where a kind has none. What is made of units is the double nearest to that decimal number: bit by bit the
//! one that was recorded, or the writer gave it in full.
//!
//! Marks: `snapshot` rows stand first and join to the engine's state; `lost` says how many inputs found no room on their way
//! to the disk, and nothing follows it; `end` is the last row of a tape that was ended in order, with the digest of the run
//! in `detail`. A tape without its end is torn: what came whole is kept, and the reader says what is lost.

mod batch;
mod buffers;
mod cells;
mod columns;
mod grid;
mod message;
mod past;
mod read;
mod row;
mod schema;
mod source;
mod steps;
mod text;
mod words;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Ending, InputReader};
pub use write::InputWriter;

pub(super) use cells::{Cells, cells_of};
pub(super) use columns::{Columns, Names};
pub(super) use read::Rows;
pub(super) use schema::{COLUMNS, Column, Form, schema};
pub(super) use source::{ARROW, of_rows};
pub(super) use words::{LIQUIDATED, SIDES, TERMS, What};

/// The most rows of a batch.
const ROWS_MAX: usize = 1 << 17;
/// The largest snapshot taken, bytes.
const SNAPSHOT_MAX: usize = 1 << 30;
