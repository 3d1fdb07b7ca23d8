//! Where the buffers of a message lie, unpacked where Arrow packed each of them by itself.

use std::ops::Range;

use arrow_ipc::{BodyCompressionMethod, CompressionType, RecordBatch};

use super::message::BODY_MAX;

/// The buffers of a message one after the other, and how many rows each of its columns claims to have.
pub(super) struct Buffers {
    pub(super) places: Vec<Range<usize>>,
    pub(super) rows: usize,
}

impl Buffers {
    /// The buffers of `batch` in `body`, which is replaced by its unpacked form where it is packed. Nothing where they do not
    /// lie inside it, or are packed in a way that is not read.
    pub(super) fn of(batch: &RecordBatch<'_>, body: &mut Vec<u8>, columns: usize) -> Option<Self> {
        let rows = usize::try_from(batch.length()).ok()?;
        let nodes = batch.nodes()?;
        if nodes.len() != columns || nodes.iter().any(|node| node.length() != batch.length()) {
            return None;
        }
        let wire: Option<Vec<_>> =
            batch.buffers()?.iter().map(|buffer| range(buffer.offset(), buffer.length(), body.len())).collect();
        let wire = wire?;
        let Some(packing) = batch.compression() else { return Some(Self { places: wire, rows }) };
        if packing.codec() != CompressionType::ZSTD || packing.method() != BodyCompressionMethod::BUFFER {
            return None;
        }
        let mut plain = Vec::new();
        let places: Option<Vec<_>> = wire.into_iter().map(|place| unpack(body.get(place)?, &mut plain)).collect();
        *body = plain;
        Some(Self { places: places?, rows })
    }
}

fn range(offset: i64, length: i64, end: usize) -> Option<Range<usize>> {
    let (from, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
    let to = from.checked_add(length).filter(|&to| to <= end)?;
    Some(from..to)
}

/// Appends an unpacked buffer: 8 bytes of its plain length (-1: it is plain), then the bytes.
fn unpack(packed: &[u8], plain: &mut Vec<u8>) -> Option<Range<usize>> {
    let from = plain.len();
    let Some((length, rest)) = packed.split_first_chunk::<8>() else {
        return packed.is_empty().then_some(from..from);
    };
    let length = i64::from_le_bytes(*length);
    if length == -1 {
        // Buffers may lie over each other: their sum is not bounded by the body they lie in.
        if (from + rest.len()) as u64 > BODY_MAX {
            return None;
        }
        plain.extend_from_slice(rest);
    } else {
        let length = usize::try_from(length).ok().filter(|length| (from + length) as u64 <= BODY_MAX)?;
        let bytes = zstd::bulk::decompress(rest, length).ok().filter(|bytes| bytes.len() == length)?;
        plain.extend_from_slice(&bytes);
    }
    Some(from..plain.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_lie_over_each_other_cannot_grow_without_bound() {
        let packed = [(-1_i64).to_le_bytes().as_slice(), &[7; 8]].concat();
        let mut plain = vec![0; BODY_MAX as usize - 8];
        assert!(unpack(&packed, &mut plain).is_some());
        assert!(unpack(&packed, &mut plain).is_none());
    }
}
