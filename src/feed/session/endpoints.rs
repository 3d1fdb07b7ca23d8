//! Where a session connects to: one address after another when tries fail, and none left while it is healthy.

/// The addresses of one session, of which one is in use.
#[derive(Clone)]
pub(super) struct Endpoints {
    urls: Vec<String>,
    at: usize,
    /// Failed tries in a row at this one.
    failures: u32,
    /// Failed tries after which the next one is used.
    tries: u32,
    /// Addresses that have failed since one was healthy.
    failed: usize,
}

/// What a failed try leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same address again.
    Same,
    /// One that has not failed yet: worth a try soon.
    Fresh,
    /// The next one; all have failed.
    Again,
}

impl Endpoints {
    /// At the first of `urls`, which must not be empty to be of use.
    pub(super) const fn new(urls: Vec<String>, tries: u32) -> Self {
        Self { urls, at: 0, failures: 0, tries, failed: 0 }
    }

    pub(super) fn current(&self) -> &str {
        self.urls.get(self.at).map_or("", String::as_str)
    }

    /// Which one is in use, from 0.
    pub(super) const fn place(&self) -> usize {
        self.at
    }

    pub(super) const fn len(&self) -> usize {
        self.urls.len()
    }

    /// A try failed.
    pub(super) fn fail(&mut self) -> Next {
        self.failures += 1;
        if self.failures < self.tries || self.urls.len() < 2 {
            return Next::Same;
        }
        self.failed += 1;
        self.advance();
        if self.failed < self.urls.len() { Next::Fresh } else { Next::Again }
    }

    /// It delivers, and has for a while.
    pub(super) const fn succeed(&mut self) {
        self.failures = 0;
        self.failed = 0;
    }

    /// Goes to the next one.
    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1) % self.urls.len().max(1);
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_comes_after_so_many_failures_and_is_kept() {
        let mut endpoints = Endpoints::new(["a", "b"].map(str::to_owned).to_vec(), 2);
        assert_eq!([endpoints.fail(), endpoints.fail()], [Next::Same, Next::Fresh]);
        assert_eq!((endpoints.current(), endpoints.place()), ("b", 1));
        endpoints.succeed();
        assert_eq!((endpoints.fail(), endpoints.current()), (Next::Same, "b"), "one failure is none");
        assert_eq!([endpoints.fail(), endpoints.fail(), endpoints.fail()], [Next::Fresh, Next::Same, Next::Again]);
        assert_eq!(endpoints.current(), "b");
    }

    #[test]
    fn a_single_one_is_kept_for_ever() {
        let mut endpoints = Endpoints::new(vec!["a".to_owned()], 1);
        assert!((0..100).all(|_| endpoints.fail() == Next::Same && endpoints.current() == "a"));
    }
}
