use ndferry_array::{Array, ByteOrder, Element, Order};
use proptest::prelude::*;

use super::*;

fn of(array: Array, options: &StatsOptions) -> Stats {
    stats(&array.into(), options, &()).unwrap().remove(0)
}

fn options(percentiles: &[f64], bins: usize) -> StatsOptions {
    StatsOptions {
        percentiles: percentiles.to_vec(),
        bins,
        threads: 2,
        ..StatsOptions::default()
    }
}

fn line<T: Element>(values: &[T]) -> Array {
    Array::from_elements(&[values.len()], values).unwrap()
}

#[test]
fn nan_is_counted_and_left_out() {
    let array = line(&[f64::NAN, 3.0, 0.0, -1.0, f64::INFINITY]);
    let stats = of(array, &options(&[50.0], 2));
    assert_eq!((stats.n, stats.nan, stats.inf, stats.zeros), (5, 1, 1, 1));
    assert_eq!(stats.min, Some(Number::Float(-1.0)));
    assert_eq!(stats.max, Some(Number::Float(f64::INFINITY)));
    assert_eq!(stats.percentiles, [(50.0, 1.5)]);
    let histogram = stats.histogram.unwrap();
    assert_eq!(histogram.edges, [-1.0, 1.0, 3.0]);
    assert_eq!(histogram.counts, [2, 1]);
}

#[test]
fn nothing_has_no_mean() {
    for array in [line::<f64>(&[]), line(&[f64::NAN]), line::<u8>(&[])] {
        let stats = of(array, &options(&[50.0], 3));
        assert_eq!((stats.mean, stats.std, stats.min), (None, None, None));
        assert!(stats.percentiles.is_empty() && stats.histogram.is_none());
    }
}

#[test]
fn large_integers_keep_every_digit() {
    let stats = of(line(&[u64::MAX, u64::MAX - 1]), &options(&[], 0));
    assert_eq!(stats.min, Some(Number::Uint(u64::MAX - 1)));
    let stats = of(line(&[i64::MIN, 5]), &options(&[], 0));
    assert_eq!((stats.min, stats.nan), (Some(Number::Int(i64::MIN)), 0));
}

#[test]
fn times_are_ticks_and_nat_is_no_time() {
    let ticks: Vec<u8> = [ndferry_array::NAT, 7, 9]
        .iter()
        .flat_map(|n: &i64| n.to_le_bytes())
        .collect();
    let dtype = Dtype::parse("<M8[ms]").unwrap();
    let stats = of(
        Array::contiguous(dtype, &[3], Order::C, ticks).unwrap(),
        &options(&[], 0),
    );
    assert_eq!((stats.nan, stats.min), (1, Some(Number::Int(7))));
    assert_eq!(stats.mean, Some(Number::Float(8.0)));
}

#[test]
fn fields_are_looked_at_one_by_one() {
    let dtype = Dtype::parse("<i2,S3,(2,)<f4").unwrap();
    let mut bytes = Vec::new();
    for i in [1i16, 3] {
        bytes.extend(i.to_le_bytes());
        bytes.extend(b"abc");
        bytes.extend(f32::from(i).to_le_bytes());
        bytes.extend(10f32.to_le_bytes());
    }
    let array = Array::contiguous(dtype, &[2], Order::C, bytes).unwrap();
    let stats = stats(&array.into(), &options(&[], 0), &()).unwrap();
    let names: Vec<&str> = stats.iter().map(|stats| &*stats.field).collect();
    assert_eq!(names, ["f0", "f2"]);
    assert_eq!((stats[0].n, stats[0].mean), (2, Some(Number::Float(2.0))));
    assert_eq!((stats[1].n, stats[1].mean), (4, Some(Number::Float(6.0))));
}

#[test]
fn text_has_no_statistics() {
    let array = Array::contiguous(Dtype::parse("S2").unwrap(), &[1], Order::C, vec![0; 2]).unwrap();
    assert!(stats(&array.into(), &options(&[], 0), &()).is_err());
}

#[test]
fn many_numbers_are_read_again_with_the_same_result() {
    // More than are kept, so that the percentiles come from the search; in several runs and threads.
    let values: Vec<f64> = (0..400_000u64)
        .map(|i| (i * 7919 % 400_000) as f64 / 7.0 - 1000.0)
        .collect();
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let stats = of(line(&values), &options(&[0.0, 0.1, 50.0, 100.0], 10));
    let place = 0.1 / 100.0 * 399_999.0;
    let low = sorted[399] + (sorted[400] - sorted[399]) * (place - 399.0);
    let expected = [
        sorted[0],
        low,
        (sorted[199_999] + sorted[200_000]) / 2.0,
        sorted[399_999],
    ];
    for ((_, found), expected) in stats.percentiles.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-9 * expected.abs(),
            "{found} {expected}"
        );
    }
    assert_eq!(stats.histogram.unwrap().counts, [40_000; 10]);
    assert_eq!(
        of(line(&values), &options(&[], 0)).mean,
        stats.mean,
        "the same however many threads"
    );
}

#[test]
fn an_axis_gives_a_result_for_each_index() {
    let array = Array::from_elements(&[2, 3, 2], &(0..12).collect::<Vec<i32>>()).unwrap();
    for (axis, means) in [
        (0, vec![2.5, 8.5]),
        (1, vec![3.5, 5.5, 7.5]),
        (-1, vec![5.0, 6.0]),
    ] {
        for order in [Order::C, Order::F] {
            let array = array.clone().into_order(order).unwrap();
            let options = StatsOptions {
                axis: Some(axis),
                ..StatsOptions::default()
            };
            let stats = stats(&array.into(), &options, &()).unwrap();
            let found: Vec<f64> = stats
                .iter()
                .map(|stats| stats.mean.unwrap().to_f64())
                .collect();
            assert_eq!(found, means, "axis {axis}");
        }
    }
    let options = StatsOptions {
        axis: Some(3),
        ..StatsOptions::default()
    };
    assert!(stats(&array.into(), &options, &()).is_err());
}

proptest! {
    #[test]
    fn swapped_bytes_change_nothing(values in proptest::collection::vec(any::<i16>(), 0..50)) {
        let array = line(&values);
        let big = array.view().to_byteorder(ByteOrder::Big).unwrap();
        let options = options(&[25.0, 75.0], 4);
        let (mut a, b) = (of(array, &options), of(big, &options));
        a.dtype = b.dtype.clone();
        prop_assert_eq!(a, b);
    }

    #[test]
    fn narrow_and_wide_agree(values in proptest::collection::vec(any::<i16>(), 1..50)) {
        let wide: Vec<i32> = values.iter().map(|n| i32::from(*n)).collect();
        let options = options(&[1.0, 33.0, 99.0], 7);
        let (a, b) = (of(line(&values), &options), of(line(&wide), &options));
        prop_assert_eq!(&a.percentiles, &b.percentiles);
        prop_assert_eq!(&a.histogram, &b.histogram);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs());
        prop_assert!(near(a.mean.unwrap().to_f64(), b.mean.unwrap().to_f64()));
        prop_assert!(near(a.std.unwrap(), b.std.unwrap()));
    }
}
