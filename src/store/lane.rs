//! How far each hook has been fed: a window of messages at most, the rest waits on disk.

use super::{Pending, Reader, StoreError};

/// Messages in a hook's hands at once; its memory is bounded by it.
const WINDOW: usize = 256;

/// One hook.
#[derive(Debug)]
pub(super) struct Lane {
    hook: String,
    handed: i64,
    in_hand: usize,
    more: bool,
}

impl Lane {
    /// A hook that may owe messages from an earlier life.
    pub(super) const fn new(hook: String) -> Self {
        Self { hook, handed: 0, in_hand: 0, more: true }
    }

    pub(super) fn hook(&self) -> &str {
        &self.hook
    }

    /// A message for this hook was committed.
    pub(super) const fn grew(&mut self) {
        self.more = true;
    }

    /// A message was handed over outside the order.
    pub(super) const fn took(&mut self) {
        self.in_hand += 1;
    }

    /// A message of this hook ended.
    pub(super) const fn ended(&mut self) {
        self.in_hand = self.in_hand.saturating_sub(1);
    }

    /// What can be handed over now.
    pub(super) fn feed(&mut self, reader: &Reader) -> Result<Vec<Pending>, StoreError> {
        let room = WINDOW.saturating_sub(self.in_hand);
        if !self.more || room == 0 {
            return Ok(Vec::new());
        }
        let rows = reader.pending(&self.hook, self.handed, room)?;
        self.more = rows.len() == room;
        self.handed = rows.last().map_or(self.handed, |row| row.place);
        self.in_hand += rows.len();
        Ok(rows)
    }
}
