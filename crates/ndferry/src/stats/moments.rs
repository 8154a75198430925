//! [`Moments`]: mean and standard deviation, added up in parts.

/// How many numbers, their sum, and the sum of their squared distances from their mean.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    n: u64,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// Of these numbers: first their mean, then the distances from it, as NumPy does with all of them.
    pub(super) fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let n = values.len() as u64;
        let sum = sum(values, |x| x);
        let mean = sum / n as f64;
        let squares = sum_of(values, mean);
        Self { n, sum, squares }
    }

    /// Of `count` times the same number.
    pub(super) fn of_same(value: f64, count: u64) -> Self {
        Self {
            n: count,
            sum: value * count as f64,
            // As NumPy has it: the distance between infinities is NaN.
            squares: if value.is_finite() { 0.0 } else { f64::NAN },
        }
    }

    /// Takes in the others' (Chan, Golub and LeVeque 1979).
    pub(super) fn merge(&mut self, other: &Self) {
        if self.n == 0 {
            *self = *other;
        } else if other.n > 0 {
            let (a, b) = (self.n as f64, other.n as f64);
            let distance = other.sum / b - self.sum / a;
            self.squares += other.squares + distance * distance * (a * b / (a + b));
            self.sum += other.sum;
            self.n += other.n;
        }
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }

    pub(super) fn std(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    pub(super) fn variance(&self) -> Option<f64> {
        (self.n > 0).then(|| self.squares / self.n as f64)
    }
}

fn sum_of(values: &[f64], mean: f64) -> f64 {
    sum(values, |x| (x - mean) * (x - mean))
}

/// In eight lanes, which is faster and rounds less than one after the other.
fn sum(values: &[f64], map: impl Fn(f64) -> f64) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for eight in eights {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            *lane += map(*x);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|x| map(*x)).sum::<f64>()
}
