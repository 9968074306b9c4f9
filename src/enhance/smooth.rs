//! Smoothing: the engine was taught on gray pictures, not on the stairs that fax pixels make.

use super::square::Gray;

/// Standard deviation in pixels for pages that were sent black and white.
pub const THRESHOLDED: f64 = 0.7;
/// For pages whose gray was sent as scattered dots: the dots must melt.
pub const DITHERED: f64 = 1.5;

/// Fixed-point one.
const ONE: u32 = 1 << 12;

/// Gaussian smoothing; the edge pixels stand for what lies outside.
pub fn gaussian(gray: Gray, deviation: f64) -> Gray {
    let kernel = kernel(deviation);
    let (width, height) = (gray.width as usize, gray.height as usize);
    let reach = kernel.len() - 1;
    let mut across = vec![0u8; gray.samples.len()];
    let mut padded = vec![255u8; width + 2 * reach];
    for (row, out) in gray.samples.chunks_exact(width.max(1)).zip(across.chunks_exact_mut(width.max(1))) {
        if row.iter().all(|&level| level == 255) {
            out.fill(255);
            continue;
        }
        padded[reach..reach + width].copy_from_slice(row);
        padded[..reach].fill(row[0]);
        padded[reach + width..].fill(row[width - 1]);
        for (x, out) in out.iter_mut().enumerate() {
            let mut sum = kernel[0] * u32::from(padded[x + reach]);
            for (far, weight) in kernel.iter().enumerate().skip(1) {
                sum += weight * (u32::from(padded[x + reach - far]) + u32::from(padded[x + reach + far]));
            }
            *out = ((sum + ONE / 2) / ONE) as u8;
        }
    }
    Gray { samples: down(&across, width, height, &kernel), ..gray }
}

/// The vertical half.
fn down(across: &[u8], width: usize, height: usize, kernel: &[u32]) -> Vec<u8> {
    let mut samples = vec![255u8; across.len()];
    let row = |y: usize| &across[y * width..(y + 1) * width];
    let mut sums = vec![0u32; width];
    for (y, out) in samples.chunks_exact_mut(width.max(1)).enumerate() {
        sums.iter_mut().zip(row(y)).for_each(|(sum, &level)| *sum = kernel[0] * u32::from(level));
        for (far, weight) in kernel.iter().enumerate().skip(1) {
            let pairs = row(y.saturating_sub(far)).iter().zip(row((y + far).min(height - 1)));
            for (sum, (&up, &low)) in sums.iter_mut().zip(pairs) {
                *sum += weight * (u32::from(up) + u32::from(low));
            }
        }
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = ((sum + ONE / 2) / ONE) as u8);
    }
    samples
}

/// Weights from the middle outwards, summing to [`ONE`] over both sides.
fn kernel(deviation: f64) -> Vec<u32> {
    let reach = (deviation * 2.5).ceil() as usize;
    let weights: Vec<f64> =
        (0..=reach).map(|far| (-((far * far) as f64) / (2.0 * deviation * deviation)).exp()).collect();
    let total = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    let mut kernel: Vec<u32> =
        weights.iter().map(|weight| (weight / total * f64::from(ONE)).round() as u32).collect();
    let sides = 2 * kernel[1..].iter().sum::<u32>();
    kernel[0] = ONE - sides;
    kernel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_gray_stays_even_and_a_dot_spreads_without_loss() {
        let even = Gray { width: 5, height: 4, samples: vec![77; 20] };
        assert_eq!(gaussian(even, 1.5).samples, vec![77; 20]);
        let mut dot = Gray { width: 15, height: 15, samples: vec![255; 225] };
        dot.samples[7 * 15 + 7] = 0;
        let smooth = gaussian(dot, THRESHOLDED);
        let ink: u32 = smooth.samples.iter().map(|level| 255 - u32::from(*level)).sum();
        assert!((240..=270).contains(&ink), "{ink}");
        assert!(smooth.samples[7 * 15 + 7] < smooth.samples[7 * 15 + 8]);
        assert_eq!(smooth.samples[7 * 15 + 8], smooth.samples[8 * 15 + 7]);
    }
}
