"""The spatial network of a graph's nodes in PyTorch, for inference and for training."""

import math
import sys
from collections import Counter
from collections.abc import Callable


class Network:
    """
    Runs nodes one after the other on normalised pixels `[N, 3, height, width]`; what a batch norm does is the caller's.

    `in_place` lets a ReLU or a sum overwrite a batch norm's or a sum's map that nobody else reads, which the way back allows.
    """

    def __init__(self, graph: dict, tensors: dict, norm: Callable, in_place: bool = False) -> None:
        self.nodes = graph["nodes"]
        self.band = graph.get("band")
        self.tensors = tensors
        self.norm = norm
        readers = Counter(number for node in self.nodes for number in node["inputs"])
        self.free = {
            number
            for number, node in enumerate(self.nodes, 1)
            if in_place and readers[number] == 1 and node["operation"]["type"] in ("batchNorm", "add") and self.band is None
        }

    def __call__(self, pixels):
        """Logits `[N, classes]`."""
        from torch.nn import functional

        values = [pixels]
        for node in self.nodes:
            path, operation = node["path"], node["operation"]
            inputs = [values[number] for number in node["inputs"]]
            x, overwritten = inputs[0], node["inputs"][0] in self.free
            match operation["type"]:
                case "conv2d":
                    weight, bias = self.tensors[f"{path}.weight"], self.tensors.get(f"{path}.bias")
                    y = functional.conv2d(x, weight, bias, operation["stride"], operation["padding"])
                case "batchNorm":
                    y = self.norm(path, operation, x)
                case "piecewiseLinear":
                    y = relu(path, operation, x, overwritten)
                case "add":
                    y = x.add_(inputs[1]) if overwritten else x + inputs[1]
                    for other in inputs[2:]:
                        y = y + other
                case "maxPool":
                    y = functional.max_pool2d(x, operation["size"], operation["stride"], operation["padding"])
                case "subsample":
                    step, missing = operation["stride"], operation["channels"] - x.shape[1]
                    y = functional.pad(x[:, :, ::step, ::step], (0, 0, 0, 0, missing // 2, missing - missing // 2))
                case "globalAveragePool":
                    y = x.mean((2, 3))
                case "linear":
                    y = functional.linear(x, self.tensors[f"{path}.weight"], self.tensors.get(f"{path}.bias"))
                case other:
                    sys.exit(f"{path}: expected an operation that this script knows, found {other}")
            values.append(self.limited(y))
        return values[-1]

    def limited(self, x):
        """A map of a band-limited network, which every one is but the input, without the frequencies that it leaves out."""
        return x if self.band is None or x.dim() != 4 else lowest(x, self.band)


def relu(path: str, operation: dict, x, overwritten: bool):
    """A ReLU; one that is approximated (ASM) lets through what is positive in the lowest frequencies alone."""
    from torch.nn import functional

    expected = [{"at": 0, "slopeChange": 1, "interceptChange": 0}]
    if operation["slope"] or operation["intercept"] or operation["breakpoints"] != expected:
        sys.exit(f"{path}: expected a ReLU, found another piecewise linear function")
    match operation["masking"]:
        case "exact":
            return functional.relu(x, inplace=overwritten)
        case "asm":
            return x * (lowest(x.detach(), operation["frequencies"]) > 0)
        case other:
            sys.exit(f"{path}: expected a ReLU that is exact or masked by ASM, found one masked by {other}")


def lowest(x, frequencies: int):
    """A map `[N, C, H, W]` with only those frequencies a + b < `frequencies` of each of its 8x8 blocks."""
    import torch

    count, channels, height, width = x.shape
    if height % 8 or width % 8:
        sys.exit(f"a map of {width}x{height}: expected whole blocks of 8x8 where frequencies are left out, found a part of one")
    angles = [[(2 * sample + 1) * frequency * math.pi / 16 for sample in range(8)] for frequency in range(8)]
    basis = torch.tensor(angles, dtype=x.dtype).cos() / 2
    basis[0] *= math.sqrt(0.5)
    kept = torch.tensor([[float(a + b < frequencies) for b in range(8)] for a in range(8)], dtype=x.dtype)
    blocks = x.reshape(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    return (basis.T @ (basis @ blocks @ basis.T * kept) @ basis).transpose(3, 4).reshape(x.shape)
