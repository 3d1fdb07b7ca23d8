//! The Cholesky factor of a matrix of correlations. Storage is ndarray's; the loops are ours, in one fixed order.

use ndarray::{Array1, Array2, Axis};

use super::math::{larger, sqrt};

/// `A = L L'` for a symmetric A with ones in its diagonal; room for a largest size, used by any smaller one.
///
/// Kept is L', so that every loop runs along a row: no sum waits for its last term, and the order of each is fixed.
#[derive(Clone, Debug)]
pub struct Factor {
    size: usize,
    upper: Array2<f64>,
    /// One over the diagonal.
    per_pivot: Array1<f64>,
}

impl Factor {
    /// Room for matrices of up to `size_max` rows. The only call that allocates.
    pub fn new(size_max: usize) -> Self {
        Self { size: 0, upper: Array2::zeros((size_max, size_max)), per_pivot: Array1::zeros(size_max) }
    }

    /// Factors the matrix of the correlations `of(i, j)`, asked for `j < i < size` only and read as within one of zero; as
    /// much of it as there is room for.
    ///
    /// What a series keeps for itself beside the ones before it (the square of its pivot) counts as `least` at least, which
    /// must be above 0: a matrix that rounding has made singular, or that is none of correlations, has a factor too.
    pub fn set(&mut self, size: usize, least: f64, of: impl Fn(usize, usize) -> f64) {
        self.size = size.min(self.per_pivot.len());
        for (j, per_pivot) in self.per_pivot.iter_mut().take(self.size).enumerate() {
            let (above, mut rest) = self.upper.view_mut().split_at(Axis(0), j);
            let row = rest.as_slice_mut().and_then(|rest| rest.get_mut(j..self.size));
            let Some((own, others)) = row.and_then(|row| row.split_first_mut()) else { return };
            *own = 1.0;
            for (i, entry) in (j + 1..).zip(others.iter_mut()) {
                *entry = of(i, j).clamp(-1.0, 1.0);
            }
            for earlier in above.rows() {
                let Some([shared, theirs @ ..]) = earlier.to_slice().and_then(|row| row.get(j..)) else { return };
                *own -= shared * shared;
                subtract(others, *shared, theirs);
            }
            *per_pivot = 1.0 / sqrt(larger(*own, least));
            for entry in others {
                *entry *= *per_pivot;
            }
        }
    }

    /// `L^-1 b` in the place of `b`, by forward substitution; what `b` has beyond the size of the matrix stays.
    pub fn solve(&self, b: &mut [f64]) {
        for (j, (row, per_pivot)) in self.upper.rows().into_iter().zip(&self.per_pivot).take(self.size).enumerate() {
            let others = row.to_slice().and_then(|row| row.get(j + 1..self.size));
            let (Some(others), Some([x, rest @ ..])) = (others, b.get_mut(j..)) else { return };
            *x *= per_pivot;
            if *x != 0.0 {
                subtract(rest, *x, others);
            }
        }
    }
}

/// `from - times what`, as far as the shorter one reaches.
fn subtract(from: &mut [f64], times: f64, what: &[f64]) {
    for (x, y) in from.iter_mut().zip(what) {
        *x -= times * y;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Chance, assert_near};
    use super::*;
    use proptest::prelude::*;

    /// Correlations of as many directions by chance, in as many dimensions: positive definite.
    fn correlations(size: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut chance = Chance(seed);
        let mut directions: Vec<Vec<f64>> =
            (0..size).map(|_| (0..size + 2).map(|_| chance.normal()).collect()).collect();
        for direction in &mut directions {
            let length = f64::sqrt(direction.iter().map(|x| x * x).sum());
            for x in direction {
                *x /= length;
            }
        }
        let cosine = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum();
        directions.iter().map(|a| directions.iter().map(|b| cosine(a, b)).collect()).collect()
    }

    proptest! {
        /// `|L^-1 b|^2 = b' A^-1 b`: of `b = A x` that is `x' A x`, which needs no inverse.
        #[test]
        fn solves_what_it_factored(size in 1..64_usize, seed in any::<u64>()) {
            let matrix = correlations(size, seed);
            let mut factor = Factor::new(64);
            factor.set(size, 1e-12, |i, j| matrix[i][j]);
            let mut chance = Chance(!seed);
            let x: Vec<f64> = (0..size).map(|_| chance.normal()).collect();
            let mut b: Vec<f64> = matrix.iter().map(|row| row.iter().zip(&x).map(|(a, x)| a * x).sum()).collect();
            let want: f64 = b.iter().zip(&x).map(|(b, x)| b * x).sum();
            b.push(7.0);
            factor.solve(&mut b);
            prop_assert_eq!(b.pop(), Some(7.0));
            assert_near(b.iter().map(|y| y * y).sum(), want, 1e-9, 1.0);
        }
    }

    #[test]
    fn what_is_no_matrix_of_correlations_has_a_factor_too() {
        for wrong in [1.0, -1.0, 5.0, 1e100] {
            let mut factor = Factor::new(4);
            factor.set(4, 0.1, |_, _| wrong);
            let mut b = [1.0; 4];
            factor.solve(&mut b);
            assert!(b.iter().all(|y| y.is_finite()), "{wrong}: {b:?}");
        }
    }

    #[test]
    fn beyond_its_room_it_takes_as_much_as_there_is_room_for() {
        let mut factor = Factor::new(2);
        factor.set(9, 0.1, |_, _| 0.0);
        let mut b = [3.0; 4];
        factor.solve(&mut b);
        assert_eq!(b.map(f64::to_bits), [3.0_f64.to_bits(); 4]);
    }
}
