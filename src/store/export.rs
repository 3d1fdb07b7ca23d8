//! Records as JSON Lines: `{"seq":1,"at_ns":0,"hash":"…","body":{…}}`.
//!
//! The body is the text that was hashed, to the byte, so a reader can follow the chain without this program.

use std::io::{self, Write};

use super::{Filter, Reader, Row};
use crate::record::hex;

impl Reader {
    /// Writes records from `from` on, one a line; returns how many.
    pub fn export(&self, from: u64, filter: Filter, to: &mut impl Write) -> io::Result<u64> {
        let mut count = 0;
        for row in self.rows(from, filter) {
            write_line(to, &row.map_err(io::Error::other)?)?;
            count += 1;
        }
        to.flush()?;
        Ok(count)
    }
}

fn write_line(to: &mut impl Write, row: &Row) -> io::Result<()> {
    writeln!(to, r#"{{"seq":{},"at_ns":{},"hash":"{}","body":{}}}"#, row.seq, row.at.0, hex(&row.hash), row.body)
}
