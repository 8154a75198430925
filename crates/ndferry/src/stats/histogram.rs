//! [`Histogram`]: how many numbers lie in each of some equal bins.

/// How many numbers lie in each of some equally wide bins (`numpy.histogram`).
///
/// Every bin holds its lower edge and not its upper one, but the last one holds both.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// The bins' edges, ascending: one more than there are bins.
    pub edges: Vec<f64>,
    /// How many numbers are in each.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Bins without numbers from the smallest to the largest finite number. `None` if their difference is not finite.
    pub(super) fn empty(mut min: f64, mut max: f64, bins: usize) -> Option<Self> {
        if min == max {
            (min, max) = (min - 0.5, max + 0.5);
        }
        let width = max - min;
        if bins == 0 || !width.is_finite() {
            return None;
        }
        // As numpy.linspace, to the last bit.
        let step = width / bins as f64;
        let edge = |i: usize| {
            if step == 0.0 {
                i as f64 / bins as f64 * width + min
            } else {
                i as f64 * step + min
            }
        };
        let mut edges: Vec<f64> = (0..bins).map(edge).collect();
        edges.push(max);
        Some(Self {
            edges,
            counts: vec![0; bins],
        })
    }

    /// Counts a finite number from the first to the last edge.
    pub(super) fn add(&mut self, value: f64, count: u64) {
        let bins = self.counts.len();
        let (first, last) = (self.edges[0], self.edges[bins]);
        let place = (value - first) / (last - first) * bins as f64;
        let mut bin = (place as usize).min(bins - 1);
        // Rounding may have put it on the wrong side of an edge.
        if value < self.edges[bin] {
            bin = bin.saturating_sub(1);
        } else if value >= self.edges[bin + 1] && bin + 1 < bins {
            bin += 1;
        }
        self.counts[bin] += count;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }
}
