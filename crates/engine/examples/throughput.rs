//! Images a second of the paper's network, training and inference, on the ten reference pictures over and over.
//!
//! `cargo run --release --example throughput [frequencies] [batch] [threads]`

use jpegnet_engine::{Content, Image, Network, NetworkSpec, OptimizerSpec, Plan};
use jpegnet_jpeg::{Limits, SparseJpeg, read_coefficients};
use jpegnet_kernels::Isa;
use std::path::Path;
use std::time::Instant;

#[expect(clippy::cast_precision_loss, reason = "a count of bytes")]
fn main() {
    let argument = |position: usize, default: usize| {
        std::env::args().nth(position).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (frequencies, batch, threads) = (argument(1, 15), argument(2, 128), argument(3, 0));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool of the process");
    let isa = std::env::var("JPEGNET_ISA").ok().and_then(|name| Isa::from_name(&name)).unwrap_or_else(Isa::detect);
    let spec = NetworkSpec::from_json(&paper_network(frequencies)).expect("a valid definition");
    let mut network = Network::new(Plan::new(spec).expect("a valid network"), 1, isa);
    let pictures: Vec<SparseJpeg> = (0..10).map(picture).collect();
    let images: Vec<Image> =
        (0..batch).map(|number| Image { name: "", content: Content::Jpeg(&pictures[number % 10]) }).collect();
    let labels: Vec<u32> = (0..batch).map(|number| u32::try_from(number % 10).expect("a digit")).collect();
    let optimizer = OptimizerSpec::Sgd { learning_rate: 0.001, momentum: 0.9, nesterov: false, weight_decay: 0.0 };
    let threads = rayon::current_num_threads();
    println!("{}, {threads} threads, batch {batch}, frequencies {frequencies}", isa.name());
    for step in network.steps_of(batch, None).expect("a batch") {
        let how = step.factorisation.unwrap_or_default();
        println!("{:24} {:44} {how:10} {}", step.path, step.operation, step.reason.unwrap_or_default());
    }
    report("training", batch, || _ = network.train_step(&images, &labels, &optimizer).expect("a finite loss"));
    println!("{:.1} MiB", network.bytes() as f64 / f64::from(1 << 20));
    report("inference", batch, || _ = network.predict(&images, None).expect("finite logits"));
}

/// The median of eleven rounds after two to warm up.
#[expect(clippy::cast_precision_loss, reason = "counts of images are small")]
fn report(what: &str, batch: usize, mut run: impl FnMut()) {
    let mut seconds: Vec<f64> = (0..13)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .skip(2)
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!("{what}: {:.0} images/s, {:.2} ms a batch", batch as f64 / median, median * 1e3);
}

fn picture(number: usize) -> SparseJpeg {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures/jpegs");
    let bytes = std::fs::read(folder.join(format!("{number}.jpg"))).expect("a fixture");
    read_coefficients(&bytes, &Limits::default()).expect("a valid picture")
}

fn paper_network(frequencies: usize) -> String {
    let mut nodes: Vec<String> = Vec::new();
    let mut node = |path: &str, inputs: &[usize], operation: &str| {
        nodes.push(format!(r#"{{"path": "{path}", "inputs": {inputs:?}, "operation": {{{operation}}}}}"#));
        nodes.len()
    };
    let norm = r#""type": "batchNorm", "epsilon": 1e-5, "momentum": 0.1"#;
    let relu = format!(
        r#""type": "piecewiseLinear", "slope": 0, "intercept": 0, "masking": "asm", "frequencies": {frequencies},
           "breakpoints": [{{"at": 0, "slopeChange": 1, "interceptChange": 0}}]"#
    );
    let mut value = 0;
    for (block, channels, stride) in [(1, 16, 1), (2, 32, 2), (3, 64, 2)] {
        let conv = |size: usize, stride: usize| {
            let padding = size / 2;
            format!(
                r#""type": "conv2d", "channels": {channels}, "size": {size}, "stride": {stride}, "padding": {padding},
                   "bias": false"#
            )
        };
        let at = |name: &str| format!("block{block}.{name}");
        let main = node(&at("conv1"), &[value], &conv(3, stride));
        let main = node(&at("bn1"), &[main], norm);
        let main = node(&at("relu1"), &[main], &relu);
        let main = node(&at("conv2"), &[main], &conv(3, 1));
        let main = node(&at("bn2"), &[main], norm);
        let shortcut = node(&at("downsample.0"), &[value], &conv(1, stride));
        let shortcut = node(&at("downsample.1"), &[shortcut], norm);
        let sum = node(&at("add"), &[main, shortcut], r#""type": "add""#);
        value = node(&at("relu2"), &[sum], &relu);
    }
    let pooled = node("pool", &[value], r#""type": "globalAveragePool""#);
    node("fc", &[pooled], r#""type": "linear", "features": 10, "bias": true"#);
    format!(
        r#"{{"input": {{"channels": 3, "height": 32, "width": 32, "mean": [0.49, 0.48, 0.45], "std": [0.25, 0.24, 0.26]}},
            "nodes": [{}]}}"#,
        nodes.join(",")
    )
}
