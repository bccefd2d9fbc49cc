"""JPEG bytes -> logits with PyTorch, on the networks, weights and files that `npm run bench:peers` prepared.

    python3 benches/peers/pytorch.py [--workload NAME ...] [--convolutions] [--rounds N] [--threads N] [--record]

Needs torch, safetensors, numpy and Pillow. Answers are compared with ours before anything is timed; our times and its
alternate, each in a process of its own.
"""

import argparse
import datetime
import importlib.util
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from network import Network

ROOT = Path(__file__).resolve().parents[2]
PREPARED = ROOT / ".peers" / "models"
CONTENDER = ROOT / ".peers" / "build" / "lines.js"
NEEDED = {"torch": "torch", "safetensors": "safetensors", "numpy": "numpy", "PIL": "Pillow"}
ROUND_SECONDS = 0.3
COMPARED = 16
# As of the Node part: float32's error through a whole network, and what rounded, clamped pixels may do to it.
SAME_FILES = 0.25


def require() -> None:
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(f"pytorch.py: expected the Python packages {', '.join(NEEDED.values())}, found no {', '.join(missing)}")
    if not PREPARED.is_dir() or not CONTENDER.is_file():
        sys.exit("pytorch.py: expected the models that `npm run bench:peers -- --prepare` makes, found none")


class Side:
    """The spatial network of a prepared workload in PyTorch, in channels-last layout, its fastest on CPUs."""

    def __init__(self, workload: dict, threads: int) -> None:
        import torch
        from safetensors.torch import load_file

        torch.set_num_threads(threads)
        self.torch = torch
        self.workload = workload
        self.pool = ThreadPoolExecutor(threads)
        graph = json.loads(Path(workload["graph"]).read_text())
        tensors = {
            name: tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
            for name, tensor in folded(graph["nodes"], load_file(workload["model"])).items()
        }
        # The batch norms are in the convolutions.
        self.run = Network(graph, tensors, norm=lambda path, operation, x: x)
        shape = (1, -1, 1, 1)
        self.mean = torch.tensor(workload["input"]["mean"]).reshape(shape) * 255
        self.scale = 1 / (torch.tensor(workload["input"]["std"]).reshape(shape) * 255)
        self.next = 0
        self.files = [Path(file).read_bytes() for file in workload["files"]]

    def decode(self, files: list[bytes]):
        """Normalised pixels `[N, 3, height, width]` of files, decoded side by side."""
        import numpy
        from PIL import Image

        def pixels(file: bytes):
            return numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB"))

        stacked = self.torch.from_numpy(numpy.stack(list(self.pool.map(pixels, files))))
        # Decoded pictures are channels last already; this only names their axes anew.
        return (stacked.permute(0, 3, 1, 2).float() - self.mean) * self.scale

    def whole(self, files: list[bytes]):
        with self.torch.inference_mode():
            return self.run(self.decode(files))

    def batch(self, size: int) -> list[bytes]:
        taken = [self.files[(self.next + index) % len(self.files)] for index in range(size)]
        self.next = (self.next + size) % len(self.files)
        return taken

    def milliseconds(self, measure: str, size: int, batches: int) -> float:
        with self.torch.inference_mode():
            pixels = self.decode(self.batch(size)) if measure == "network" else None
            start = time.perf_counter()
            for _ in range(batches):
                if measure == "network":
                    self.run(pixels)
                elif measure == "decode":
                    self.decode(self.batch(size))
                else:
                    self.whole(self.batch(size))
            return (time.perf_counter() - start) * 1000


def folded(nodes: list[dict], tensors: dict) -> dict:
    """Weights with every batch norm in the convolution before it."""
    import torch

    for node in nodes:
        if node["operation"]["type"] != "batchNorm":
            continue
        (source,) = node["inputs"]
        before = nodes[source - 1]
        if source == 0 or before["operation"]["type"] != "conv2d":
            sys.exit(f"{node['path']}: expected a batch norm after a convolution, found one elsewhere")
        path, norm = before["path"], node["path"]
        ratio = tensors[f"{norm}.weight"] / torch.sqrt(tensors[f"{norm}.running_var"] + node["operation"]["epsilon"])
        bias = tensors.get(f"{path}.bias", torch.zeros_like(ratio))
        tensors[f"{path}.weight"] = tensors[f"{path}.weight"] * ratio.reshape(-1, 1, 1, 1)
        tensors[f"{path}.bias"] = tensors[f"{norm}.bias"] + (bias - tensors[f"{norm}.running_mean"]) * ratio
    return tensors


class Ours:
    """jpegnet, in a Node process that reads orders and writes answers, one JSON value a line."""

    def __init__(self, workload: dict, batch: int, threads: int) -> None:
        environment = {**os.environ, "JPEGNET_THREADS": str(threads)}
        self.process = subprocess.Popen(
            ["node", str(CONTENDER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.opened = self.tell(type="open", side="jpegnet", workload=workload, threads=threads, batch=batch)

    def tell(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("jpegnet: its process ended instead of an answer")
        reply = json.loads(line)
        if "error" in reply:
            sys.exit(f"jpegnet: {reply['error']}")
        return reply["answer"]

    def milliseconds(self, measure: str, batches: int) -> float:
        return self.tell(type="time", measure=measure, batches=batches)["milliseconds"]

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def disagreement(logits, truth) -> float:
    """The largest difference as a share of how far any logit is from its class's mean over the pictures."""
    spread = (truth - truth.mean(0, keepdim=True)).abs().max()
    return float((logits - truth).abs().max() / spread)


def alternate(runs: dict, rounds: int) -> dict:
    """Milliseconds a batch of every contender, a value a round, in rounds that alternate: A B A B."""
    repeats, times = {}, {name: [] for name in runs}
    for name, run in runs.items():
        run(1)
        repeats[name] = max(1, round(ROUND_SECONDS * 1000 / run(1)))
    for _ in range(rounds):
        for name, run in runs.items():
            time.sleep(0.04)
            times[name].append(run(repeats[name]) / repeats[name])
    return times


def checked(workload: dict, batch: int, threads: int) -> tuple[Side, Ours, float]:
    """Both sides with their answers compared, and how far they are apart."""
    import torch

    theirs, ours = Side(workload, threads), Ours(workload, batch, threads)
    count = min(COMPARED, len(theirs.files))
    truth = torch.tensor(ours.tell(type="logits", count=count)).reshape(count, -1)
    error = disagreement(theirs.whole(theirs.files[:count]), truth)
    if not error <= SAME_FILES:
        sys.exit(f"{workload['title']}: expected our logits up to {SAME_FILES} of their spread, found an error of {error}")
    return theirs, ours, error


def compare(workload: dict, batch: int, rounds: int, threads: int) -> list[list]:
    theirs, ours, error = checked(workload, batch, threads)
    rows = []
    for measure in ["whole", "decode", "network"]:
        runs = {
            "jpegnet": lambda batches: ours.milliseconds(measure, batches),
            "pytorch": lambda batches: theirs.milliseconds(measure, batch, batches),
        }
        medians = {side: statistics.median(times) for side, times in alternate(runs, rounds).items()}
        for side, milliseconds in medians.items():
            rate, slower = batch * 1000 / milliseconds, milliseconds / medians["jpegnet"]
            shown = f"{error:.1e}" if side == "pytorch" and measure == "whole" else ""
            rows.append([workload["name"], batch, side, measure, f"{milliseconds:.3f}", f"{rate:.1f}", f"{slower:.2f}", shown])
    ours.end()
    return rows


def compare_convolution(shallow: dict, deep: dict, batch: int, rounds: int, threads: int) -> list[list]:
    """One 3x3 convolution with its ReLU: the time between a chain of nine and of one, by eight."""
    few, many = checked(shallow, batch, threads), checked(deep, batch, threads)
    runs = {}
    for name, (theirs, ours, _) in {"shallow": few, "deep": many}.items():
        runs[f"jpegnet {name}"] = lambda batches, ours=ours: ours.milliseconds("network", batches)
        runs[f"pytorch {name}"] = lambda batches, theirs=theirs: theirs.milliseconds("network", batch, batches)
    times = alternate(runs, rounds)
    _, channels, side, _ = shallow["name"].split("-")
    operations = 2 * 9 * int(channels) ** 2 * int(side) ** 2 * batch
    medians = {}
    for contender in ["jpegnet", "pytorch"]:
        pairs = zip(times[f"{contender} deep"], times[f"{contender} shallow"], strict=True)
        medians[contender] = statistics.median((longer - shorter) / 8 for longer, shorter in pairs)
    for _, ours, _ in (few, many):
        ours.end()
    return [
        [channels, side, batch, name, f"{ms:.4f}", f"{operations / ms / 1e6:.0f}", f"{ms / medians['jpegnet']:.2f}"]
        for name, ms in medians.items()
    ]


def prepared(name: str) -> dict:
    path = PREPARED / f"{name}.workload.json"
    if not path.is_file():
        sys.exit(f"{name}: expected a workload that `npm run bench:peers -- --prepare` made, found none of that name")
    return json.loads(path.read_text())


def all_prepared(convolutions: bool) -> list[str]:
    names = sorted(path.name.removesuffix(".workload.json") for path in PREPARED.glob("*.workload.json"))
    return [name for name in names if name.startswith("convolutions-") == convolutions]


def tell(lines: list[str], rows: list[list]) -> None:
    for row in rows:
        lines.append(",".join(str(cell) for cell in row))
        print(lines[-1], flush=True)


def processor() -> str:
    try:
        models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        return models[0].split(":")[1].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def main() -> None:
    require()
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", nargs="+", help="prepared networks to compare; all unless given")
    parser.add_argument("--convolutions", action="store_true", help="compare single convolutions instead")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="write the figures to benches/record/")
    options = parser.parse_args()
    date = datetime.date.today().isoformat()
    if options.convolutions:
        head = "channels,side,batch,contender,median_ms,gflops,times_slower_than_jpegnet"
    else:
        head = "workload,batch,side,measure,median_ms_per_batch,images_per_second,times_slower_than_jpegnet,logit_error_same_files"
    lines = [
        f"# python3 benches/peers/pytorch.py {' '.join(sys.argv[1:])}".rstrip()
        + f"; {date}; {processor()}, {os.cpu_count()} cores; {options.threads} threads a side",
        f"# torch {torch.__version__}, channels last, batch norm folded; medians of {options.rounds} rounds that alternate;"
        + f" load average before: {os.getloadavg()[0]:.1f}",
        head,
    ]
    print("\n".join(lines))
    if options.convolutions:
        shallow = [name for name in all_prepared(True) if name.endswith("-1")]
        for name in sorted(shallow, key=lambda name: [int(part) for part in name.split("-")[1:]]):
            pair = prepared(name), prepared(name.removesuffix("1") + "9")
            for batch in pair[0]["batches"]:
                tell(lines, compare_convolution(*pair, batch, options.rounds, options.threads))
    else:
        for name in options.workload or all_prepared(False):
            workload = prepared(name)
            for batch in workload["batches"]:
                tell(lines, compare(workload, batch, options.rounds, options.threads))
    if options.record:
        name = "peers-pytorch-convolutions" if options.convolutions else "peers-pytorch"
        (ROOT / "benches" / "record" / f"{date}-{name}.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
