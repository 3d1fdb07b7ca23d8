//! ZIP archives as one stream: the members one after the other, in the order of the file, each checked against its checksum.
//!
//! Read by the headers before the members, so that a cut archive keeps what came before the cut; the directory at the end is not
//! looked at. Deflated and stored members only, as Binance publishes them.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// Bits of a member's flags: encrypted; checksum and sizes stand behind it.
const ENCRYPTED: u16 = 1;
const DESCRIBED: u16 = 1 << 3;

/// The members of an archive, as one text: one without a line end at its end gets it.
pub(super) struct Unzip<R: BufRead> {
    place: Place<R>,
    /// Market, kind and so on of the first member: what the rest must have too.
    stem: Option<String>,
}

enum Place<R: BufRead> {
    Between(R),
    Deflated(DeflateDecoder<R>, Member),
    Stored(io::Take<R>, Member),
    End,
}

/// The member that is being read.
struct Member {
    name: String,
    /// Its checksum; `None` where that stands behind it.
    crc: Option<u32>,
    read: Crc,
    last: u8,
}

impl<R: BufRead> Unzip<R> {
    /// The members of the archive that begins here.
    pub(super) fn new(archive: R) -> Self {
        Self { place: Place::Between(archive), stem: None }
    }

    /// Opens the next member, if there is one.
    fn open(&mut self, mut archive: R) -> io::Result<Place<R>> {
        match bytes(&mut archive)? {
            LOCAL => {}
            DIRECTORY | END => return Ok(Place::End),
            _ => return Err(bad("something else stands where a member of the archive should begin".to_owned())),
        }
        let header: [u8; 26] = bytes(&mut archive)?;
        let [_, _, f0, f1, m0, m1, _, _, _, _, c0, c1, c2, c3, s0, s1, s2, s3, _, _, _, _, n0, n1, e0, e1] = header;
        let (flags, method) = (u16::from_le_bytes([f0, f1]), u16::from_le_bytes([m0, m1]));
        let stored = u32::from_le_bytes([s0, s1, s2, s3]);
        let name = text(&mut archive, u16::from_le_bytes([n0, n1]))?;
        text(&mut archive, u16::from_le_bytes([e0, e1]))?;
        self.check(&name)?;
        let described = flags & DESCRIBED != 0;
        let crc = (!described).then_some(u32::from_le_bytes([c0, c1, c2, c3]));
        let member = Member { name, crc, read: Crc::new(), last: b'\n' };
        match method {
            _ if flags & ENCRYPTED != 0 => Err(member.bad("is encrypted")),
            8 => Ok(Place::Deflated(DeflateDecoder::new(archive), member)),
            0 if !described && stored < u32::MAX => Ok(Place::Stored(archive.take(u64::from(stored)), member)),
            0 => Err(member.bad("is stored and does not say its size")),
            _ => Err(member.bad(&format!("is packed by method {method}; only deflate is read"))),
        }
    }

    /// Closes a member that was read to its end. True where a line end was put behind it.
    fn close(&mut self, mut archive: R, member: &Member, sizes: (u64, u64), into: &mut [u8]) -> io::Result<bool> {
        let crc = member.crc.map_or_else(|| descriptor(&mut archive, sizes), Ok)?;
        if crc != member.read.sum() {
            return Err(member.bad("does not match its checksum"));
        }
        self.place = Place::Between(archive);
        Ok(match into.first_mut() {
            Some(byte) if member.last != b'\n' => {
                *byte = b'\n';
                true
            }
            _ => false,
        })
    }

    /// Binance names the market of its rows by the file alone: members of two markets, or two kinds of rows, are no one tape.
    fn check(&mut self, name: &str) -> io::Result<()> {
        let Some(stem) = stem(name) else { return Ok(()) };
        let first = self.stem.get_or_insert_with(|| stem.to_owned());
        if first == stem {
            return Ok(());
        }
        let (name, first) = (name.escape_debug(), first.escape_debug());
        Err(bad(format!(
            "member `{name}` is of another market or kind than `{first}`; unpack them and read each by itself"
        )))
    }
}

impl<R: BufRead> Read for Unzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match &mut self.place {
                Place::Deflated(from, member) => member.take(from, into)?,
                Place::Stored(from, member) => member.take(from, into)?,
                Place::Between(_) | Place::End => 0,
            };
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            // Whatever fails from here on ends the archive.
            let is_line_end = match std::mem::replace(&mut self.place, Place::End) {
                Place::End => return Ok(0),
                Place::Between(archive) => {
                    self.place = self.open(archive)?;
                    false
                }
                Place::Deflated(from, member) => {
                    let sizes = (from.total_in(), from.total_out());
                    self.close(from.into_inner(), &member, sizes, into)?
                }
                Place::Stored(from, _) if from.limit() > 0 => return Err(ErrorKind::UnexpectedEof.into()),
                Place::Stored(from, member) => self.close(from.into_inner(), &member, (0, 0), into)?,
            };
            if is_line_end {
                return Ok(1);
            }
        }
    }
}

impl Member {
    fn take(&mut self, from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
        let count = from.read(into)?;
        let taken = into.get(..count).unwrap_or_default();
        self.read.update(taken);
        self.last = taken.last().copied().unwrap_or(self.last);
        Ok(count)
    }

    fn bad(&self, what: &str) -> io::Error {
        bad(format!("member `{}` {what}", self.name.escape_debug()))
    }
}

/// The checksum behind a member. Its signature may be missing, and its sizes have four bytes each, or eight (which cannot be told of
/// an empty member: that is taken to have four).
fn descriptor(archive: &mut impl Read, (packed, unpacked): (u64, u64)) -> io::Result<u32> {
    let first = bytes(archive)?;
    let crc = if first == DESCRIPTOR { bytes(archive)? } else { first };
    let sizes: [u8; 8] = bytes(archive)?;
    if unpacked > 0 && u64::from_le_bytes(sizes) == packed {
        let _: [u8; 8] = bytes(archive)?;
    }
    Ok(u32::from_le_bytes(crc))
}

/// What the names of Binance's files have before the date: `BTCUSDT-aggTrades` of `BTCUSDT-aggTrades-2024-01-01.csv`; nothing of a
/// name of another shape.
fn stem(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?.strip_suffix(".csv")?;
    let stem = file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    (stem.len() + "-2024-01".len() <= file.len()).then_some(stem)
}

fn bytes<const N: usize>(archive: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    archive.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(archive: &mut impl Read, length: u16) -> io::Result<String> {
    let mut text = vec![0; usize::from(length)];
    archive.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn bad(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::DeflateEncoder;

    /// A member; `style` says where checksum and sizes stand: before it, behind it with or without signature, or with long
    /// sizes behind it. `S` stores it.
    fn member(name: &str, content: &str, style: &str) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(content.as_bytes());
        let mut packed = Vec::new();
        DeflateEncoder::new(content.as_bytes(), Compression::best()).read_to_end(&mut packed).unwrap();
        let (method, packed) = if style == "S" { (0_u16, content.as_bytes().to_vec()) } else { (8, packed) };
        let behind = matches!(style, "D" | "d" | "L");
        let (crc, size, length) = (crc.sum().to_le_bytes(), packed.len() as u32, content.len() as u32);
        let mut out = LOCAL.to_vec();
        out.extend([20, 0]);
        out.extend((if behind { DESCRIBED } else { 0 }).to_le_bytes());
        out.extend(method.to_le_bytes());
        out.extend([0; 4]);
        let before = [crc, size.to_le_bytes(), length.to_le_bytes()].concat();
        out.extend(if behind { vec![0; 12] } else { before.clone() });
        out.extend((name.len() as u16).to_le_bytes());
        out.extend(3_u16.to_le_bytes());
        out.extend(name.bytes());
        out.extend(*b"xyz");
        out.extend(packed);
        match style {
            "D" => out.extend([&DESCRIPTOR[..], &before].concat()),
            "d" => out.extend(before),
            "L" => {
                out.extend(DESCRIPTOR);
                out.extend(crc);
                out.extend(u64::from(size).to_le_bytes());
                out.extend(u64::from(length).to_le_bytes());
            }
            _ => {}
        }
        out
    }

    fn read(archive: &[u8]) -> (String, Option<String>) {
        let mut text = Vec::new();
        let fault = Unzip::new(archive).read_to_end(&mut text).err().map(|fault| fault.to_string());
        (String::from_utf8(text).unwrap(), fault)
    }

    #[test]
    fn members_follow_each_other_however_they_are_written() {
        for style in ["", "D", "d", "L", "S"] {
            let archive = [
                member("BTCUSDT-trades-2024-01-01.csv", "a,1\nb,2", style),
                member("empty/", "", if style == "L" { "D" } else { style }),
                member("BTCUSDT-trades-2024-01-02.csv", "c,3\n", style),
                DIRECTORY.to_vec(),
            ];
            assert_eq!(read(&archive.concat()), ("a,1\nb,2\nc,3\n".to_owned(), None), "{style}");
        }
        assert_eq!(read(&END), (String::new(), None));
    }

    #[test]
    fn a_cut_or_spoiled_archive_keeps_what_came_before() {
        let whole = [member("a.csv", "a,1\n", "D"), member("b.csv", &"b,2\n".repeat(99), "D")].concat();
        for len in 0..whole.len() {
            let (text, fault) = read(&whole[..len]);
            assert!(fault.is_some() && format!("a,1\n{}", "b,2\n".repeat(99)).starts_with(&text), "cut at {len}");
        }
        let mut spoiled = whole.clone();
        let place = whole.len() - 12;
        spoiled[place] ^= 1;
        assert!(read(&spoiled).1.unwrap().contains("`b.csv` does not match its checksum"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let of = |flags: u8, method: u8| {
            let mut archive = member("a.csv", "a", "");
            (archive[6], archive[8]) = (flags, method);
            read(&archive).1.unwrap()
        };
        assert!(of(1, 8).contains("encrypted"));
        assert!(of(0, 14).contains("method 14"));
        assert!(of(8, 0).contains("does not say its size"));
        let two =
            [member("BTCUSDT-trades-2024-01-01.csv", "a\n", ""), member("ETHUSDT-trades-2024-01-01.csv", "b\n", "")];
        let (text, fault) = read(&two.concat());
        assert!(text == "a\n" && fault.unwrap().contains("another market or kind than `BTCUSDT-trades`"));
    }

    #[test]
    fn a_stem_is_what_stands_before_the_date() {
        for (name, want) in [
            ("BTCUSDT-aggTrades-2024-01-01.csv", Some("BTCUSDT-aggTrades")),
            ("x/BTCUSDT_250926-trades-2024-01.csv", Some("BTCUSDT_250926-trades")),
            ("binance_trades_2025-10-10_TRXUSDT.csv", None),
            ("deribit_BTC-26DEC25.csv", None),
            ("a.csv", None),
            ("2024-01-01.txt", None),
        ] {
            assert_eq!(stem(name), want, "{name}");
        }
    }
}
