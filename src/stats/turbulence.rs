//! How unlike the past one step of many series is, taken together: turbulence, and each series' part of it.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::cholesky::Factor;
use super::math::{ageing, larger, sqrt, usable, without_dust};

/// No series is ever measured by less than this, so that nothing is divided by zero.
const LEAST_SCALE: f64 = 1e-9;

/// How a [`Turbulence`] learns, and when it begins to score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurbulenceLaw {
    /// Time constant of mean and covariance, above 0.
    pub tau_secs: f64,
    /// Share by which correlations are shrunk towards none, in `[0.001, 1]`.
    pub shrink: f64,
    /// A deviation counts at most this many of its own sigmas when it is learned, above 0.
    pub clip_sigmas: f64,
    /// History a series needs before it takes part in scores.
    pub warm_secs: f64,
}

/// EW mean and covariance of many series on a common grid, and how far a step lies outside of them.
///
/// `d = (1/N) (r - m)' S^-1 (r - m)` over the N series that take part (Kritzman, Li, "Skulls, financial turbulence, and risk
/// management", Financial Analysts Journal 2010; the distance is Mahalanobis'): about 1 on an ordinary step, whatever N is.
/// S is shrunk towards its diagonal, so that it can be inverted however short its history is and however alike two series
/// are. A step is scored before it is learned.
///
/// A series' part of d is what the others do not explain of it: the square of its residual given all of them, in units of the
/// residual's own variance (the last conditional term of Mason, Tracy, Young, "Decomposition of T^2 for multivariate control
/// chart interpretation", J. Quality Technology 1995), all scaled to sum to d. So where one stands still while all others
/// move, the largest part is its own.
///
/// Weights are those of an EW average over their sum, by the time that each value stands for, for each series since it began:
/// no bias at the start, and a newcomer does not wait for `tau`.
///
/// A series that says nothing in a step is left out of it. Scored are the others by their own block of S, which is to
/// marginalise over the silent one. Its mean and variance stay; its covariances fade at half the rate at which the others
/// learn: `S <- K (S + p p') K` with a diagonal K keeps S positive semidefinite, which ageing each pair by itself would not.
/// The price is that series which are often silent look less related than they are.
///
/// The factor is made anew for each score, N^3/6 multiplications: one that were updated by each step could neither be shrunk
/// nor leave series out, and would gather rounding errors.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Kept", into = "Kept")]
pub struct Turbulence {
    law: TurbulenceLaw,
    series: Vec<Series>,
    /// The lower triangle, with the diagonal.
    covariance: Array2<f64>,
    // Of the step under way, or of the last one. A restart falls between two steps.
    offers: Vec<Option<Offer>>,
    chosen: Vec<Chosen>,
    factor: Factor,
    z: Array1<f64>,
    own_way: Array1<f64>,
    keeps: Array1<f64>,
    gains: Array1<f64>,
}

/// What is known of one series by itself, but for its variance.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Series {
    mean: f64,
    /// Sum of the weights behind mean and variance, in `[0, 1]`.
    weight: f64,
    seen_secs: f64,
}

/// What a series says in a step.
#[derive(Clone, Copy, Debug)]
struct Offer {
    x: f64,
    /// Time it stands for, not negative.
    secs: f64,
    /// What it is measured by: the series' own sigma, or the least scale that was asked for.
    scale: f64,
}

/// A series that takes part in a score.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    series: usize,
    scale: f64,
    /// Deviation from its mean, in its scale.
    z: f64,
    /// Its part of the score.
    part: f64,
}

impl Turbulence {
    /// An empty panel of `series` series.
    ///
    /// # Panics
    /// If a figure of the law is outside its range.
    pub fn new(law: TurbulenceLaw, series: usize) -> Self {
        assert!(law.tau_secs > 0.0 && usable(law.tau_secs), "tau_secs must be above 0, got {}", law.tau_secs);
        assert!((0.001..=1.0).contains(&law.shrink), "shrink must be from 0.001 to 1, got {}", law.shrink);
        assert!(law.clip_sigmas > 0.0, "clip_sigmas must be above 0, got {}", law.clip_sigmas);
        Self::with(law, vec![Series::default(); series], Array2::zeros((series, series)))
    }

    fn with(law: TurbulenceLaw, series: Vec<Series>, covariance: Array2<f64>) -> Self {
        let n = series.len();
        let [z, own_way, keeps, gains] = [(); 4].map(|()| Array1::zeros(n));
        let (offers, chosen, factor) = (vec![None; n], Vec::with_capacity(n), Factor::new(n));
        Self { law, series, covariance, offers, chosen, factor, z, own_way, keeps, gains }
    }

    /// Makes room for newcomers behind the series there are. Allocates.
    pub fn widen(&mut self, series: usize) {
        if series > self.series.len() {
            let mut covariance = Array2::zeros((series, series));
            for (mut row, known) in covariance.rows_mut().into_iter().zip(self.covariance.rows()) {
                row.iter_mut().zip(known).for_each(|(place, entry)| *place = *entry);
            }
            self.series.resize(series, Series::default());
            *self = Self::with(self.law, std::mem::take(&mut self.series), covariance);
        }
    }

    /// What a series says in this step, over how long a time, and the least scale that it shall be measured by; false if any
    /// of them is unusable or there is no such series, and then nothing changed.
    pub fn offer(&mut self, series: usize, x: f64, secs: f64, least_scale: f64) -> bool {
        let (Some(offer), Some(variance)) = (self.offers.get_mut(series), self.covariance.get([series, series])) else {
            return false;
        };
        let usable = [x, secs, least_scale].into_iter().all(usable);
        if usable {
            let scale = larger(sqrt(*variance), larger(least_scale, LEAST_SCALE));
            *offer = Some(Offer { x, secs: larger(secs, 0.0), scale });
        }
        usable
    }

    /// Ends a step: scores what was offered, then learns it. The turbulence; 0 while no series takes part.
    pub fn step(&mut self) -> f64 {
        let score = self.score();
        self.learn();
        self.offers.fill(None);
        score
    }

    /// The series that took part in the last score, in order: they said something and had history enough.
    pub fn took_part(&self) -> impl ExactSizeIterator<Item = usize> {
        self.chosen.iter().map(|chosen| chosen.series)
    }

    /// A series' part of the last score, 0 where it took none. Never negative; the parts sum to the turbulence.
    pub fn part(&self, series: usize) -> f64 {
        self.chosen.iter().find(|chosen| chosen.series == series).map_or(0.0, |chosen| chosen.part)
    }

    fn score(&mut self) -> f64 {
        self.choose();
        if self.chosen.is_empty() {
            return 0.0;
        }
        self.factorise();
        self.z.iter_mut().zip(&self.chosen).for_each(|(z, chosen)| *z = chosen.z);
        self.factor.solve(flat(&mut self.z));
        let score = dot(&self.z, &self.z, self.chosen.len()) / self.chosen.len() as f64;
        self.divide(score);
        score
    }

    fn choose(&mut self) {
        self.chosen.clear();
        for (series, (known, offer)) in self.series.iter().zip(&self.offers).enumerate() {
            let Some(Offer { x, scale, .. }) = *offer else { continue };
            if known.seen_secs >= self.law.warm_secs {
                self.chosen.push(Chosen { series, scale, z: (x - known.mean) / scale, part: 0.0 });
            }
        }
    }

    fn factorise(&mut self) {
        let (chosen, covariance, shrink) = (&self.chosen, &self.covariance, self.law.shrink);
        // Shrinkage alone leaves each series as much of its own as `shrink`.
        self.factor.set(chosen.len(), shrink, |i, j| {
            let (Some(a), Some(b)) = (chosen.get(i), chosen.get(j)) else { return 0.0 };
            let covariance = covariance.get([a.series, b.series]).copied().unwrap_or(0.0);
            (1.0 - shrink) * (covariance / (a.scale * b.scale))
        });
    }

    /// Gives each its part. `L^-1 e` is the way that only one series can take: the step along it, in units of that way's
    /// length, is what the others do not explain of that series.
    fn divide(&mut self, score: f64) {
        let (n, mut total) = (self.chosen.len(), 0.0);
        for (place, chosen) in self.chosen.iter_mut().enumerate() {
            self.own_way.iter_mut().enumerate().for_each(|(i, e)| *e = f64::from(u8::from(i == place)));
            self.factor.solve(flat(&mut self.own_way));
            let along = dot(&self.own_way, &self.z, n);
            chosen.part = along * along / dot(&self.own_way, &self.own_way, n);
            total += chosen.part;
        }
        let per_total = if total > 0.0 { score / total } else { 0.0 };
        self.chosen.iter_mut().for_each(|chosen| chosen.part *= per_total);
    }

    fn learn(&mut self) {
        let turned = self.keeps.iter_mut().zip(&mut self.gains);
        for ((known, offer), (keep, gain)) in self.series.iter_mut().zip(&self.offers).zip(turned) {
            (*keep, *gain) = offer.map_or((1.0, 0.0), |offer| known.learn(&offer, &self.law));
        }
        let turned = || self.keeps.iter().zip(&self.gains);
        for ((i, mut row), (keep, gain)) in self.covariance.rows_mut().into_iter().enumerate().zip(turned()) {
            for (entry, (other_keep, other_gain)) in row.iter_mut().zip(turned()).take(i + 1) {
                *entry = without_dust(keep * other_keep * (*entry + gain * other_gain));
            }
        }
    }
}

impl Series {
    /// Moves the mean. What its row of the covariance keeps, and what is added before: `K` and `p` above.
    fn learn(&mut self, offer: &Offer, law: &TurbulenceLaw) -> (f64, f64) {
        let age = ageing(offer.secs / law.tau_secs);
        self.seen_secs += offer.secs;
        self.weight = age.keep * self.weight + age.gain;
        // No time to speak of has passed.
        if self.weight <= 0.0 {
            return (1.0, 0.0);
        }
        let (gain, most) = (age.gain / self.weight, law.clip_sigmas * offer.scale);
        let deviation = (offer.x - self.mean).clamp(-most, most);
        self.mean += gain * deviation;
        (sqrt(1.0 - gain), sqrt(gain) * deviation)
    }
}

/// The numbers of an array in a row; ours always are.
fn flat(array: &mut Array1<f64>) -> &mut [f64] {
    array.as_slice_mut().unwrap_or_default()
}

/// Over the first `n`, from the first to the last.
fn dot(a: &Array1<f64>, b: &Array1<f64>, n: usize) -> f64 {
    a.iter().zip(b).take(n).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// What a snapshot keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    law: TurbulenceLaw,
    series: Vec<Series>,
    /// The lower triangle, row by row.
    covariance: Vec<f64>,
}

impl From<Turbulence> for Kept {
    fn from(panel: Turbulence) -> Self {
        let rows = panel.covariance.rows().into_iter().enumerate();
        let covariance = rows.flat_map(|(i, row)| row.to_vec().into_iter().take(i + 1)).collect();
        Self { law: panel.law, series: panel.series, covariance }
    }
}

impl TryFrom<Kept> for Turbulence {
    type Error = &'static str;

    fn try_from(kept: Kept) -> Result<Self, Self::Error> {
        let n = kept.series.len();
        if kept.covariance.len() != n * (n + 1) / 2 {
            return Err("as many covariances as there are pairs of series");
        }
        let (mut covariance, mut entries) = (Array2::zeros((n, n)), kept.covariance.into_iter());
        for (i, mut row) in covariance.rows_mut().into_iter().enumerate() {
            row.iter_mut().take(i + 1).zip(&mut entries).for_each(|(place, entry)| *place = entry);
        }
        Ok(Self::with(kept.law, kept.series, covariance))
    }
}

#[cfg(test)]
mod tests {
    use super::super::math::exp;
    use super::super::testing::{Chance, assert_near, bits, no_number, restored, survives};
    use super::*;
    use proptest::prelude::*;

    const LAW: TurbulenceLaw = TurbulenceLaw { tau_secs: 600.0, shrink: 0.1, clip_sigmas: 6.0, warm_secs: 0.0 };
    const UNCLIPPED: TurbulenceLaw = TurbulenceLaw { clip_sigmas: 1e15, ..LAW };
    const STEP_SECS: f64 = 5.0;
    const LEAST: f64 = 1e-6;

    /// A step of series that share more than half of their variance, each of its own size.
    fn step(chance: &mut Chance, series: usize) -> Vec<f64> {
        let common = chance.normal();
        (0..series).map(|i| 1e-4 * (i + 1) as f64 * (0.8 * common + 0.6 * chance.normal())).collect()
    }

    /// Offers all but `silent`, and ends the step.
    fn take(panel: &mut Turbulence, xs: &[f64], silent: Option<usize>) -> f64 {
        for (i, x) in xs.iter().enumerate().filter(|(i, _)| Some(*i) != silent) {
            assert!(panel.offer(i, *x, STEP_SECS, LEAST));
        }
        panel.step()
    }

    fn parts(panel: &Turbulence) -> Vec<f64> {
        (0..panel.series.len()).map(|i| panel.part(i)).collect()
    }

    fn learned(law: TurbulenceLaw, series: usize, steps: usize, chance: &mut Chance) -> Turbulence {
        let mut panel = Turbulence::new(law, series);
        for _ in 0..steps {
            take(&mut panel, &step(chance, series), None);
        }
        panel
    }

    /// The oracle: explicit weights, two passes, and the whole matrix inverted.
    struct Dense {
        deviation: Vec<f64>,
        shrunk: Vec<Vec<f64>>,
    }

    impl Dense {
        fn of(history: &[(Vec<f64>, f64)], now: &[f64]) -> Self {
            let mut weights = Vec::new();
            for (_, dt) in history {
                let keep = exp(-dt / UNCLIPPED.tau_secs);
                for w in &mut weights {
                    *w *= keep;
                }
                weights.push(1.0 - keep);
            }
            let total: f64 = weights.iter().sum();
            let average = |f: &dyn Fn(&[f64]) -> f64| {
                history.iter().zip(&weights).map(|((xs, _), w)| w * f(xs)).sum::<f64>() / total
            };
            let mean: Vec<f64> = (0..now.len()).map(|i| average(&|xs| xs[i])).collect();
            let entry = |i: usize, j: usize| {
                let covariance = average(&|xs| (xs[i] - mean[i]) * (xs[j] - mean[j]));
                if i == j { covariance.max(LEAST * LEAST) } else { (1.0 - UNCLIPPED.shrink) * covariance }
            };
            let shrunk = (0..now.len()).map(|i| (0..now.len()).map(|j| entry(i, j)).collect()).collect();
            Self { deviation: now.iter().zip(&mean).map(|(x, m)| x - m).collect(), shrunk }
        }

        /// The squared distance over these series alone.
        fn distance(&self, of: &[usize]) -> f64 {
            let matrix: Vec<Vec<f64>> = of.iter().map(|&i| of.iter().map(|&j| self.shrunk[i][j]).collect()).collect();
            let x: Vec<f64> = of.iter().map(|&i| self.deviation[i]).collect();
            let solved = solved(matrix, x.clone());
            x.iter().zip(solved).map(|(a, b)| a * b).sum()
        }
    }

    /// `A^-1 b` by Gauss and Jordan.
    fn solved(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        for k in 0..b.len() {
            let pivot = (k..b.len()).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
            a.swap(k, pivot);
            b.swap(k, pivot);
            for i in (0..b.len()).filter(|i| *i != k) {
                let factor = a[i][k] / a[k][k];
                let row = a[k].clone();
                a[i].iter_mut().zip(row).for_each(|(x, y)| *x -= factor * y);
                b[i] -= factor * b[k];
            }
        }
        b.iter().enumerate().map(|(k, x)| x / a[k][k]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn is_the_distance_by_explicit_weights_and_a_dense_inverse(
            n in 1..10_usize, waits in prop::collection::vec(1.0..60.0_f64, 2..80), seed in any::<u64>()
        ) {
            let (mut panel, mut chance, mut history) = (Turbulence::new(UNCLIPPED, n), Chance(seed), Vec::new());
            for dt in waits {
                let xs = step(&mut chance, n);
                xs.iter().enumerate().for_each(|(i, x)| assert!(panel.offer(i, *x, dt, LEAST)));
                let score = panel.step();
                if !history.is_empty() {
                    let (dense, all) = (Dense::of(&history, &xs), (0..n).collect::<Vec<_>>());
                    let want = dense.distance(&all);
                    assert_near(score, want / n as f64, 1e-9, 1e-9);
                    let alone = |i: usize| want - dense.distance(&all.iter().copied().filter(|j| *j != i).collect::<Vec<_>>());
                    let total: f64 = all.iter().map(|i| alone(*i)).sum();
                    for i in &all {
                        assert_near(panel.part(*i), score * alone(*i) / total, 1e-9, score.max(1.0));
                    }
                }
                history.push((xs, dt));
            }
        }

        /// Whether a series was there at other times does not matter to a step in which it is silent.
        #[test]
        fn a_silent_series_is_left_out_as_if_it_had_never_been(seed in any::<u64>(), silence in 0.05..0.95_f64, gone in 0..5_usize) {
            let (mut all, mut others) = (Turbulence::new(LAW, 5), Turbulence::new(LAW, 4));
            let mut chance = Chance(seed);
            for _ in 0..200 {
                let mut xs = step(&mut chance, 5);
                let silent = (chance.uniform() < silence).then_some(gone);
                let score = take(&mut all, &xs, silent);
                let mut its = parts(&all);
                xs.remove(gone);
                its.remove(gone);
                let want = take(&mut others, &xs, None);
                if silent.is_some() {
                    prop_assert_eq!(score.to_bits(), want.to_bits());
                    prop_assert_eq!(its, parts(&others));
                }
            }
        }

        #[test]
        fn parts_are_never_negative_and_sum_to_the_turbulence(seed in any::<u64>(), n in 1..64_usize) {
            let mut chance = Chance(seed);
            let mut panel = learned(LAW, n, 20, &mut chance);
            for _ in 0..20 {
                let silent = (n as f64 * chance.uniform()) as usize;
                let score = take(&mut panel, &step(&mut chance, n), Some(silent));
                prop_assert!(parts(&panel).iter().all(|part| *part >= 0.0));
                assert_near(parts(&panel).iter().sum(), score, 1e-12, 1e-12);
            }
        }

        #[test]
        fn no_number_changes_nothing(seed in any::<u64>(), bad in no_number()) {
            let mut panel = learned(LAW, 3, 30, &mut Chance(seed));
            let before = bits(&panel);
            prop_assert!(!panel.offer(1, bad, STEP_SECS, LEAST) && !panel.offer(1, 0.0, STEP_SECS, bad));
            prop_assert!(!panel.offer(1, 0.0, bad, LEAST) && !panel.offer(3, 0.0, STEP_SECS, LEAST));
            assert_near(panel.step(), 0.0, 0.0, 0.0);
            prop_assert_eq!(bits(&panel), before);
        }
    }

    #[test]
    fn no_time_teaches_nothing() {
        let mut panel = learned(LAW, 2, 30, &mut Chance(1));
        let before = bits(&panel);
        for secs in [0.0, -5.0, 5e-324] {
            assert!(panel.offer(0, 1.0, secs, LEAST));
            assert!(panel.step() > 0.0);
        }
        assert_eq!(bits(&panel), before);
    }

    #[test]
    fn an_ordinary_step_is_about_one_whatever_the_number_of_series() {
        for n in [1, 4, 16, 64] {
            let mut chance = Chance(3);
            let mut panel = learned(TurbulenceLaw { tau_secs: 21_600.0, ..LAW }, n, 4000, &mut chance);
            let mean = (0..500).map(|_| take(&mut panel, &step(&mut chance, n), None)).sum::<f64>() / 500.0;
            assert!((0.85..1.15).contains(&mean), "{n} series: {mean}");
        }
    }

    #[test]
    fn the_one_that_stood_still_while_all_others_moved_has_the_largest_part() {
        let mut chance = Chance(4);
        let panel = learned(LAW, 8, 1000, &mut chance);
        let together: Vec<f64> = (1..=8).map(|i| 6e-4 * f64::from(i)).collect();
        let mut still = together.clone();
        still[5] = 0.0;
        let (mut one, mut other) = (panel.clone(), panel);
        let (all, but_one) = (take(&mut one, &together, None), take(&mut other, &still, None));
        assert!(but_one > 1.5 * all, "{but_one} against {all}");
        let parts = parts(&other);
        assert!(parts.iter().enumerate().all(|(i, part)| i == 5 || 5.0 * part < parts[5]), "{parts:?}");
    }

    #[test]
    fn a_bad_tick_counts_as_six_sigmas_and_not_more() {
        let mut chance = Chance(5);
        let panel = learned(LAW, 2, 1000, &mut chance);
        let (mut hit, mut spared) = (panel.clone(), panel);
        let sigma = sqrt(hit.covariance[[0, 0]]);
        take(&mut hit, &[1e9, 0.0], None);
        take(&mut spared, &[hit.series[0].mean + 6.0 * sigma, 0.0], None);
        assert!(sqrt(hit.covariance[[0, 0]]) < 1.2 * sigma);
        assert_near(hit.covariance[[0, 0]], spared.covariance[[0, 0]], 0.02, 0.0);
    }

    #[test]
    fn a_bad_tick_fades_with_time() {
        let mut chance = Chance(6);
        let panel = learned(LAW, 3, 200, &mut chance);
        let (mut hit, mut spared) = (panel.clone(), panel);
        take(&mut hit, &[1e9, -1e9, 0.0], None);
        take(&mut spared, &[0.0, 0.0, 0.0], None);
        let (mut score, mut want) = (0.0, 0.0);
        for _ in 0..5000 {
            let xs = step(&mut chance, 3);
            (score, want) = (take(&mut hit, &xs, None), take(&mut spared, &xs, None));
        }
        assert_near(score, want, 1e-9, 1.0);
    }

    /// A price that never moved and then moves by its least step is no catastrophe.
    #[test]
    fn a_frozen_series_is_measured_by_its_least_scale() {
        let mut panel = Turbulence::new(LAW, 1);
        for _ in 0..1000 {
            panel.offer(0, 0.0, STEP_SECS, 1e-4);
            panel.step();
        }
        panel.offer(0, 3e-4, STEP_SECS, 1e-4);
        assert_near(panel.step(), 9.0, 1e-12, 0.0);
    }

    #[test]
    fn a_newcomer_takes_part_once_it_is_warm_and_changes_nothing_before() {
        let law = TurbulenceLaw { warm_secs: 100.0, ..LAW };
        let mut chance = Chance(8);
        let mut panel = learned(law, 2, 50, &mut chance);
        let mut without = panel.clone();
        panel.widen(3);
        for round in 0..40 {
            let xs = step(&mut chance, 3);
            let (with_it, want) = (take(&mut panel, &xs, None), take(&mut without, &xs[..2], None));
            let warm = round >= 20;
            assert_eq!(panel.took_part().len(), if warm { 3 } else { 2 }, "round {round}");
            assert_eq!(with_it.to_bits() == want.to_bits(), !warm, "round {round}");
        }
        assert_eq!(bits(&restored(&panel)), bits(&panel));
    }

    #[test]
    fn a_state_of_another_shape_is_refused() {
        let mut kept = Kept::from(Turbulence::new(LAW, 3));
        assert!(Turbulence::try_from(kept.clone()).is_ok());
        kept.covariance.push(0.0);
        assert!(Turbulence::try_from(kept).is_err());
    }

    #[test]
    fn survives_anything() {
        survives(Turbulence::new(TurbulenceLaw { warm_secs: 10.0, ..LAW }, 4), |panel, chance| {
            for series in 0..4 {
                if chance.uniform() < 0.8 {
                    panel.offer(series, chance.misfortune(), chance.time(), chance.misfortune());
                }
            }
            let score = panel.step();
            assert!(score.is_finite() && score >= 0.0 && parts(panel).iter().all(|part| part.is_finite()), "{score}");
        });
    }
}
