//! The disk: what the engine records is safe after a while, or never; what is safe survives a power cut.

use fusewire::engine::Input;
use fusewire::event::Nanos;
use fusewire::record::Record;

use crate::chance::Chance;

/// The store as the engine sees it.
pub(crate) struct Disk {
    chance: Chance,
    records: Vec<Record>,
    /// When each acknowledgement comes, and for which record.
    coming: Vec<(Nanos, u64)>,
    /// While it is stuck nothing becomes safe.
    stuck_until: Nanos,
    pub(crate) acknowledged: u64,
}

impl Disk {
    pub(crate) fn new(chance: Chance) -> Self {
        let (records, coming) = (Vec::new(), Vec::new());
        Self { chance, records, coming, stuck_until: Nanos(i64::MIN), acknowledged: 0 }
    }

    /// Records were handed over.
    pub(crate) fn write(&mut self, now: Nanos, records: impl IntoIterator<Item = Record>) {
        let before = self.records.len();
        self.records.extend(records);
        if self.records.len() == before {
            return;
        }
        if self.chance.happens(0.02) {
            self.stuck_until = now.plus_secs(self.chance.between(1.0, 120.0));
        }
        let late =
            if self.chance.happens(0.1) { self.chance.between(0.1, 5.0) } else { self.chance.between(0.0005, 0.1) };
        let earliest = self.coming.last().map_or(now, |(at, _)| *at);
        let at = now.plus_secs(late).max(self.stuck_until).max(earliest);
        self.coming.push((at, self.records.last().map_or(0, |record| record.seq)));
    }

    /// The next acknowledgement that is due.
    pub(crate) fn answer(&mut self, until: Nanos) -> Option<Input> {
        let (at, seq) = *self.coming.first().filter(|(at, _)| *at <= until)?;
        self.coming.remove(0);
        self.acknowledged = seq;
        Some(Input::Stored { at, seq })
    }

    /// The power goes: what was acknowledged is kept, of the rest a part that chance decides.
    pub(crate) fn cut_power(&mut self) -> &[Record] {
        let safe = self.records.iter().filter(|record| record.seq <= self.acknowledged).count();
        let lucky = self.chance.below((self.records.len() - safe) as u64 + 1) as usize;
        self.records.truncate(safe + lucky);
        self.coming.clear();
        self.acknowledged = self.records.last().map_or(0, |record| record.seq);
        &self.records
    }

    pub(crate) fn last(&self) -> u64 {
        self.records.last().map_or(0, |record| record.seq)
    }
}
