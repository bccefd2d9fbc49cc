"""Trains the spatial twin in PyTorch, epoch by epoch, and tests it; told by lines of JSON.

`npm run bench:accuracy` starts it, as `python3 -m accuracy.pytorch` in benches/peers. Needs torch, numpy and safetensors.
"""

import time

import torch
from safetensors.torch import load_file

from serve import serve
from train.pytorch import Trainer

TEST_BATCH = 250


class Twin:
    """A network with all pictures in memory, as pixels."""

    def __init__(self, order: dict) -> None:
        self.trainer = Trainer(order["graph"], order["model"], order["optimizer"], order["threads"], torch.float32)
        self.train, self.test = (load_file(order[name]) for name in ("train", "test"))

    def pictures(self, pictures: dict, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = pictures["pixels"][numbers].contiguous(memory_format=torch.channels_last)
        return pixels, pictures["labels"][numbers].long()

    def epoch(self, numbers: list[int], batch: int, rates: list[float]) -> dict:
        """One pass over the pictures in that order, a learning rate a step."""
        self.trainer.training = True
        losses, correct = [], 0
        start = time.perf_counter()
        for some, rate in zip(torch.tensor(numbers).split(batch), rates, strict=True):
            pixels, labels = self.pictures(self.train, some)
            for group in self.trainer.optimizer.param_groups:
                group["lr"] = rate
            loss, logits = self.trainer.step(pixels, labels)
            losses.append(float(loss))
            correct += int((logits.argmax(1) == labels).sum())
        return {"losses": losses, "correct": correct, "seconds": time.perf_counter() - start}

    def accuracy(self) -> float:
        """The share of the test pictures that is right, by the running statistics."""
        self.trainer.training = False
        correct, count = 0, len(self.test["labels"])
        with torch.no_grad():
            for some in torch.arange(count).split(TEST_BATCH):
                pixels, labels = self.pictures(self.test, some)
                correct += int((self.trainer.network(pixels).argmax(1) == labels).sum())
        return correct / count


class Contender:
    """Does what an order says."""

    def __init__(self) -> None:
        self.twin: Twin | None = None

    def obey(self, order: dict):
        match order["type"]:
            case "open":
                self.twin = Twin(order)
                return {"versions": {"PyTorch": torch.__version__}}
            case "epoch":
                return self.twin.epoch(order["numbers"], order["batch"], order["rates"])
            case "test":
                return {"accuracy": self.twin.accuracy()}
            case other:
                raise ValueError(f"expected an order that this script knows, found {other}")


if __name__ == "__main__":
    serve(Contender().obey)
