//! Events that cause events: a Hawkes intensity, and a CUSUM that sounds when the chain reaction nears critical.

pub use super::occupancy::Occupancy;

use super::math::{Ageing, ageing, ln, usable, without_dust};
use serde::{Deserialize, Serialize};

/// Memory of the kernels, `1/beta`, in seconds.
pub const KERNEL_SECS: [f64; 3] = [1.0, 10.0, 100.0];

/// The largest weight one event may carry.
pub const MAX_WEIGHT: f64 = 1e3;

/// The excited part of a marked Hawkes process with three exponential kernels (Hawkes, "Spectra of some self-exciting and
/// mutually exciting point processes", Biometrika 1971).
///
/// `lambda = mu + n sum_j share_j beta_j A_j`, `A_j <- A_j e^(-beta_j dt) + w`. `mu` (events a second) and `n` (offspring an
/// event of weight 1) are arguments, so that one state serves several hypotheses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hawkes {
    marks: [f64; 3],
    shares: [f64; 3],
}

impl Hawkes {
    /// A process at rest. `shares`: how the offspring divide over the kernels; scaled to sum to one.
    ///
    /// # Panics
    /// If a share is negative, or all are zero.
    pub fn new(shares: [f64; 3]) -> Self {
        let total: f64 = shares.iter().sum();
        assert!(shares.iter().all(|share| *share >= 0.0) && total > 0.0 && usable(total), "bad shares {shares:?}");
        Self { marks: [0.0; 3], shares: shares.map(|share| share / total) }
    }

    /// Lets `dt_secs` pass; gives the offspring expected in that time at `n = 1` (the compensator of the excited part).
    #[inline]
    pub fn advance(&mut self, dt_secs: f64) -> f64 {
        let mut expected = 0.0;
        for ((mark, share), age) in self.marks.iter_mut().zip(&self.shares).zip(kernel_ages(dt_secs)) {
            expected += share * *mark * age.gain;
            *mark = without_dust(*mark * age.keep);
        }
        expected
    }

    /// An event of `weight` (1 for a usual one).
    #[inline]
    pub fn excite(&mut self, weight: f64) {
        let weight = if weight > 0.0 { weight.min(MAX_WEIGHT) } else { 0.0 };
        for mark in &mut self.marks {
            *mark = (*mark + weight).min(super::math::LIMIT);
        }
    }

    /// Offspring a second at `n = 1`: `sum_j share_j beta_j A_j`.
    #[inline]
    pub fn excitation(&self) -> f64 {
        let [a, b, c] = self.marks;
        let [p, q, r] = self.shares;
        p * a + q * b * 0.1 + r * c * 0.01
    }

    /// Events a second: `mu + n` [`excitation`](Self::excitation).
    #[inline]
    pub fn intensity(&self, mu: f64, n: f64) -> f64 {
        mu + n * self.excitation()
    }
}

/// The ageing of each kernel. One exponential serves all three: their rates are powers of ten of each other.
#[inline]
fn kernel_ages(dt_secs: f64) -> [Ageing; 3] {
    let slow = ageing(dt_secs * 0.01);
    let middle = tenfold(slow.keep);
    let fast = tenfold(middle);
    [Ageing { keep: fast, gain: 1.0 - fast }, Ageing { keep: middle, gain: 1.0 - middle }, slow]
}

/// `x^10`.
#[inline]
fn tenfold(x: f64) -> f64 {
    let two = x * x;
    let four = two * two;
    four * four * two
}

/// What a cascade is told from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CascadeLaw {
    /// Branching ratio of a usual day, 0 to below `n1`.
    pub n0: f64,
    /// Branching ratio of a cascade: near 1, where each event causes the next.
    pub n1: f64,
    /// How offspring divide over the kernels of 1, 10 and 100 s.
    pub shares: [f64; 3],
    /// Time constant over which the baseline is learned, in seconds.
    pub baseline_tau_secs: f64,
    /// The baseline is never below this, in events a second.
    pub mu_floor: f64,
    /// Nor above this.
    pub mu_ceiling: f64,
    /// While the intensity exceeds so many baselines, events count for less in the baseline: a cascade must not become
    /// the new usual.
    pub excess_clip: f64,
}

impl Default for CascadeLaw {
    fn default() -> Self {
        Self {
            n0: 0.5,
            n1: 0.95,
            shares: [1.0 / 3.0; 3],
            baseline_tau_secs: 21_600.0,
            mu_floor: 1e-4,
            mu_ceiling: 100.0,
            excess_clip: 10.0,
        }
    }
}

/// CUSUM on the log-likelihood ratio of a Hawkes process with branching `n1` against `n0` (Wang, Xie, Xie, Cuozzo, Mak,
/// "Sequential change-point detection for mutually exciting point processes", Technometrics 2022).
///
/// At events `G <- max(0, G + ln(lambda1 / lambda0))`, between them `G <- max(0, G - (n1 - n0) x expected offspring)`. Under the
/// usual law `G` stays near zero, and `e^-G` bounds how often it climbs to `G` after a rest.
///
/// The baseline is `mu = (1 - n0) x` a slow rate of all events. In a cascade call the `_frozen` forms: the baseline then stands still.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CascadeCusum {
    g: f64,
    hawkes: Hawkes,
    baseline: Baseline,
    offspring: Offspring,
    seen_secs: f64,
    /// `1 / baseline_tau_secs`.
    baseline_rate: f64,
    law: CascadeLaw,
}

impl CascadeCusum {
    /// At rest, with the baseline at its floor until it is learned.
    ///
    /// # Panics
    /// If the law contradicts itself: not `0 <= n0 < n1`, no time constant, no positive floor at or below the ceiling, clip below 1.
    pub fn new(law: CascadeLaw) -> Self {
        assert!(law.n0 >= 0.0 && law.n0 < law.n1.min(1.0) && usable(law.n1), "needs 0 <= n0 < n1 and n0 < 1: {law:?}");
        assert!(law.baseline_tau_secs > 0.0 && usable(law.baseline_tau_secs), "needs a time constant: {law:?}");
        assert!(
            law.mu_floor > 1e-50 && law.mu_floor <= law.mu_ceiling && usable(law.mu_ceiling),
            "bad limits: {law:?}"
        );
        assert!(law.excess_clip >= 1.0, "excess_clip must be 1 or more: {law:?}");
        Self {
            g: 0.0,
            hawkes: Hawkes::new(law.shares),
            baseline: Baseline::new(law.mu_floor / (1.0 - law.n0)),
            offspring: Offspring::new(law.n0.max(0.01)),
            seen_secs: 0.0,
            baseline_rate: 1.0 / law.baseline_tau_secs,
            law,
        }
    }

    /// Lets `dt_secs` pass without an event; gives `G`.
    #[inline]
    pub fn advance(&mut self, dt_secs: f64) -> f64 {
        self.pass(dt_secs, true);
        self.g
    }

    /// The same with the baseline standing still.
    #[inline]
    pub fn advance_frozen(&mut self, dt_secs: f64) -> f64 {
        self.pass(dt_secs, false);
        self.g
    }

    /// An event of `weight` (its notional over the usual one, capped by the caller), `dt_secs` after the last call; gives `G`.
    /// An unusable time, or a weight that is not above zero, changes nothing.
    #[inline]
    pub fn event(&mut self, dt_secs: f64, weight: f64) -> f64 {
        self.take(dt_secs, weight, true)
    }

    /// The same with the baseline standing still.
    #[inline]
    pub fn event_frozen(&mut self, dt_secs: f64, weight: f64) -> f64 {
        self.take(dt_secs, weight, false)
    }

    /// The evidence for a cascade, in nats; 0 and above.
    #[inline]
    pub fn g(&self) -> f64 {
        self.g
    }

    /// Events a second expected now under the usual law.
    #[inline]
    pub fn intensity(&self) -> f64 {
        self.hawkes.intensity(self.mu(), self.law.n0)
    }

    /// The exogenous rate, in events a second.
    #[inline]
    pub fn mu(&self) -> f64 {
        ((1.0 - self.law.n0) * self.baseline.rate()).clamp(self.law.mu_floor, self.law.mu_ceiling)
    }

    /// The branching ratio of the last hundred events or so, by online expectation-maximisation (Veen, Schoenberg,
    /// "Estimation of space-time branching process models in seismology", JASA 2008): below 1 a chain dies out.
    #[inline]
    pub fn branching(&self) -> f64 {
        self.offspring.branching()
    }

    /// `mu / lambda`: the share of what happens now that came from outside. 1 at rest.
    #[inline]
    pub fn exogenous_share(&self) -> f64 {
        self.mu() / self.intensity()
    }

    /// Time seen, for warm-up.
    #[inline]
    pub fn seen_secs(&self) -> f64 {
        self.seen_secs
    }

    /// Back to no evidence and no excitation; what was learned of the baseline stays.
    pub fn reset(&mut self) {
        self.g = 0.0;
        self.hawkes = Hawkes::new(self.law.shares);
        self.offspring = Offspring::new(self.law.n0.max(0.01));
    }

    #[inline]
    fn pass(&mut self, dt_secs: f64, learn: bool) {
        if !(usable(dt_secs) && dt_secs > 0.0) {
            return;
        }
        let expected = self.hawkes.advance(dt_secs);
        self.g = (self.g - (self.law.n1 - self.law.n0) * expected).max(0.0);
        self.seen_secs += dt_secs;
        if learn {
            self.baseline.pass(ageing(dt_secs * self.baseline_rate));
        }
    }

    #[inline]
    fn take(&mut self, dt_secs: f64, weight: f64, learn: bool) -> f64 {
        if !usable(dt_secs) || !usable(weight) || weight <= 0.0 {
            return self.g;
        }
        self.pass(dt_secs, learn);
        let (mu, excitation) = (self.mu(), self.hawkes.excitation());
        let usual = mu + self.law.n0 * excitation;
        let cascade = mu + self.law.n1 * excitation;
        self.g = (self.g + ln(cascade / usual)).max(0.0);
        self.offspring.event(mu, excitation, weight.clamp(1e-3, MAX_WEIGHT));
        if learn {
            let most = self.law.excess_clip * mu;
            self.baseline.event(if usual > most { most / usual } else { 1.0 } * self.baseline_rate);
        }
        self.hawkes.excite(weight);
        self.g
    }
}

/// The slow rate of all events, unbiased from the start up to a small prior.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Baseline {
    sum: f64,
    weight: f64,
}

impl Baseline {
    /// The prior: `rate`, believed as much as one hundredth of a time constant would be.
    fn new(rate: f64) -> Self {
        Self { sum: 0.01 * rate, weight: 0.01 }
    }

    #[inline]
    fn rate(&self) -> f64 {
        self.sum / self.weight
    }

    #[inline]
    fn pass(&mut self, age: Ageing) {
        self.sum = without_dust(self.sum * age.keep);
        self.weight = self.weight * age.keep + age.gain;
    }

    #[inline]
    fn event(&mut self, rate: f64) {
        self.sum = (self.sum + rate).min(super::math::LIMIT);
    }
}

/// Offspring an event, over the last hundred events or so.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Offspring {
    caused: f64,
    weight: f64,
}

/// Share of the estimate that one event makes up.
const OFFSPRING_STEP: f64 = 0.01;

impl Offspring {
    fn new(n: f64) -> Self {
        Self { caused: n, weight: 1.0 }
    }

    #[inline]
    fn branching(&self) -> f64 {
        self.caused / self.weight
    }

    /// The chance that the event was caused, `n excitation / (mu + n excitation)`, joins the estimate; which stays within
    /// 0.01 to 2, since from zero it could never rise again.
    #[inline]
    fn event(&mut self, mu: f64, excitation: f64, weight: f64) {
        let caused = self.caused * excitation;
        self.caused += OFFSPRING_STEP * (caused / (mu * self.weight + caused) - self.caused);
        self.weight += OFFSPRING_STEP * (weight - self.weight);
        self.caused = self.caused.clamp(0.01 * self.weight, 2.0 * self.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::super::math::{exp, exp_m1};
    use super::super::testing::{Chance, assert_finite, assert_near, bits, dt, no_number, survives};
    use super::*;
    use proptest::prelude::*;

    /// Every event with its age: the sums of the definition.
    #[derive(Default)]
    struct Naive {
        events: Vec<(f64, f64)>,
        g: f64,
    }

    impl Naive {
        fn excitation(&self) -> f64 {
            let kernel = |age: f64| KERNEL_SECS.iter().map(|secs| exp(-age / secs) / secs / 3.0).sum::<f64>();
            self.events.iter().map(|(age, weight)| weight * kernel(*age)).sum()
        }

        fn expected(&self, dt: f64) -> f64 {
            let part = |age: f64| KERNEL_SECS.iter().map(|s| exp(-age / s) * -exp_m1(-dt / s) / 3.0).sum::<f64>();
            self.events.iter().map(|(age, weight)| weight * part(*age)).sum()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn is_the_sum_of_its_definition(calls in prop::collection::vec((dt(), 0.01..10.0_f64, 0..4), 1..80)) {
            let law = CascadeLaw { mu_floor: 0.2, mu_ceiling: 0.2, ..CascadeLaw::default() };
            let (mut cascade, mut naive) = (CascadeCusum::new(law), Naive::default());
            for (dt, weight, dice) in calls {
                let expected = naive.expected(dt);
                assert_near(cascade.hawkes.clone().advance(dt), expected, 1e-12, 1.0);
                naive.g = (naive.g - 0.45 * expected).max(0.0);
                for event in &mut naive.events {
                    event.0 += dt;
                }
                if dice == 0 {
                    cascade.advance(dt);
                } else {
                    let excitation = naive.excitation();
                    naive.g += ln((0.2 + 0.95 * excitation) / (0.2 + 0.5 * excitation));
                    naive.events.push((0.0, weight));
                    cascade.event(dt, weight);
                }
                assert_near(cascade.g(), naive.g, 1e-11, 1.0);
                assert_near(cascade.intensity(), 0.2 + 0.5 * naive.excitation(), 1e-11, 0.0);
            }
        }

        #[test]
        fn no_number_changes_nothing(calls in prop::collection::vec(dt(), 0..20), bad in no_number()) {
            let mut cascade = CascadeCusum::new(CascadeLaw::default());
            for dt in &calls { cascade.event(*dt, 1.0); }
            let before = bits(&cascade);
            cascade.event(bad, 1.0);
            cascade.event(1.0, bad);
            cascade.event(1.0, 0.0);
            cascade.event(1.0, -1.0);
            cascade.advance(bad);
            prop_assert_eq!(bits(&cascade), before);
        }
    }

    /// Ogata's thinning: the waits of a Hawkes process with these `mu` and `n`, fed to `take`.
    fn simulate(chance: &mut Chance, mu: f64, n: f64, events: usize, mut take: impl FnMut(f64)) {
        let mut hawkes = Hawkes::new([1.0; 3]);
        for _ in 0..events {
            let mut waited = 0.0;
            loop {
                let bound = hawkes.intensity(mu, n);
                let wait = chance.wait() / bound;
                hawkes.advance(wait);
                waited += wait;
                if chance.uniform() * bound <= hawkes.intensity(mu, n) {
                    break;
                }
            }
            hawkes.excite(1.0);
            take(waited);
        }
    }

    #[test]
    fn a_usual_day_is_quiet_and_a_cascade_is_heard() {
        let (mut chance, mut cascade) = (Chance(1), CascadeCusum::new(CascadeLaw::default()));
        simulate(&mut chance, 0.02, 0.5, 3000, |dt| {
            cascade.event(dt, 1.0);
        });
        assert_near(cascade.mu(), 0.02, 0.35, 0.0);
        let mut usual = 0.0_f64;
        simulate(&mut chance, 0.02, 0.5, 5000, |dt| usual = usual.max(cascade.event(dt, 1.0)));
        let (mut heard, mut count) = (None, 0);
        simulate(&mut chance, 0.02, 1.2, 300, |dt| {
            count += 1;
            heard = heard.or((cascade.event_frozen(dt, 1.0) > usual.max(ln(5000.0))).then_some(count));
        });
        assert!(usual < 12.0, "usual {usual}");
        assert!(heard.is_some_and(|events| events < 150), "heard after {heard:?} events");
    }

    #[test]
    fn the_branching_ratio_is_recovered() {
        for n in [0.2, 0.5, 0.8] {
            let law = CascadeLaw { mu_floor: 0.05, mu_ceiling: 0.05, ..CascadeLaw::default() };
            let (mut chance, mut cascade) = (Chance(5), CascadeCusum::new(law));
            let (mut sum, mut count) = (0.0, 0.0);
            simulate(&mut chance, 0.05, n, 6000, |dt| {
                cascade.event(dt, 1.0);
                count += 1.0;
                sum += if count > 1000.0 { cascade.branching() / 5000.0 } else { 0.0 };
            });
            assert!((sum - n).abs() < 0.1, "want {n}, got {sum}");
        }
    }

    #[test]
    fn a_cascade_does_not_become_the_new_usual() {
        let (mut chance, mut cascade) = (Chance(2), CascadeCusum::new(CascadeLaw::default()));
        simulate(&mut chance, 0.02, 0.5, 3000, |dt| {
            cascade.event(dt, 1.0);
        });
        let (mut frozen, before) = (cascade.clone(), cascade.mu());
        for _ in 0..2000 {
            cascade.event(0.01, 1.0);
            frozen.event_frozen(0.01, 1.0);
        }
        frozen.advance_frozen(600.0);
        assert!(cascade.mu() < 1.05 * before, "{before} became {}", cascade.mu());
        assert_near(frozen.mu(), before, 0.0, 0.0);
        assert!(cascade.exogenous_share() < 0.01 && cascade.branching() > 0.9);
    }

    #[test]
    fn a_year_of_silence_leaves_a_process_at_rest() {
        let mut cascade = CascadeCusum::new(CascadeLaw::default());
        (0..1000).for_each(|_| {
            cascade.event(0.001, 5.0);
        });
        assert!(cascade.g() > 50.0, "{}", cascade.g());
        cascade.advance(3.15e7);
        assert_near(cascade.g(), 0.0, 0.0, 0.0);
        assert_near(cascade.exogenous_share(), 1.0, 1e-12, 0.0);
        assert!(cascade.event(0.0, 1.0) < 1e-9 && cascade.mu() > 0.0);
        cascade.reset();
        assert_near(cascade.branching(), 0.5, 1e-12, 0.0);
        assert!(cascade.seen_secs() > 3.15e7);
    }

    #[test]
    fn events_of_next_to_no_weight_leave_numbers() {
        let mut cascade = CascadeCusum::new(CascadeLaw { n0: 0.0, mu_floor: 1e-49, ..CascadeLaw::default() });
        for _ in 0..200_000 {
            cascade.event(1e6, 5e-324);
        }
        assert_finite(&cascade, "200,000 events of no weight");
        assert!(cascade.branching() >= 0.01);
    }

    #[test]
    fn survives_anything() {
        survives(CascadeCusum::new(CascadeLaw::default()), |cascade, chance| {
            let (dt, weight) = (chance.time(), chance.misfortune());
            let g = match chance.pick(&[0.0, 1.0, 2.0, 3.0]) as u8 {
                0 => cascade.advance(dt),
                1 => cascade.advance_frozen(dt),
                2 => cascade.event_frozen(dt, weight),
                _ => cascade.event(dt, weight),
            };
            assert!(g >= 0.0 && cascade.intensity().is_finite() && (0.0..=1.0).contains(&cascade.exogenous_share()));
        });
    }
}
