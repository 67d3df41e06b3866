//! Tensors like those that people compress to a tolerance: smooth functions, videos, hyperspectral
//! scenes, and low rank plus noise.

use tenfold::Tensor;

/// A tensor with a name, and the tolerances to decompose it to.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) tensor: Tensor<f64>,
    pub(crate) tolerances: Vec<f64>,
}

/// All tensors. The modes have about `size` times the usual extents.
pub(crate) fn samples(size: f64) -> Vec<Sample> {
    let n = |extent: f64| ((extent * size).round() as usize).max(2);
    let mut samples = Vec::new();
    let mut add = |name, tolerances: [f64; 2], tensor| {
        samples.push(Sample {
            name,
            tensor,
            tolerances: tolerances.to_vec(),
        });
    };
    // 1. Smooth functions of three and four variables in [0, 1].
    let cube = [n(60.0), n(50.0), n(40.0)];
    add(
        "1/(1+10(a+b+c))",
        [1e-2, 1e-4],
        function(&cube, |v| 1.0 / (1.0 + 10.0 * (v[0] + v[1] + v[2]))),
    );
    add(
        "Gaussian",
        [1e-2, 1e-4],
        function(&cube, |v| {
            (-20.0 * ((v[0] - 0.4).powi(2) + (v[1] - v[2]).powi(2))).exp()
        }),
    );
    add(
        "spherical wave",
        [1e-1, 1e-3],
        function(&cube, |v| {
            (12.0 * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt()).sin()
        }),
    );
    add(
        "wave and step",
        [3e-2, 1e-3],
        function(&cube, |v| {
            (15.0 * v[0] * v[1] + 8.0 * v[2]).cos() + v[0] * (20.0 * (v[1] - v[2])).tanh()
        }),
    );
    let four = [n(20.0), n(18.0), n(16.0), n(14.0)];
    add(
        "1/(1+3(a+2b+cd))",
        [1e-2, 1e-4],
        function(&four, |v| {
            1.0 / (1.0 + 3.0 * (v[0] + 2.0 * v[1] + v[2] * v[3]))
        }),
    );
    add(
        "wave of four",
        [1e-1, 1e-2],
        function(&four, |v| {
            (6.0 * (v[0] + v[1] * v[2]) + 4.0 * v[3] * v[0]).sin()
        }),
    );
    // 2. Videos of moving spots.
    let film = [n(64.0), n(64.0), n(30.0)];
    let video = moving_spots(&film);
    add("video", [1e-1, 1e-2], video.clone());
    add("video and noise", [2e-1, 1e-1], with_noise(&video, 0.2, 2));
    // 3. Hyperspectral scenes: mixtures of a few spectra.
    let scene = [n(70.0), n(70.0), n(100.0)];
    let mixture = mixture_of_spectra(&scene);
    add("hyperspectral", [3e-2, 6e-3], with_noise(&mixture, 3e-3, 3));
    let absorbed = mixture
        .iter()
        .map(|m| (-1.5 * m).exp() * (0.5 + m))
        .collect();
    add(
        "absorption",
        [1e-2, 1e-3],
        Tensor::new(&scene, absorbed).expect("the same shape"),
    );
    // 4. Low rank, and noise just below the first tolerance.
    add(
        "rank 6 and noise",
        [1e-2, 2e-2],
        with_noise(&low_rank(&[n(80.0); 3], 6), 0.0099, 4),
    );
    add(
        "rank 12 and noise",
        [5e-2, 8e-2],
        with_noise(&low_rank(&[n(60.0), n(70.0), n(80.0)], 12), 0.049, 5),
    );
    samples
}

/// The values of a function on a grid of [0, 1]ᵈ.
fn function(shape: &[usize], f: impl Fn(&[f64]) -> f64) -> Tensor<f64> {
    Tensor::from_fn(shape, |index| {
        let position = index.iter().zip(shape);
        let position = position.map(|(&i, &n)| i as f64 / (n - 1) as f64);
        f(&position.collect::<Vec<f64>>())
    })
    .expect("a shape")
}

/// Spots that move through a square.
fn moving_spots(shape: &[usize]) -> Tensor<f64> {
    let spots: [[f64; 5]; 4] = [
        [0.30, 0.42, 0.25, -0.10, 0.003],
        [0.62, 0.25, -0.20, 0.28, 0.006],
        [0.55, 0.70, 0.12, -0.30, 0.010],
        [0.25, 0.60, 0.30, 0.05, 0.014],
    ];
    function(shape, |v| {
        let spots = spots.iter().map(|[x, y, right, down, width]| {
            let distance = (v[0] - x - right * v[2]).powi(2) + (v[1] - y - down * v[2]).powi(2);
            (-distance / width).exp()
        });
        spots.sum()
    })
}

/// Smooth amounts of five materials, each with a spectrum of its own.
fn mixture_of_spectra(shape: &[usize]) -> Tensor<f64> {
    function(shape, |v| {
        let materials = (0..5).map(|k| {
            let k = f64::from(k);
            let amount = (3.0 + k) * v[0] + (5.0 - 0.7 * k) * v[1] * v[1] + k;
            let amount = 0.5 + 0.5 * (amount + 2.0 * (4.0 * v[1] + k).sin() * v[0]).sin();
            let band = (v[2] - 0.1 - 0.19 * k) / (0.08 + 0.03 * k);
            amount * (-band * band).exp()
        });
        materials.sum()
    })
}

/// A sum of `terms` products of random vectors.
fn low_rank(shape: &[usize], terms: usize) -> Tensor<f64> {
    let mut random = normal(1);
    let vectors: Vec<Vec<Vec<f64>>> = shape
        .iter()
        .map(|&n| {
            (0..terms)
                .map(|_| (0..n).map(|_| random()).collect())
                .collect()
        })
        .collect();
    Tensor::from_fn(shape, |index| {
        let product = |t: usize| -> f64 {
            let entries = index.iter().zip(&vectors);
            entries.map(|(&i, vectors)| vectors[t][i]).product()
        };
        (0..terms).map(product).sum()
    })
    .expect("a shape")
}

/// The tensor, and noise with `relative` times its norm.
fn with_noise(x: &Tensor<f64>, relative: f64, seed: u64) -> Tensor<f64> {
    let mut random = normal(seed);
    let noise = Tensor::from_fn(x.shape(), |_| random()).expect("a shape");
    let unit = relative * x.norm() / noise.norm();
    let entries = x.iter().zip(noise.iter());
    let sum = entries.map(|(x, noise)| x + unit * noise).collect();
    Tensor::new(x.shape(), sum).expect("the same shape")
}

/// Numbers with about a normal distribution: the sum of twelve uniform ones.
fn normal(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        let uniform = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        });
        uniform.take(12).sum()
    }
}
