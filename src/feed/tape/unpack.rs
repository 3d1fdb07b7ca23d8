//! Packings, told by the first bytes, never by the name: gzip, zstd and ZIP, with a bound on what they expand to.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::zip::Unzip;

/// How much compressed input is read at once, in bytes.
const BLOCK: usize = 1 << 16;

/// Up to here a file may expand as it likes, in bytes.
const FREE: u64 = 1 << 26;

/// Beyond that a recording expands 5 to 20 times, a bomb a thousand times.
const RATIO_MAX: u64 = 400;

/// The largest window of zstd, as a power of two: what its own program allows without being asked. Bounds the memory.
const WINDOW_LOG_MAX: u32 = 27;

const MAGIC_GZIP: &[u8] = b"\x1F\x8B";
const MAGIC_ZIP: &[u8] = b"PK\x03\x04";
const MAGIC_ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";

/// Packings that are not read here, with what to do instead.
const OTHERS: [(&[u8], &str); 2] = [
    (b"BZh", "packed by bzip2; unpack it first: `bunzip2 FILE`"),
    (b"\xFD7zXZ", "packed by xz; unpack it first: `unxz FILE`"),
];

/// What the first bytes say.
pub(super) enum Unpacked {
    /// Plain bytes from here on.
    Plain(Box<dyn Read + Send>),
    /// A packing that is not read here: what it is and what to do.
    Foreign(&'static str),
}

/// Reads through a packing where the first bytes say so, else as it is. Of gzip and zstd several joined ones too; of joined ZIP
/// archives only the first, for its directory ends it.
pub(super) fn unpack(mut read: Box<dyn Read + Send>) -> io::Result<Unpacked> {
    let head = head(&mut read)?;
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Ok(Unpacked::Foreign(what));
    }
    let magic = head.clone();
    let whole: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(read));
    let taken = Arc::new(AtomicU64::new(0));
    let packed = BufReader::with_capacity(BLOCK, Counted { read: whole, count: Arc::clone(&taken) });
    Ok(Unpacked::Plain(if magic.starts_with(MAGIC_GZIP) {
        Box::new(Bounded { unpack: MultiGzDecoder::new(packed), taken, out: 0 })
    } else if magic.starts_with(MAGIC_ZSTD) {
        let mut unpack = ZstdDecoder::with_buffer(packed)?;
        unpack.window_log_max(WINDOW_LOG_MAX)?;
        Box::new(Bounded { unpack, taken, out: 0 })
    } else if magic.starts_with(MAGIC_ZIP) {
        Box::new(Bounded { unpack: Unzip::new(packed), taken, out: 0 })
    } else {
        Box::new(packed)
    }))
}

fn head(read: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    read.take(6).read_to_end(&mut head)?;
    Ok(head)
}

/// A packing that refuses to expand without bound.
struct Bounded<R> {
    unpack: R,
    taken: Arc<AtomicU64>,
    out: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.unpack.read(into).map_err(blamed)?;
        self.out = self.out.saturating_add(count as u64);
        if self.out > FREE && self.out / RATIO_MAX > self.taken.load(Relaxed) {
            let why = format!("expands more than {RATIO_MAX} times: no recording does");
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(count)
    }
}

/// zstd tells of bad bytes as of any other trouble; what the system tells has a number.
fn blamed(error: io::Error) -> io::Error {
    let of_bytes = error.kind() == ErrorKind::Other && error.raw_os_error().is_none();
    if of_bytes { io::Error::new(ErrorKind::InvalidData, error) } else { error }
}

struct Counted {
    read: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(into)?;
        self.count.fetch_add(count as u64, Relaxed);
        Ok(count)
    }
}
