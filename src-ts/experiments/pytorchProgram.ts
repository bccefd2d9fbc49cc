/** The paper's network in PyTorch, as a program that answers orders: one JSON value a line. */

/**
 * Python with torch, numpy and Pillow. Its arguments are a safetensors file of the network's weights and JSON with the
 * `files`, `labels`, `channels`, `mean`, `std` and `threads`. It tells versions, or what is `missing`. Orders are `{"work": "test" |
 * "train", "decode": bool, "batches": [[numbers], …]}`; answers have the seconds, the logits of a test's first batch, or
 * the loss of a training's first step.
 */
export const PYTORCH_PROGRAM = `
import io, json, sys, time

def tell(**answer):
    print(json.dumps(answer), flush=True)

try:
    import numpy, torch
    from PIL import Image
except ImportError as error:
    tell(missing=error.name or str(error))
    sys.exit()
from concurrent.futures import ThreadPoolExecutor
from torch import nn

weights_file, given = sys.argv[1], json.loads(open(sys.argv[2]).read())
threads, channels = given["threads"], given["channels"]
torch.set_num_threads(threads)
pool = ThreadPoolExecutor(threads)
files = [open(path, "rb").read() for path in given["files"]]
labels = torch.tensor(given["labels"])
mean = torch.tensor(given["mean"]).reshape(1, -1, 1, 1) * 255
std = torch.tensor(given["std"]).reshape(1, -1, 1, 1) * 255

def weights():
    raw = open(weights_file, "rb").read()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    def tensor(entry):
        begin, end = entry["data_offsets"]
        dtype = {"F32": "<f4", "I64": "<i8"}[entry["dtype"]]
        values = numpy.frombuffer(raw[8 + length + begin:8 + length + end], dtype).copy()
        return torch.from_numpy(values).reshape(entry["shape"])
    return {name: tensor(entry) for name, entry in header.items() if name != "__metadata__"}

class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.downsample(x))

class Paper(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.block1, self.block2, self.block3 = Block(channels, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        return self.fc(self.block3(self.block2(self.block1(x))).mean((2, 3)))

state = weights()
def network():
    made = Paper(state["fc.weight"].shape[0])
    made.load_state_dict(state)
    return made.to(memory_format=torch.channels_last)

def pixels(number):
    return numpy.asarray(Image.open(io.BytesIO(files[number])).convert("L" if channels == 1 else "RGB"))

def decoded(numbers):
    stacked = torch.from_numpy(numpy.stack(list(pool.map(pixels, numbers))))
    stacked = stacked.reshape(*stacked.shape[:3], channels).permute(0, 3, 1, 2)
    # Decoded images are channels last already, PyTorch's fastest layout on CPUs.
    return (stacked.float() - mean) / std

tell(torch=torch.__version__)
tester = network().eval()
trainer = network().train()
optimizer = torch.optim.Adam(trainer.parameters(), 1e-3)
for line in sys.stdin:
    order = json.loads(line)
    before = None if order["decode"] else [decoded(numbers) for numbers in order["batches"]]
    first, start = None, time.perf_counter()
    for at, numbers in enumerate(order["batches"]):
        x = decoded(numbers) if before is None else before[at]
        if order["work"] == "test":
            with torch.inference_mode():
                answer = tester(x)
            first = answer.flatten().tolist() if at == 0 and order.get("logits") else first
        else:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(trainer(x), labels[numbers])
            loss.backward()
            optimizer.step()
            first = loss.item() if at == 0 else first
    tell(seconds=time.perf_counter() - start, first=first)
`
