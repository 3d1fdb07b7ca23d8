//! The table of kinds. A new kind is one file with a `Settings` that has `carrier()`, and one word here.

use super::{Answer, Message, exec, http};
use crate::event::Nanos;

/// One attempt at one message.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// What.
    pub message: &'a Message,
    /// From 1.
    pub attempt: u32,
    /// Now.
    pub at: Nanos,
}

/// Takes messages to one receiver. May take as long as its timeout says, never longer.
pub trait Carrier: Send {
    /// Makes one attempt.
    fn carry(&mut self, parcel: Parcel<'_>) -> Answer;
}

macro_rules! kinds {
    ($($kind:ident = $file:ident: $doc:literal),+ $(,)?) => {
        /// How a hook delivers.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Kind {
            $( #[doc = $doc] $kind($file::Settings), )+
        }

        impl Kind {
            /// The words for `kind = "…"` in the config.
            pub const NAMES: &[&str] = &[$( stringify!($file) ),+];

            /// Its word in the config.
            pub const fn name(&self) -> &'static str {
                match self { $( Self::$kind(_) => stringify!($file), )+ }
            }

            /// What makes the attempts, or which setting stands in the way.
            pub fn carrier(&self) -> Result<Box<dyn Carrier>, String> {
                match self { $( Self::$kind(settings) => settings.carrier(), )+ }
            }
        }
    };
}

kinds! {
    Http = http: "A signed POST.",
    Exec = exec: "A program that reads the message from its standard input.",
}
