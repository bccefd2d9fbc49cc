"""Trains with PyTorch as it is told: orders are lines of JSON on stdin, answers lines of JSON on stdout.

`npm run bench:train` starts it, as `python3 -m train.pytorch` in benches/peers. Needs torch, numpy and safetensors.
"""

import json
import re
import resource
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn import functional

from network import Network
from serve import serve

STATISTICS = ("running_mean", "running_var")


class Trainer:
    """A network with its optimizer, in channels-last layout, its fastest on CPUs."""

    def __init__(self, graph: str, model: str, optimizer: dict, threads: int, dtype: torch.dtype) -> None:
        torch.set_num_threads(threads)
        self.training = True
        self.tensors = {}
        for name, tensor in load_file(model).items():
            layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
            learns = not name.endswith(STATISTICS)
            self.tensors[name] = tensor.to(dtype).contiguous(memory_format=layout).requires_grad_(learns)
        self.network = Network(json.loads(Path(graph).read_text()), self.tensors, self.normalised, in_place=True)
        self.optimizer = torch.optim.SGD(
            [tensor for tensor in self.tensors.values() if tensor.requires_grad],
            lr=optimizer["learningRate"],
            momentum=optimizer["momentum"],
            weight_decay=optimizer["weightDecay"],
            fused=True,
        )

    def normalised(self, path: str, operation: dict, x):
        """By the batch's statistics while it trains, by the running ones otherwise."""
        mean, variance, weight, bias = (
            self.tensors[f"{path}.{name}"] for name in (*STATISTICS, "weight", "bias")
        )
        momentum, epsilon = operation["momentum"], operation["epsilon"]
        return functional.batch_norm(x, mean, variance, weight, bias, self.training, momentum, epsilon)

    def step(self, pixels, labels) -> tuple[torch.Tensor, torch.Tensor]:
        """One update; the mean loss and the logits before it."""
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.network(pixels)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach(), logits.detach()


def taken(tensor, first: int, count: int) -> torch.Tensor:
    """So many rows of a file's tensor, from the start again where it ends."""
    rows = tensor.get_shape()[0]
    parts = []
    while count > 0:
        start = first % rows
        parts.append(tensor[start : min(rows, start + count)])
        first, count = first + len(parts[-1]), count - len(parts[-1])
    return torch.cat(parts)


class Steps:
    """A training on the first pictures of a workload, which lie in memory as pixels, a tensor a batch."""

    def __init__(self, order: dict) -> None:
        workload, batch, pictures = order["workload"], order["batch"], order["pictures"]
        dtype = getattr(torch, order["precision"])
        graph = workload["graphs"][order["mode"]]
        self.trainer = Trainer(graph, workload["model"], workload["optimizer"], order["threads"], dtype)
        if order["program"] == "pytorch-compiled":
            self.trainer.network = torch.compile(self.trainer.network)
        layout = torch.channels_last
        with safe_open(workload["pixels"], "pt") as file:
            pixels, labels = file.get_slice("pixels"), file.get_slice("labels")
            self.batches = [
                (
                    taken(pixels, first, min(batch, pictures - first)).to(dtype).contiguous(memory_format=layout),
                    taken(labels, first, min(batch, pictures - first)).long(),
                )
                for first in range(0, pictures, batch)
            ]
        self.done = 0

    def run(self, count: int) -> dict:
        losses = []
        start = time.perf_counter()
        for _ in range(count):
            loss, _ = self.trainer.step(*self.batches[self.done % len(self.batches)])
            losses.append(loss)
            self.done += 1
        milliseconds = (time.perf_counter() - start) * 1000
        return {"losses": [float(loss) for loss in losses], "milliseconds": milliseconds}


def peak_megabytes() -> float:
    """The most memory this process ever had resident."""
    try:
        kilobytes = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        kilobytes = None
    return int(kilobytes[1] if kilobytes else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


class Contender:
    """Does what an order says."""

    def __init__(self) -> None:
        self.steps: Steps | None = None

    def obey(self, order: dict):
        match order["type"]:
            case "open":
                self.steps = Steps(order)
                return {"versions": {"PyTorch": torch.__version__}, "threads": torch.get_num_threads()}
            case "steps":
                return self.steps.run(order["count"])
            case "memory":
                return {"megabytes": peak_megabytes()}
            case other:
                raise ValueError(f"expected an order that this script knows, found {other}")


if __name__ == "__main__":
    serve(Contender().obey)
