//! Compressed or not: told by the first bytes, never by the name.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

/// How much compressed input is read at once, in bytes.
const BLOCK: usize = 1 << 16;

/// Up to here a file may expand as it likes, in bytes.
const FREE: u64 = 1 << 26;

/// Beyond that a recording expands 5 to 20 times, a bomb a thousand times.
const RATIO_MAX: u64 = 400;

const MAGIC_GZIP: &[u8] = b"\x1F\x8B";

/// Packings that are not read here, with what to do instead.
const OTHERS: [(&[u8], &str); 4] = [
    (b"PK\x03\x04", "a zip archive; unpack it first: `unzip -p FILE | gzip > FILE.csv.gz`"),
    (b"\x28\xB5\x2F\xFD", "packed by zstd; unpack it first: `zstd -d FILE`"),
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

/// Reads through gzip (several members too) where the first bytes say so, else as it is.
pub(super) fn unpack(mut read: Box<dyn Read + Send>) -> io::Result<Unpacked> {
    let head = head(&mut read)?;
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Ok(Unpacked::Foreign(what));
    }
    let packed = head.starts_with(MAGIC_GZIP);
    let whole = Cursor::new(head).chain(read);
    Ok(Unpacked::Plain(if packed { Box::new(Gunzip::new(Box::new(whole))) } else { Box::new(whole) }))
}

fn head(read: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    read.take(6).read_to_end(&mut head)?;
    Ok(head)
}

/// Gzip that refuses to expand without bound.
struct Gunzip {
    unzip: MultiGzDecoder<BufReader<Counted>>,
    out: u64,
}

impl Gunzip {
    fn new(read: Box<dyn Read + Send>) -> Self {
        let input = BufReader::with_capacity(BLOCK, Counted { read, count: 0 });
        Self { unzip: MultiGzDecoder::new(input), out: 0 }
    }
}

impl Read for Gunzip {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.unzip.read(into)?;
        self.out = self.out.saturating_add(count as u64);
        let taken = self.unzip.get_ref().get_ref().count;
        if self.out > FREE && self.out / RATIO_MAX > taken {
            let why = format!("expands more than {RATIO_MAX} times: no recording does");
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(count)
    }
}

struct Counted {
    read: Box<dyn Read + Send>,
    count: u64,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(into)?;
        self.count = self.count.saturating_add(count as u64);
        Ok(count)
    }
}
