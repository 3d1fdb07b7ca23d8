//! How fast a tape is read: events a second of Tardis CSV, plain and gzipped, from memory.

fn main() {}
