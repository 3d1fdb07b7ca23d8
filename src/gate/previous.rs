//! What the gate said before this writer came: a restart resumes the strictest of store, last gate file and recomputed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::cell::Cell;
use super::layout::{Role, STARTING};
use super::page::Page;
use super::refusal::Doubt;
use crate::breaker::Permission;

/// The file that a [`Claim`](super::Claim) found.
#[derive(Clone, Debug, PartialEq)]
pub enum Previous {
    /// There was none.
    None,
    /// There was one that cannot be believed. Nothing is known, so the strict answer is Halt.
    Damaged(Doubt),
    /// There was one, of this or an earlier boot.
    Read {
        /// Its generation.
        generation: u64,
        /// For each market its cells by slot. A torn or damaged cell reads as [`Previous::LOST`].
        cells: BTreeMap<String, Vec<Cell>>,
    },
}

impl Previous {
    /// A cell that its writer did not live to finish: what it was to say is not known.
    pub const LOST: Cell = Cell { permission: Permission::HALT, reason: 0, incident: 0, epoch: 0 };

    /// The last thing said about a market and slot. `None` where nothing was: no file, no such market, or a cell that
    /// was never published. A damaged file says Halt about everything.
    pub fn permission(&self, name: &str, slot: u8) -> Option<Permission> {
        match self {
            Self::None => None,
            Self::Damaged(_) => Some(Permission::HALT),
            Self::Read { cells, .. } => {
                let cell = cells.get(name)?.get(usize::from(slot))?;
                (cell.reason != STARTING).then_some(cell.permission)
            }
        }
    }

    pub(super) fn read(path: &Path, role: Role) -> Self {
        match Page::open_of_boot(path, role, None, None) {
            Ok(page) => Self::Read { generation: page.header().generation, cells: cells(&page) },
            Err(Doubt::Io(io::ErrorKind::NotFound)) => Self::None,
            Err(doubt) => Self::Damaged(doubt),
        }
    }

    pub(super) const fn generation(&self) -> u64 {
        match self {
            Self::Read { generation, .. } => *generation,
            _ => 0,
        }
    }
}

fn cells(page: &Page) -> BTreeMap<String, Vec<Cell>> {
    let cell = |market, slot| page.cell(market, slot).unwrap_or(Previous::LOST);
    let of_market = |market| (0..page.header().slots).map(|slot| cell(market, slot)).collect();
    page.names().map(|(name, market)| (name.to_owned(), of_market(market))).collect()
}
