//! The discrete cosine transform of one block (ITU-T T.81, A.3.3), with quantisation.
//!
//! Only blocks under masks come here, a few per cent of a picture, so that this is written for exactness.

/// Samples along a side of a block.
pub(super) const SIDE: usize = 8;

/// Samples of a block: 8 rows of 8.
pub(super) type Samples = [f32; 64];

/// Quantised coefficients in natural order.
pub(super) type Block = [i16; 64];

/// Steps of the quantisation in natural order.
pub(super) type Table = [u16; 64];

/// cos(k π / 16).
const COSINES: [f32; 8] = [
    1.0,
    0.980_785_25,
    0.923_879_5,
    0.831_469_6,
    0.707_106_77,
    0.555_570_24,
    0.382_683_43,
    0.195_090_32,
];

/// `BASIS[u][x]`, the cosine of frequency `u` at sample `x`, scaled so that the transform is orthonormal.
const BASIS: [[f32; 8]; 8] = basis();

const fn basis() -> [[f32; 8]; 8] {
    let mut basis = [[0.0; 8]; 8];
    let mut u = 0;
    while u < 8 {
        let mut x = 0;
        while x < 8 {
            // The cosine has a period of 32 sixteenths of π, and is even around 0 and odd around 8.
            let k = (2 * x + 1) * u % 32;
            let k = if k > 16 { 32 - k } else { k };
            let cosine = match k {
                0..8 => COSINES[k],
                8 => 0.0,
                _ => -COSINES[16 - k],
            };
            basis[u][x] = cosine * if u == 0 { 0.353_553_38 } else { 0.5 };
            x += 1;
        }
        u += 1;
    }
    basis
}

/// `BASIS` with its sides exchanged.
const BASIS_BY_SAMPLE: [[f32; 8]; 8] = {
    let mut exchanged = [[0.0; 8]; 8];
    let mut i = 0;
    while i < 64 {
        exchanged[i % 8][i / 8] = BASIS[i / 8][i % 8];
        i += 1;
    }
    exchanged
};

/// The samples of a block, as fractions of steps from 0 to 255 and a little beyond, where quantisation makes them overshoot.
pub(super) fn inverse(block: &Block, table: &Table) -> Samples {
    let mut columns = [[0.0f32; 8]; 8];
    for (v, (coefficients, steps)) in block.chunks_exact(8).zip(table.chunks_exact(8)).enumerate() {
        if coefficients.iter().all(|coefficient| *coefficient == 0) {
            continue;
        }
        for u in 0..8 {
            let value = f32::from(coefficients[u]) * f32::from(steps[u]);
            for (sum, cosine) in columns[v].iter_mut().zip(BASIS[u]) {
                *sum += value * cosine;
            }
        }
    }
    let mut samples = [128.0; 64];
    for (row, samples) in samples.chunks_exact_mut(8).enumerate() {
        for (v, line) in columns.iter().enumerate() {
            for (sample, value) in samples.iter_mut().zip(line) {
                *sample += value * BASIS[v][row];
            }
        }
    }
    samples
}

/// The largest coefficients that a baseline JPEG of 8 bits can hold (ITU-T T.81, F.1.2).
const AC_MAX: f32 = 1023.0;
const DC_MIN: f32 = -1024.0;

/// The block that stands for samples, best rounded.
pub(super) fn forward(samples: &Samples, table: &Table) -> Block {
    let mut rows = [[0.0f32; 8]; 8];
    for (row, samples) in samples.chunks_exact(8).enumerate() {
        for (v, line) in rows.iter_mut().enumerate() {
            for (sum, sample) in line.iter_mut().zip(samples) {
                *sum += (sample.clamp(0.0, 255.0) - 128.0) * BASIS[v][row];
            }
        }
    }
    let mut block = [0; 64];
    for (v, line) in rows.iter().enumerate() {
        let mut values = [0.0f32; 8];
        for (sum, cosines) in line.iter().zip(&BASIS_BY_SAMPLE) {
            for (value, cosine) in values.iter_mut().zip(cosines) {
                *value += sum * cosine;
            }
        }
        for (u, value) in values.into_iter().enumerate() {
            let i = v * SIDE + u;
            // A step of 0 makes no sense and is multiplied away when the block is read.
            let step = f32::from(table[i].max(1));
            let lowest = if i == 0 { DC_MIN } else { -AC_MAX };
            let value = (value / step).clamp(lowest, AC_MAX);
            // `as` cuts towards zero, so that this rounds.
            block[i] = (value + 0.5f32.copysign(value)) as i16;
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_even_block_has_one_coefficient() {
        let block = forward(&[255.0; 64], &[1; 64]);
        assert_eq!((block[0], block[1..].iter().any(|c| *c != 0)), (1016, false));
        assert_eq!(forward(&[0.0; 64], &[16; 64])[0], -64);
    }

    #[test]
    fn a_cosine_has_the_coefficient_of_its_frequency() {
        // Three half periods down, two across.
        let sample = |i: usize| {
            let wave =
                |n: usize, x: usize| ((2 * x + 1) as f64 * n as f64 * std::f64::consts::PI / 16.0).cos();
            128.0 + 100.0 * (wave(3, i / 8) * wave(2, i % 8)) as f32
        };
        let block = forward(&std::array::from_fn(sample), &[1; 64]);
        let mut expected = [0; 64];
        // Each direction has a mean square of one half: 100 * 4 * 4 / 4.
        expected[3 * 8 + 2] = 400;
        assert_eq!(block, expected);
    }

    proptest! {
        #[test]
        fn what_is_transformed_comes_back(
            samples in prop::collection::vec(0u8..=255, 64),
            steps in prop::collection::vec(1u16..60, 64),
        ) {
            let samples: Samples = std::array::from_fn(|i| f32::from(samples[i]));
            let exact = inverse(&forward(&samples, &[1; 64]), &[1; 64]);
            // Each of 64 coefficients is off by half a step at most.
            prop_assert!(samples.iter().zip(exact).all(|(a, b)| (a - b).abs() < 4.0));
            let table: Table = std::array::from_fn(|i| steps[i]);
            let block = forward(&samples, &table);
            let again = inverse(&block, &table);
            // Only samples outside the range are cut off.
            if again.iter().all(|sample| (0.0..=255.0).contains(sample)) {
                prop_assert_eq!(forward(&again, &table), block);
            }
        }
    }
}
