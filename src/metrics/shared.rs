//! A value that one thread refreshes when nobody looks, and that others copy.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// A value between the thread that counts and the threads that are asked. The counting side never waits.
#[derive(Debug, Default)]
pub struct Shared<T>(Mutex<T>);

impl<T> Shared<T> {
    /// Shares `value`.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Refreshes the value unless somebody copies it right now; tells whether it did. Never waits.
    pub fn refresh(&self, fill: impl FnOnce(&mut T)) -> bool {
        match self.0.try_lock() {
            Ok(mut value) => fill(&mut value),
            Err(TryLockError::Poisoned(value)) => fill(&mut value.into_inner()),
            Err(TryLockError::WouldBlock) => return false,
        }
        true
    }

    /// Changes the value, waiting for the few microseconds that a copy takes.
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Shared<T> {
    /// The value now.
    pub fn copy(&self) -> T {
        self.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Shared;

    #[test]
    fn the_counting_side_never_waits_for_a_reader() {
        let shared = Shared::new(1);
        let reader = shared.lock();
        assert!(!shared.refresh(|value| *value = 2), "somebody looks");
        drop(reader);
        assert!(shared.refresh(|value| *value = 3));
        shared.update(|value| *value += 1);
        assert_eq!(shared.copy(), 4);
    }
}
