"""PyTorch as the peer of the benchmarks: one process that a bench drives over stdin and stdout.

The bench asks for a few steps here, times a few of ohmic's, and so on in alternation, so that both sides meet
the same clock frequency and the same neighbours. PyTorch runs as its users run it on a CPU: eager mode, float32,
channels_last, oneDNN, default allocator, default (not fused) optimizer, batch norm not folded at inference.
Left out: torch.compile, bfloat16, data loading (each network sees one fixed random batch), accuracy.

Each line of stdin is a request, answered by one line of stdout, both JSON:
    {"prepare": CASE, "batch": 128, "threads": 2}  builds the case and warms it up; answers what was built.
                                                   Without "batch", the default of the case; matmul has none.
    {"run": CASE, "steps": k}                      performs k steps; answers {"milliseconds": [one per step]}
    {"info": true}                                 answers versions, thread count, processor
    {"quit": true}                                 answers the same and ends, as does the end of stdin
Several cases may stand prepared at once; preparing one again replaces it. Anything else is answered by
{"error": text}, and the process ends with status 1.
"""

import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from typing import Callable

try:
    import torch
except ImportError as error:
    text = f'torch_peer: expected PyTorch in {sys.executable}, got "{error}"; see README.md beside this script'
    print(json.dumps({"error": text}))
    sys.exit(1)

from torch import Tensor, nn
from torch.nn import functional as F

WARM_UP_STEPS = 3
LEARNING_RATE = 0.05
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
TRAINING_NOISE = 0.038  # eta_tr, relative to max|w| of the layer; Joshi et al. 2020, Nat. Commun. 11:2473, Sec. II
CLIPPING_SIGMAS = 2.0  # alpha of the same paper, CIFAR-10
RESNET32_WEIGHTS = 361_722  # the same paper, abstract
RESNET34_WEIGHTS = 21_780_648

Step = Callable[[], Tensor]  # performs one step and returns something that must be finite


class UsageError(Exception):
    """A request that the bench can correct."""


# --- networks ---------------------------------------------------------------------------------------------


class ResidualBlock(nn.Module):
    """relu(bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x)), the shortcut a 1x1 projection where widths differ."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Identity()
        if in_channels != out_channels:
            projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def resnet32() -> nn.Module:
    """ResNet-32 for 32x32 images with widths 16, 28, 56; checks its count of conv and dense weights."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    in_channels = 16
    for out_channels in (16, 28, 56):
        for block in range(5):
            stride = 2 if block == 0 and out_channels != 16 else 1
            layers.append(ResidualBlock(in_channels, out_channels, stride))
            in_channels = out_channels
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(56, 10))
    count = weight_count(model)
    assert count == RESNET32_WEIGHTS, f"resnet32: expected {RESNET32_WEIGHTS} weights, built {count}"
    return model


def resnet34() -> nn.Module:
    """ResNet-34 for 224x224 photos and 1000 classes; checks its count of conv and dense weights."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers += [nn.MaxPool2d(3, 2, padding=1)]
    in_channels = 64
    for out_channels, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and out_channels != 64 else 1
            layers.append(ResidualBlock(in_channels, out_channels, stride))
            in_channels = out_channels
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
    count = weight_count(model)
    assert count == RESNET34_WEIGHTS, f"resnet34: expected {RESNET34_WEIGHTS} weights, built {count}"
    return model


def mlp() -> nn.Module:
    """784-250-10 with sigmoid, the network of Nandakumar et al. 2020, Front. Neurosci. 14:406."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 250), nn.Sigmoid(), nn.Linear(250, 10))


def lenet5() -> nn.Module:
    """LeNet-5 with tanh and plain averages, the network that ohmic calls so: 28x28 images padded to 32x32."""
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()]
    dense = [nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)]
    return nn.Sequential(*features, *dense)


SYMBOLS, EMBEDDED, HIDDEN = 50, 64, 512


class CharLstm(nn.Module):
    """Characters (n, time) -> logits (n, time, characters): embedding, two LSTM layers, dense."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, EMBEDDED)
        self.lstm = nn.LSTM(EMBEDDED, HIDDEN, num_layers=2, batch_first=True)
        self.dense = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.lstm(self.embedding(x))[0])


class SelfAttention(nn.Module):
    """Multi-head self-attention: one matrix for queries, keys and values, and a projection."""

    def __init__(self, width: int, heads: int, causal: bool):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, time_steps, width = x.shape
        split = self.qkv(x).view(batch, time_steps, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.projection(y.transpose(1, 2).reshape(batch, time_steps, width))


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x))."""

    def __init__(self, width: int, heads: int, causal: bool):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.perceptron(self.norm2(x))


GPT_SYMBOLS, GPT_WIDTH, GPT_HEADS, GPT_BLOCKS = 65, 128, 4, 4


class CharGpt(nn.Module):
    """Characters (n, time) -> logits (n, time, characters), the network that ohmic calls char-gpt."""

    def __init__(self, time_steps: int):
        super().__init__()
        self.symbols = nn.Embedding(GPT_SYMBOLS, GPT_WIDTH)
        self.positions = nn.Parameter(0.02 * torch.randn(time_steps, GPT_WIDTH))
        blocks = [TransformerBlock(GPT_WIDTH, GPT_HEADS, causal=True) for _ in range(GPT_BLOCKS)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(GPT_WIDTH)
        self.dense = nn.Linear(GPT_WIDTH, GPT_SYMBOLS)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.norm(self.blocks(self.symbols(x) + self.positions)))


class Vit(nn.Module):
    """Images (n, 3, 32, 32) -> logits of ten classes, the network that ohmic calls vit."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 128, 4, 4)
        self.positions = nn.Parameter(0.02 * torch.randn(64, 128))
        self.blocks = nn.Sequential(*(TransformerBlock(128, 4, causal=False) for _ in range(6)))
        self.norm = nn.LayerNorm(128)
        self.dense = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.dense(self.norm(self.blocks(x)).mean(1))


def weight_layers(model: nn.Module) -> list[nn.Module]:
    """The conv and dense layers, in order of construction."""
    return [layer for layer in model.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]


def weight_count(model: nn.Module) -> int:
    """Weights of the conv and dense layers, biases included, batch norm not."""
    return sum(parameter.numel() for layer in weight_layers(model) for parameter in layer.parameters())


def matrix_count(model: nn.Module) -> int:
    """Weights of all matrices: without biases, of which an LSTM layer of PyTorch has two."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.dim() > 1)


# --- steps ------------------------------------------------------------------------------------------------


def training_step(model: nn.Module, x: Tensor, labels: Tensor) -> Step:
    """Forward, cross entropy, backward, SGD with Nesterov momentum and weight decay."""
    return descent_step(model, x, labels, nesterov(model))


def descent_step(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> Step:
    """Forward, cross entropy, backward, and a step of any optimizer."""

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def noise_training_step(model: nn.Module, x: Tensor, labels: Tensor) -> Step:
    """A training step on w + N(0, (eta max|w|)^2), fresh for every step and drawn layer by layer; the gradients
    update the clean w, which is then clipped to +-alpha std(w). Biases carry no noise and are not clipped."""
    optimizer = nesterov(model)
    weights = [layer.weight for layer in weight_layers(model)]

    def step() -> Tensor:
        optimizer.zero_grad()
        with torch.no_grad():
            clean = [w.clone() for w in weights]
            for w in weights:  # randn, not randn_like: in channels_last order normal numbers take six times as long
                w += TRAINING_NOISE * w.abs().max() * torch.randn(w.shape)
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        with torch.no_grad():
            for w, w0 in zip(weights, clean):
                w.copy_(w0)
        optimizer.step()
        with torch.no_grad():
            for w in weights:
                limit = CLIPPING_SIGMAS * w.std()
                w.clamp_(-limit, limit)
        return loss

    return step


def inference_step(model: nn.Module, x: Tensor, _labels: Tensor) -> Step:
    """The logits of one batch, with running statistics."""
    model.eval()

    def step() -> Tensor:
        with torch.inference_mode():
            return model(x)

    return step


def text_training_step(model: nn.Module, x: Tensor, targets: Tensor, optimizer: torch.optim.Optimizer) -> Step:
    """As training_step with any optimizer; the loss is the mean over all positions (n, time)."""

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        return loss

    return step


def adamw_training_step(model: nn.Module, x: Tensor, labels: Tensor) -> Step:
    """As training_step, with AdamW."""
    return descent_step(model, x, labels, adamw(model))


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=WEIGHT_DECAY)


def nesterov(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )


# --- cases ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Built:
    """A case ready to be timed; `shapes` goes to the bench, which builds the same."""

    step: Step
    shapes: dict


@dataclass(frozen=True)
class Case:
    build: Callable[[int], Built]  # takes the batch
    default_batch: int | None  # None: the case has no batch


def network(model: Callable[[], nn.Module], image: tuple, step: Callable[[nn.Module, Tensor, Tensor], Step]) -> Case:
    """A network of ten classes fed one fixed random batch of `image` (channels, height, width)."""

    def build(batch: int) -> Built:
        built = model().to(memory_format=torch.channels_last)
        x = torch.randn(batch, *image).contiguous(memory_format=torch.channels_last)
        labels = torch.randint(10, (batch,))
        return Built(step(built, x, labels), {"input": list(x.shape), "weights": weight_count(built)})

    return Case(build, 128)


def char_lstm(time_steps: int) -> Case:
    """A training step of CharLstm on one fixed random text."""

    def build(batch: int) -> Built:
        built = CharLstm()
        x, targets = torch.randint(SYMBOLS, (2, batch, time_steps))
        step = text_training_step(built, x, targets, nesterov(built))
        return Built(step, {"input": list(x.shape), "weights": matrix_count(built)})

    return Case(build, 32)


def char_gpt(time_steps: int) -> Case:
    """A training step of CharGpt with AdamW on one fixed random text."""

    def build(batch: int) -> Built:
        built = CharGpt(time_steps)
        x, targets = torch.randint(GPT_SYMBOLS, (2, batch, time_steps))
        step = text_training_step(built, x, targets, adamw(built))
        return Built(step, {"input": list(x.shape), "weights": weight_count(built)})

    return Case(build, 32)


def attention(time_steps: int, depth: int, causal: bool) -> Case:
    """softmax(q k' / sqrt(d)) v of four heads and the gradients of q, k and v."""

    def build(batch: int) -> Built:
        q, k, v = torch.randn(3, batch, 4, time_steps, depth).requires_grad_().unbind()
        gradient = torch.randn(batch, 4, time_steps, depth)

        def step() -> Tensor:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            return torch.autograd.grad(y, (q, k, v), gradient)[0]

        return Built(step, {"input": list(q.shape)})

    return Case(build, 32)


def channels_last(*shape: int) -> Tensor:
    """Normal numbers that a gradient is asked for; images in channels_last order, signals have no such order."""
    values = torch.randn(shape)
    return (values.contiguous(memory_format=torch.channels_last) if values.dim() == 4 else values).requires_grad_()


def convolution(example: tuple, filters: tuple, apply: Callable[[Tensor, Tensor], Tensor]) -> Case:
    """Forward, input gradient and filter gradient of a convolution without bias; `example` is (channels, ...)."""

    def build(batch: int) -> Built:
        x, f = channels_last(batch, *example), channels_last(*filters)
        y_gradient = torch.randn_like(apply(x, f))

        def step() -> Tensor:
            _, filter_gradient = torch.autograd.grad(apply(x, f), (x, f), y_gradient)
            return filter_gradient

        return Built(step, {"input": list(x.shape), "filter": list(f.shape)})

    return Case(build, 32)


def conv3x3(channels: int, size: int) -> Case:
    filters = (channels, channels, 3, 3)
    return convolution((channels, size, size), filters, lambda x, f: F.conv2d(x, f, padding=1))


def depthwise(taps: int, channels: int, size: int) -> Case:
    """Each channel with a filter of its own."""
    filters, padding = (channels, 1, taps, taps), (taps - 1) // 2
    return convolution(
        (channels, size, size), filters, lambda x, f: F.conv2d(x, f, padding=padding, groups=channels)
    )


def conv1d(channels: int, length: int) -> Case:
    """Signals, five taps."""
    return convolution((channels, length), (channels, channels, 5), lambda x, f: F.conv1d(x, f, padding=2))


def transposed(channels: int, size: int) -> Case:
    """4x4 with stride 2, to twice the size and half the channels."""
    filters = (channels, channels // 2, 4, 4)
    return convolution(
        (channels, size, size), filters, lambda x, f: F.conv_transpose2d(x, f, stride=2, padding=1)
    )


def matmul(n: int) -> Case:
    """One product of two (n, n) matrices."""

    def build(_batch: int) -> Built:
        a, b = torch.randn(n, n), torch.randn(n, n)
        return Built(lambda: a @ b, {"left": [n, n], "right": [n, n]})

    return Case(build, None)


CASES = {
    "resnet32-training-step": network(resnet32, (3, 32, 32), training_step),
    "resnet32-noise-training-step": network(resnet32, (3, 32, 32), noise_training_step),
    "resnet32-inference": network(resnet32, (3, 32, 32), inference_step),
    "resnet34-training-step": network(resnet34, (3, 224, 224), training_step),
    "resnet34-inference": network(resnet34, (3, 224, 224), inference_step),
    "mlp-training-step": network(mlp, (1, 28, 28), training_step),
    "lenet5-training-step": network(lenet5, (1, 28, 28), training_step),
    "vit-training-step": network(Vit, (3, 32, 32), adamw_training_step),
    **{f"char-gpt-{time_steps}-training-step": char_gpt(time_steps) for time_steps in (64, 128)},
    **{f"attention-{time_steps}": attention(time_steps, 32, True) for time_steps in (64, 128, 256)},
    **{f"char-lstm-{time_steps}-training-step": char_lstm(time_steps) for time_steps in (50, 100)},
    **{f"conv3x3-{c}": conv3x3(c, size) for c, size in ((64, 32), (128, 16), (256, 8), (512, 8))},
    **{f"depthwise-{taps}-{c}": depthwise(taps, c, size) for taps, c, size in ((3, 64, 32), (5, 256, 8))},
    **{f"conv1d-{c}": conv1d(c, length) for c, length in ((64, 256), (128, 64))},
    **{f"transposed-{c}": transposed(c, size) for c, size in ((64, 8), (128, 16))},
    **{f"matmul-{n}": matmul(n) for n in (256, 512, 1024, 2048)},
}


# --- protocol ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    step: Step
    threads: int


def prepare(request: dict, prepared: dict[str, Prepared]) -> dict:
    name = request["prepare"]
    case = CASES.get(name) if isinstance(name, str) else None
    if case is None:
        raise UsageError(f"prepare: expected one of {', '.join(CASES)}, got {json.dumps(name)}")
    threads = positive_integer("threads", request.get("threads"))
    batch = case.default_batch and positive_integer("batch", request.get("batch", case.default_batch))
    prepared.pop(name, None)  # frees the old one before the new one is built
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    built = case.build(batch)
    for _ in range(WARM_UP_STEPS):
        result = built.step()
    assert torch.isfinite(result).all(), f"{name}: not finite after {WARM_UP_STEPS} steps"
    prepared[name] = Prepared(built.step, threads)
    return {"prepared": name, "batch": batch, "threads": threads, **built.shapes}


def run(request: dict, prepared: dict[str, Prepared]) -> dict:
    name = request["run"]
    case = prepared.get(name) if isinstance(name, str) else None
    if case is None:
        raise UsageError(f"run: expected a prepared case ({', '.join(prepared) or 'none yet'}), got {json.dumps(name)}")
    steps = positive_integer("steps", request.get("steps"))
    torch.set_num_threads(case.threads)
    milliseconds = []
    for _ in range(steps):
        start = time.perf_counter_ns()
        case.step()
        milliseconds.append((time.perf_counter_ns() - start) / 1e6)
    return {"milliseconds": milliseconds}


def info() -> dict:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "oneDnn": torch.backends.mkldnn.is_available(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "cpu": processor_name(),
    }


def processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:  # not Linux
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def positive_integer(field: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise UsageError(f"{field}: expected an integer of at least 1, got {json.dumps(value)}")
    return value


def answer(line: str, prepared: dict[str, Prepared]) -> dict:
    try:
        request = json.loads(line)
    except json.JSONDecodeError as error:
        raise UsageError(f"request: expected one line of JSON, got {line.strip()!r} ({error})") from error
    if isinstance(request, dict):
        if "prepare" in request:
            return prepare(request, prepared)
        if "run" in request:
            return run(request, prepared)
        if "info" in request:
            return info()
        if "quit" in request:
            return {"quit": True}
    raise UsageError(f"request: expected prepare, run, info or quit, got {line.strip()}")


def main() -> int:
    prepared: dict[str, Prepared] = {}
    for line in sys.stdin:
        try:
            reply = answer(line, prepared)
        except UsageError as error:
            reply = {"error": f"torch_peer: {error}"}
        print(json.dumps(reply), flush=True)
        if "error" in reply or "quit" in reply:
            return 1 if "error" in reply else 0
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # Ctrl-C reaches the bench and its peer alike
        sys.exit(130)
