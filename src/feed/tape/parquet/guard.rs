//! The reader of Parquet panics on some files that were changed on purpose. Where panics unwind, such a file is damaged like
//! any other; where they end the process, it ends with a word about the file, and not with a stack trace.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;

thread_local! {
    /// The file that this thread reads right now.
    static READING: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Runs a step of the reader on `path`; an error where it gives up.
pub(super) fn guarded<T>(path: &Path, step: impl FnOnce() -> T) -> Result<T, String> {
    install();
    READING.with(|reading| *reading.borrow_mut() = Some(path.to_owned()));
    let done = catch_unwind(AssertUnwindSafe(step));
    READING.with(|reading| *reading.borrow_mut() = None);
    done.map_err(|_| "its reader gave up: what stands in it contradicts itself".to_owned())
}

/// A panic of the reader is told as damage of the file: by whoever reads on, or as the last word of a process that it ends.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let reading = READING.with(|reading| reading.borrow().clone());
            let Some(path) = reading else { return before(panic) };
            if cfg!(panic = "abort") {
                #[allow(clippy::print_stderr, reason = "the process ends here, and somebody should know why")]
                {
                    eprintln!("fusewire: {}: damaged: what stands in it contradicts itself", path.display());
                }
                std::process::exit(1);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_panics_has_met_a_damaged_file() {
        assert_eq!(guarded(Path::new("t.parquet"), || 7), Ok(7));
        let given_up: Result<(), String> = guarded(Path::new("t.parquet"), || panic!("out of bounds"));
        assert!(given_up.unwrap_err().contains("gave up"));
    }
}
