//! The gate file, schema 1, drawn for the reader of a hex dump. All numbers little-endian; one line = 64 bytes.
//!
//! ```text
//! line 0   00 magic "FUSEGATE" | "FUSEGARD"    08 schema u32 = 1     0c flags u32 (bit 0: a guard must be live)
//! written  10 generation u64 (unix ns)         18 bytes of this file u64
//! once     20 config hash, 32 bytes
//! line 1   40 markets M u32    44 slots S u32  48 offset of the table u64 = c0
//! written  50 offset of the cells u64          58 length of the lease, ns u64
//! once     60 boot id, 16 bytes                70 pid of the writer u64
//!          78 digest u64: FNV-1a of bytes 00..78 and the table
//! line 2   80 lease: valid until u64 (CLOCK_MONOTONIC, ns; 0 = over)    88 sequence of the last probe u64
//! living   90 retired u64 (not 0: closed or replaced; its lease is 0)  98 cells published since creation u64
//! c0       table: M entries of 96 bytes
//!            00 name "venue:NATIVE", NUL-padded to 80    50 flat f64    58 per_price f64
//!            notional = qty x (flat + per_price x price)
//! cells    S x M lines, slot-major: cell of (market, slot) = line slot x M + market; slot 0 = all strategies
//!            00 epoch u32: odd while being written, 0 never
//!            04 seal u32: upper half of ((9e3779b97f4a7c15 xor line xor 08) + epoch) x 9e3779b97f4a7c15 (08 as u64)
//!            08 stance u8 (0 Normal 1 Caution 2 ReduceOnly 3 Halt)   09 sides u8 (bit 0 buy, bit 1 sell)
//!            0a free u8 (bit 0 buy, bit 1 sell: any sound opening order of that side passes whole; follows from the
//!               rest and saves the reader a closer look)    0b zero u8    0c reason u32
//!            10 size factor f64    18 max notional f64    20 collar low f64    28 collar high f64
//!            30 incident u64
//!            38 check u64: 9e3779b97f4a7c15 xor line, + 00, xor 08, + 10, xor 18, + 20, xor 28, + 30 (words as u64)
//! ```
//!
//! Slot-major, because most engines read slot 0 of many markets: those lines lie side by side. With a market's slots
//! side by side they would stand 512 bytes apart and fall into an eighth of the cache's sets.
//!
//! A reader takes the meet of slots 0 and k, of gate and guard. It believes a lease only between now and twice its
//! length ahead, so that a damaged word or a `now` in the wrong unit reads as expired, not as for ever.

use super::refusal::Doubt;

/// The layout drawn above.
pub const SCHEMA: u32 = 1;
/// Slots a market where the config says nothing.
pub const DEFAULT_SLOTS: u8 = 8;
/// Most slots a market.
pub const SLOTS_MAX: u8 = 64;
/// Most markets in one gate.
pub const MARKETS_MAX: u32 = 100_000;
/// Longest market name in bytes; one NUL always follows it.
pub const NAME_BYTES_MAX: usize = NAME_BYTES - 1;
/// The reason of a cell that nobody has published yet.
pub const STARTING: u32 = 1;

pub(super) const LINE: usize = 64;
pub(super) const HEADER_BYTES: usize = 3 * LINE;
pub(super) const DIGEST_AT: usize = 0x78;
pub(super) const ENTRY_BYTES: usize = 96;
pub(super) const NAME_BYTES: usize = 80;
/// Places of the living words, counted in words of 8 bytes.
pub(super) const LEASE_WORD: usize = 0x80 / 8;
pub(super) const PROBE_WORD: usize = 0x88 / 8;
pub(super) const RETIRED_WORD: usize = 0x90 / 8;
pub(super) const CHANGES_WORD: usize = 0x98 / 8;

const GUARD_REQUIRED: u32 = 1;
const _: () = assert!(cfg!(target_endian = "little"), "the gate is mapped, not parsed: little-endian machines only");

/// Who writes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The daemon.
    Gate,
    /// The second process, which can only tighten.
    Guard,
}

impl Role {
    const fn magic(self) -> [u8; 8] {
        match self {
            Self::Gate => *b"FUSEGATE",
            Self::Guard => *b"FUSEGARD",
        }
    }

    /// The usual name of the file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Guard => "guard",
        }
    }
}

/// The part of the header that is written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who writes it.
    pub role: Role,
    /// Whether readers must see a live guard beside this file.
    pub guard_required: bool,
    /// When the file was made, in ns since the Unix epoch, and always above the generation before.
    pub generation: u64,
    /// SHA-256 of the config behind it.
    pub config_hash: [u8; 32],
    /// Number of markets.
    pub markets: u32,
    /// Slots a market.
    pub slots: u8,
    /// Length of the lease in nanoseconds.
    pub lease_ns: u64,
    /// The boot that `CLOCK_MONOTONIC` counts from.
    pub boot_id: [u8; 16],
    /// Process id of the writer.
    pub pid: u32,
}

impl Header {
    /// Bytes of the name table.
    pub(super) const fn table_bytes(&self) -> usize {
        self.markets as usize * ENTRY_BYTES
    }

    /// Where the cells begin, in bytes.
    pub(super) const fn cells_at(&self) -> usize {
        (HEADER_BYTES + self.table_bytes()).next_multiple_of(LINE)
    }

    /// Number of cells.
    pub(super) const fn cells(&self) -> usize {
        self.markets as usize * self.slots as usize
    }

    /// Bytes of the whole file.
    pub(super) const fn file_bytes(&self) -> usize {
        self.cells_at() + self.cells() * LINE
    }

    /// The line of a cell; `None` outside the file.
    pub(super) const fn line_of(&self, market: u32, slot: u8) -> Option<usize> {
        if market < self.markets && slot < self.slots {
            Some(slot as usize * self.markets as usize + market as usize)
        } else {
            None
        }
    }

    /// Lines 0 to 2 with a lease that is over; `table` goes into the digest.
    pub(super) fn to_bytes(&self, table: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(self.role.magic());
        bytes.extend(SCHEMA.to_le_bytes());
        bytes.extend((if self.guard_required { GUARD_REQUIRED } else { 0 }).to_le_bytes());
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend((self.file_bytes() as u64).to_le_bytes());
        bytes.extend(self.config_hash);
        bytes.extend(self.markets.to_le_bytes());
        bytes.extend(u32::from(self.slots).to_le_bytes());
        bytes.extend((HEADER_BYTES as u64).to_le_bytes());
        bytes.extend((self.cells_at() as u64).to_le_bytes());
        bytes.extend(self.lease_ns.to_le_bytes());
        bytes.extend(self.boot_id);
        bytes.extend(u64::from(self.pid).to_le_bytes());
        debug_assert_eq!(bytes.len(), DIGEST_AT);
        let digest = fnv(fnv(FNV_START, &bytes), table);
        bytes.extend(digest.to_le_bytes());
        bytes.resize(HEADER_BYTES, 0);
        bytes
    }

    /// Reads lines 0 and 1, believing nothing but their own shape; the digest is compared by [`Self::verify`].
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES], role: Role) -> Result<Self, Doubt> {
        let mut rest = Fields(bytes);
        if rest.take::<8>() != role.magic() {
            return Err(Doubt::Magic);
        }
        let schema = rest.u32();
        if schema != SCHEMA {
            return Err(Doubt::Schema(schema));
        }
        let flags = rest.u32();
        let generation = rest.u64();
        let file_bytes = rest.u64();
        let config_hash = rest.take();
        let (markets, slots) = (rest.u32(), rest.u32());
        let (table_at, cells_at, lease_ns) = (rest.u64(), rest.u64(), rest.u64());
        let boot_id = rest.take();
        let pid = rest.u64();
        let slots = u8::try_from(slots).map_err(|_| Doubt::Shape)?;
        let pid = u32::try_from(pid).map_err(|_| Doubt::Shape)?;
        let guard_required = flags & GUARD_REQUIRED != 0;
        let header = Self { role, guard_required, generation, config_hash, markets, slots, lease_ns, boot_id, pid };
        let is_bounded = markets <= MARKETS_MAX && (1..=SLOTS_MAX).contains(&slots) && lease_ns <= u64::MAX / 4;
        let is_drawn_so = is_bounded
            && flags & !GUARD_REQUIRED == 0
            && table_at == HEADER_BYTES as u64
            && cells_at == header.cells_at() as u64
            && file_bytes == header.file_bytes() as u64;
        if is_drawn_so { Ok(header) } else { Err(Doubt::Shape) }
    }

    /// Whether header and table are the bytes that were written.
    pub(super) fn verify(header: &[u8; HEADER_BYTES], table: &[u8]) -> Result<(), Doubt> {
        let (sealed, rest) = header.split_at(DIGEST_AT);
        let digest = fnv(fnv(FNV_START, sealed), table).to_le_bytes();
        if rest.starts_with(&digest) { Ok(()) } else { Err(Doubt::Digest) }
    }
}

pub(super) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits: against accidents, not against forgers; those are kept out by owner and mode.
pub(super) fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Takes fields off the front of a header; past its end they are zero.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((field, rest)) = self.0.split_first_chunk::<N>() else { return [0; N] };
        self.0 = rest;
        *field
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            role: Role::Gate,
            guard_required: true,
            generation: 7,
            config_hash: [9; 32],
            markets: 3,
            slots: 8,
            lease_ns: 250_000_000,
            boot_id: [5; 16],
            pid: 42,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes: [u8; HEADER_BYTES] = header().to_bytes(b"table").try_into().expect("three lines");
        assert_eq!(Header::parse(&bytes, Role::Gate), Ok(header()));
        assert_eq!(Header::verify(&bytes, b"table"), Ok(()));
        assert_eq!(Header::verify(&bytes, b"Table"), Err(Doubt::Digest));
        assert_eq!(Header::parse(&bytes, Role::Guard), Err(Doubt::Magic));
    }

    #[test]
    fn lines_are_slot_major_and_end_where_the_file_ends() {
        let header = header();
        assert_eq!(header.cells_at(), 512);
        assert_eq!(header.file_bytes(), 512 + 24 * 64);
        assert_eq!(header.line_of(2, 0), Some(2));
        assert_eq!(header.line_of(0, 1), Some(3));
        assert_eq!(header.line_of(2, 7), Some(23));
        assert_eq!(header.line_of(3, 0), None);
        assert_eq!(header.line_of(0, 8), None);
    }
}
