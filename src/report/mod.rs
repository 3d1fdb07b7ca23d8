//! The review of an incident as one Markdown page, and in plain words why it began. Pure, but for [`write()`].
//!
//! [`gather()`] names the records a page is made of, [`page`] and [`explain`] are made of them. Equal records give equal
//! text, to the byte. Text of strangers (venues, receivers, people) enters through [`text`] only: one line, no control or
//! direction characters, cut to a bounded length, and escaped where the sink is Markdown. However long the storm, the page
//! stays readable: what is many is folded, and says how much it left out.

mod brief;
mod gather;
mod story;
pub mod text;
pub mod words;

mod explain;
mod page;
mod section;
mod table;
mod trips;
mod write;

pub use brief::{Brief, Briefs};
pub use explain::explain;
pub use gather::{Ask, gather};
pub use page::page;
pub use write::{file_name, write};
