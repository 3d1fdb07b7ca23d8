//! One detector by itself, with a scale of its own: for benches, and for those who study a single statistic.

use super::{Base, BaseSettings, Detector, Seen};

/// A detector of the table with all that it needs.
pub struct Alone {
    name: &'static str,
    #[allow(clippy::type_complexity, reason = "what it is: something that looks and tells a score")]
    look: Box<dyn FnMut(&Seen<'_>) -> f64>,
}

impl Alone {
    pub(super) fn new<D: Detector + 'static>(base: &BaseSettings, settings: D::Settings) -> Self
    where
        D::Settings: 'static,
    {
        let (mut detector, mut scores) = (D::new(&settings), vec![0.0; D::LEGS.len()]);
        let mut watch = Self::watch(base);
        let look = move |seen: &Seen<'_>| {
            watch(seen, &mut |base, seen| detector.see(&settings, base, seen, &mut scores));
            scores.iter().copied().fold(0.0, f64::max)
        };
        Self { name: D::NAME, look: Box::new(look) }
    }

    /// The scale without a detector: what every row of a bench contains.
    pub(super) fn base(base: &BaseSettings) -> Self {
        let mut watch = Self::watch(base);
        let look = move |seen: &Seen<'_>| {
            watch(seen, &mut |_, _| {});
            0.0
        };
        Self { name: "base", look: Box::new(look) }
    }

    /// Opens the scale, lets something look, then lets the scale learn: the order of the bank.
    #[allow(clippy::type_complexity, reason = "what it is: someone else's look between two of the scale's steps")]
    fn watch(settings: &BaseSettings) -> impl FnMut(&Seen<'_>, &mut dyn FnMut(&mut Base, &Seen<'_>)) + use<> {
        let (settings, mut base) = (settings.clone(), Base::new(settings));
        move |seen, look| {
            base.open(seen);
            look(&mut base, seen);
            base.learn(&settings, seen, false);
        }
    }

    /// Its name in the config.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Lets it see something; its highest score.
    pub fn see(&mut self, seen: &Seen<'_>) -> f64 {
        (self.look)(seen)
    }
}

impl std::fmt::Debug for Alone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alone").field("name", &self.name).finish_non_exhaustive()
    }
}
