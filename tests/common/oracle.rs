//! The rule, from its definition and nothing else. It shares no code with the crate.

/// `counts[v]`: how many samples are at or below `v`.
fn cdf(samples: &[u8]) -> Vec<u128> {
    let mut counts = vec![0; 256];
    samples.iter().for_each(|&v| counts[usize::from(v)] += 1);
    (1..256).for_each(|v| counts[v] += counts[v - 1]);
    counts
}

/// `lut[v]` = the least `u` with `cdf_source[v] / n_source <= cdf_reference[u] / n_reference`.
pub fn lut(source: &[u8], reference: &[u8]) -> Vec<u8> {
    let (cdf_source, cdf_reference) = (cdf(source), cdf(reference));
    let (n_source, n_reference) = (source.len() as u128, reference.len() as u128);
    let least = |v: usize| {
        (0..=255u8)
            .find(|&u| cdf_source[v] * n_reference <= cdf_reference[usize::from(u)] * n_source)
    };
    (0..256).map(|v| least(v).expect("the last level always fits")).collect()
}

/// The samples of a reference picture that count: R', G', B', and luma.
pub struct Samples {
    pub rgb: [Vec<u8>; 3],
    pub luma: Vec<u8>,
}

impl Samples {
    /// Of an opaque 8-bit picture.
    pub fn of(path: &std::path::Path) -> Self {
        let picture = image::open(path).expect("the picture opens").into_rgb8();
        let channel = |c: usize| picture.pixels().map(|pixel| pixel.0[c]).collect();
        let luma = |pixel: &image::Rgb<u8>| {
            let [r, g, b] = pixel.0.map(f64::from);
            ((299. * r + 587. * g + 114. * b) / 1000.).round() as u8
        };
        Self {
            rgb: [channel(0), channel(1), channel(2)],
            luma: picture.pixels().map(luma).collect(),
        }
    }
}
