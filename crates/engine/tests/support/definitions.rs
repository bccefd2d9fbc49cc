//! Definitions of networks, written the way the border writes them.

use jpegnet_engine::{BreakpointSpec, InputSpec, MaskingSpec, NetworkSpec, NodeSpec, OperationSpec};

/// Adds nodes one by one; every call gives the number of the new value.
pub struct Builder {
    pub spec: NetworkSpec,
}

impl Builder {
    pub fn new(channels: usize, height: usize, width: usize) -> Self {
        let mean = [0.49, 0.48, 0.45][..channels].to_vec();
        let std = [0.25, 0.24, 0.26][..channels].to_vec();
        let input = InputSpec { channels, height, width, mean, std };
        Builder { spec: NetworkSpec { input, nodes: Vec::new(), band: None } }
    }

    pub fn node(&mut self, path: &str, inputs: &[usize], operation: OperationSpec) -> usize {
        self.spec.nodes.push(NodeSpec { path: path.into(), inputs: inputs.to_vec(), operation });
        self.spec.nodes.len()
    }

    pub fn conv2d(&mut self, path: &str, input: usize, channels: usize, (size, stride): (usize, usize)) -> usize {
        self.node(path, &[input], conv2d(channels, size, stride, false))
    }

    pub fn batch_norm(&mut self, path: &str, input: usize) -> usize {
        self.node(path, &[input], OperationSpec::BatchNorm { epsilon: 1e-5, momentum: 0.1, channels: None })
    }

    pub fn relu(&mut self, path: &str, input: usize, masking: MaskingSpec, frequencies: usize) -> usize {
        self.node(path, &[input], relu(masking, frequencies))
    }

    pub fn head(&mut self, input: usize, classes: usize) -> NetworkSpec {
        let pooled = self.node("pool", &[input], OperationSpec::GlobalAveragePool {});
        self.node("fc", &[pooled], OperationSpec::Linear { features: classes, input_features: None, bias: true });
        self.spec.clone()
    }
}

pub fn conv2d(channels: usize, size: usize, stride: usize, bias: bool) -> OperationSpec {
    OperationSpec::Conv2d {
        channels,
        input_channels: None,
        size,
        stride,
        padding: (size - 1) / 2,
        bias,
        factorisation: "auto".into(),
    }
}

pub fn relu(masking: MaskingSpec, frequencies: usize) -> OperationSpec {
    let breakpoints = vec![BreakpointSpec { at: 0.0, slope_change: 1.0, intercept_change: 0.0 }];
    OperationSpec::PiecewiseLinear { slope: 0.0, intercept: 0.0, breakpoints, masking, frequencies }
}

/// The paper's network: three residual blocks, 16, 32 and 64 channels.
pub fn paper_resnet(masking: MaskingSpec, frequencies: usize, mean: &[f32], std: &[f32]) -> NetworkSpec {
    let mut net = Builder::new(3, 32, 32);
    net.spec.input.mean = mean.to_vec();
    net.spec.input.std = std.to_vec();
    let mut value = 0;
    for (block, channels, stride) in [("block1", 16, 1), ("block2", 32, 2), ("block3", 64, 2)] {
        let at = |name: &str| format!("{block}.{name}");
        let conv = net.conv2d(&at("conv1"), value, channels, (3, stride));
        let norm = net.batch_norm(&at("bn1"), conv);
        let relu = net.relu(&at("relu1"), norm, masking, frequencies);
        let conv = net.conv2d(&at("conv2"), relu, channels, (3, 1));
        let norm = net.batch_norm(&at("bn2"), conv);
        let shortcut = net.conv2d(&at("downsample.0"), value, channels, (1, stride));
        let shortcut = net.batch_norm(&at("downsample.1"), shortcut);
        let sum = net.node(&at("add"), &[norm, shortcut], OperationSpec::Add {});
        value = net.relu(&at("relu2"), sum, masking, frequencies);
    }
    net.head(value, 10)
}

/// A small network with every operation and every way of sharing a value: identity shortcuts, a value used three times,
/// a value added to itself, a nonlinearity on a value that is needed again, biases, strides, a clip and a leaky `ReLU`.
pub fn everything(masking: MaskingSpec, frequencies: usize) -> NetworkSpec {
    everything_of(32, 16, masking, frequencies)
}

/// The same at any size.
pub fn everything_of(height: usize, width: usize, masking: MaskingSpec, frequencies: usize) -> NetworkSpec {
    let mut net = Builder::new(3, height, width);
    let stem = net.node("stem", &[0], conv2d(5, 5, 1, true));
    let leaky = net.node(
        "leaky",
        &[stem],
        OperationSpec::PiecewiseLinear {
            slope: 0.1,
            intercept: 0.0,
            breakpoints: vec![BreakpointSpec { at: 0.0, slope_change: 0.9, intercept_change: 0.0 }],
            masking,
            frequencies,
        },
    );
    let norm = net.batch_norm("norm", leaky);
    let conv = net.conv2d("block.conv", norm, 5, (3, 1));
    let identity = net.node("block.add", &[conv, norm], OperationSpec::Add {});
    let relu = net.relu("block.relu", identity, masking, frequencies);
    let twice = net.node("twice", &[relu, relu, norm], OperationSpec::Add {});
    let down = net.node("down.conv", &[twice], conv2d(6, 3, 2, true));
    let down_norm = net.batch_norm("down.norm", down);
    let clip = net.node(
        "down.clip",
        &[down_norm],
        OperationSpec::PiecewiseLinear {
            slope: 0.0,
            intercept: -1.0,
            breakpoints: vec![
                BreakpointSpec { at: -1.0, slope_change: 1.0, intercept_change: 1.0 },
                BreakpointSpec { at: 1.5, slope_change: -1.0, intercept_change: 1.5 },
            ],
            masking,
            frequencies,
        },
    );
    let shortcut = net.node("down.shortcut", &[twice], conv2d(6, 1, 2, false));
    let pointwise = net.node("down.pointwise", &[clip], conv2d(6, 1, 1, true));
    let sum = net.node("down.add", &[shortcut, pointwise, clip], OperationSpec::Add {});
    net.head(sum, 4)
}

/// A small ResNet with ImageNet's stem (7×7 stride 2, batch normalisation, `ReLU`, 3×3 max pooling stride 2) and both kinds of
/// shortcut: 1×1 convolutions, and subsampling without parameters.
pub fn stem_and_shortcuts(height: usize, width: usize) -> NetworkSpec {
    let mut net = Builder::new(3, height, width);
    let stem = net.conv2d("conv1", 0, 6, (7, 2));
    let norm = net.batch_norm("bn1", stem);
    let relu = net.relu("relu", norm, MaskingSpec::Exact, 15);
    let pooled = net.node("maxpool", &[relu], OperationSpec::MaxPool { size: 3, stride: 2, padding: 1, ceil: false });
    let mut value = pooled;
    for (block, channels, stride, option_b) in
        [("layer1", 6, 1, false), ("layer2", 9, 2, false), ("layer3", 11, 2, true)]
    {
        let at = |name: &str| format!("{block}.{name}");
        let conv = net.conv2d(&at("conv1"), value, channels, (3, stride));
        let norm = net.batch_norm(&at("bn1"), conv);
        let relu = net.relu(&at("relu1"), norm, MaskingSpec::Exact, 15);
        let conv = net.conv2d(&at("conv2"), relu, channels, (3, 1));
        let norm = net.batch_norm(&at("bn2"), conv);
        let shortcut = if option_b {
            let conv = net.conv2d(&at("downsample.0"), value, channels, (1, stride));
            net.batch_norm(&at("downsample.1"), conv)
        } else {
            net.node(&at("shortcut"), &[value], OperationSpec::Subsample { stride, channels })
        };
        let sum = net.node(&at("add"), &[norm, shortcut], OperationSpec::Add {});
        value = net.relu(&at("relu2"), sum, MaskingSpec::Exact, 15);
    }
    net.head(value, 4)
}

/// A small network that averages where others stride: after its first layers, and on its shortcut.
pub fn averages(height: usize, width: usize) -> NetworkSpec {
    let mut net = Builder::new(3, height, width);
    let average = |counts_padding| OperationSpec::AveragePool { size: 3, stride: 2, padding: 1, counts_padding };
    let conv = net.conv2d("conv1", 0, 6, (3, 1));
    let norm = net.batch_norm("bn1", conv);
    let relu = net.relu("relu1", norm, MaskingSpec::Exact, 15);
    let pooled = net.node("pool1", &[relu], average(true));
    let conv = net.conv2d("conv2", pooled, 8, (3, 2));
    let norm = net.batch_norm("bn2", conv);
    let shortcut = net.node("pool2", &[pooled], average(false));
    let shortcut = net.conv2d("shortcut", shortcut, 8, (1, 1));
    let sum = net.node("add", &[norm, shortcut], OperationSpec::Add {});
    let relu = net.relu("relu2", sum, MaskingSpec::Exact, 15);
    net.head(relu, 4)
}

/// What is allowed at the ends: a batch normalisation and a nonlinearity on the input itself, and a head of several
/// linear layers whose features are used twice and added.
pub fn unusual_ends(masking: MaskingSpec, frequencies: usize) -> NetworkSpec {
    let mut net = Builder::new(3, 16, 16);
    let rectified = net.relu("rectified", 0, masking, frequencies);
    let norm = net.batch_norm("norm", 0);
    let sum = net.node("sum", &[rectified, norm, 0], OperationSpec::Add {});
    let conv = net.conv2d("conv", sum, 6, (3, 1));
    let first = net.node("pool.conv", &[conv], OperationSpec::GlobalAveragePool {});
    let relu = net.relu("relu", conv, masking, frequencies);
    let second = net.node("pool.relu", &[relu], OperationSpec::GlobalAveragePool {});
    let linear = |features, bias| OperationSpec::Linear { features, input_features: Some(6), bias };
    let hidden = net.node("hidden", &[second], linear(6, false));
    let both = net.node("both", &[hidden, first, second], OperationSpec::Add {});
    let a = net.node("a", &[both], linear(4, true));
    let b = net.node("b", &[both], linear(4, false));
    net.node("logits", &[a, b], OperationSpec::Add {});
    net.spec
}
