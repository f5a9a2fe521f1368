"""Makes networks.json: losses, gradients, Hessian-vector products and eigenvalues of small networks by PyTorch, in float64.

    python3 test/oracle/networks.py > test/oracle/networks.json

Needs PyTorch 1.13 or later. Weights, images and directions follow a formula (`number`) whose values float32 holds exactly;
test/network/small-oracle.test.ts makes the same ones.
"""
import json

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def number(i, t):
    """The i-th number of stream t, in (-0.5, 0.5), a multiple of 1/2048."""
    return ((i * 7919 + i * i * 31 + t * 104729 + 12345) % 2039 - 1019) / 2048


def stream(t, shape):
    size = 1
    for extent in shape:
        size *= extent
    return torch.tensor([number(i, t) for i in range(size)]).reshape(shape)


def scaled(name, t, shape):
    """What a tensor of a network holds."""
    v = stream(t, shape)
    if name.endswith("running_var"):
        return 1 + v
    if len(shape) > 1:
        fan, scale = shape[1:].numel(), 2.0
        while scale * scale * fan > 8:
            scale /= 2
        return v * 2 * scale
    if name.endswith("weight"):
        return 1 + v / 2
    return v / 2


def fill(network):
    entries = [(n, p) for n, p in network.state_dict(keep_vars=True).items() if not n.endswith("num_batches_tracked")]
    for t, (name, tensor) in enumerate(entries):
        tensor.data = scaled(name, t, tensor.shape)
    return entries


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


class Maps(nn.Module):
    """Convolution, batch norm, ReLU6; depthwise of stride 2; pooling; grouped convolution; means; dense."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4, bias=True)
        self.bn2 = nn.BatchNorm2d(8)
        self.conv3 = nn.Conv2d(8, 6, 3, padding=1, groups=2, bias=False)
        self.bn3 = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        x = x.reshape(-1, 3, 7, 7)
        x = F.relu6(self.bn1(self.conv1(x)))
        x = F.gelu(self.bn2(self.conv2(x)))
        x = F.max_pool2d(x, 3, 1, 1)
        x = F.relu(self.bn3(self.conv3(x)))
        return self.fc(x.mean((2, 3)))


def unit(i, o, k=1, s=1, g=1, act=True):
    layers = [nn.Conv2d(i, o, k, s, (k - 1) // 2, groups=g, bias=False), nn.BatchNorm2d(o)]
    return layers + ([nn.ReLU6()] if act else [])


class Inverted(nn.Module):
    def __init__(self, i, o, s, t):
        super().__init__()
        h = i * t
        parts = [nn.Sequential(*unit(i, h))] if t != 1 else []
        parts += [nn.Sequential(*unit(h, h, 3, s, h)), *unit(h, o, act=False)]
        self.conv = nn.Sequential(*parts)
        self.adds = s == 1 and i == o

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


def eights(v):
    r = max(8, int(v + 4) // 8 * 8)
    return r + 8 if r < 0.9 * v else r


class Mobile(nn.Module):
    """MobileNetV2 with torchvision's names."""

    def __init__(self, width, classes):
        super().__init__()
        i = eights(32 * width)
        blocks = [nn.Sequential(*unit(3, i, 3, 2))]
        for t, c, n, s in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
            for b in range(n):
                blocks.append(Inverted(i, eights(c * width), s if b == 0 else 1, t))
                i = eights(c * width)
        last = eights(1280 * max(1.0, width))
        blocks.append(nn.Sequential(*unit(i, last)))
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(last, classes))

    def forward(self, x):
        x = self.features(x.reshape(-1, 3, 32, 32))
        return self.classifier(x.mean((2, 3)))


class Bottleneck(nn.Module):
    def __init__(self, i, planes, s, groups, base):
        super().__init__()
        w = planes * base // 64 * groups
        self.conv1, self.bn1 = unit(i, w, act=False)
        self.conv2, self.bn2 = unit(w, w, 3, s, groups, act=False)
        self.conv3, self.bn3 = unit(w, 4 * planes, act=False)
        self.downsample = nn.Sequential(*unit(i, 4 * planes, 1, s, act=False)) if s > 1 or i != 4 * planes else None

    def forward(self, x):
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        kept = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn3(self.conv3(y)) + kept)


class Resnext(nn.Module):
    """ResNeXt with torchvision's names: 50 32x4d, or another depth and width."""

    def __init__(self, classes, blocks=(3, 4, 6, 3), planes=64, groups=32, base=4):
        super().__init__()
        self.conv1 = nn.Conv2d(3, planes, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        i = planes
        for s, n in enumerate(blocks):
            parts = []
            for b in range(n):
                parts.append(Bottleneck(i, planes * 2 ** s, 2 if b == 0 and s else 1, groups, base))
                i = 4 * planes * 2 ** s
            setattr(self, f"layer{s + 1}", nn.Sequential(*parts))
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x.reshape(-1, 3, 32, 32)))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def narrow():
    """As ResNeXt-101 32x8d, but narrow and shallow: groups of 2, 4, 8 and 16 channels."""
    return Resnext(3, blocks=(1, 2, 1, 1), planes=8, groups=4, base=16)


def case(network, features, count, training, eigenvalues=True, products=True):
    entries = fill(network)
    network.train(training)
    names = [n for n, p in network.named_parameters()]
    order = {name: t for t, (name, _) in enumerate(entries)}
    parameters = list(network.parameters())
    inputs = stream(777, (count, features)) * 4
    labels = torch.arange(count) % 3
    result = {"tensors": [[n, list(p.shape)] for n, p in entries], "examples": count, "training": training}
    logits = network(inputs)
    loss = F.cross_entropy(logits, labels)
    result["loss"] = loss.item()
    if not products:
        return result
    gradient = torch.autograd.grad(loss, parameters, create_graph=True)

    def product(v):
        slope = sum((g * d).sum() for g, d in zip(gradient, v))
        return torch.autograd.grad(slope, parameters, retain_graph=True)

    direction = [stream(1000 + order[n], p.shape) for n, p in zip(names, parameters)]
    probe = [stream(2000 + order[n], p.shape) for n, p in zip(names, parameters)]
    hv = product(direction)
    summary = lambda list_: [[t.norm().item(), (t * p).sum().item()] for t, p in zip(list_, probe)]
    result["gradient"] = summary(gradient)
    result["product"] = summary(hv)
    if eigenvalues:
        d = sum(p.numel() for p in parameters)
        rows = []
        for i in range(d):
            e = torch.zeros(d)
            e[i] = 1
            parts, at = [], 0
            for p in parameters:
                parts.append(e[at : at + p.numel()].reshape(p.shape))
                at += p.numel()
            rows.append(torch.cat([r.reshape(-1) for r in product(parts)]))
        values = torch.linalg.eigvalsh(torch.stack(rows))
        result["largest"] = values.flip(0)[:3].tolist()
        result["smallest"] = values[:3].tolist()
    return result


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return value


cases = {
    "perceptron": case(Perceptron(), 12, 9, False),
    "maps": case(Maps(), 147, 5, False),
    "maps in training mode": case(Maps(), 147, 5, True),
    "mobilenet-v2": case(Mobile(0.1, 3), 3072, 2, False, eigenvalues=False),
    "mobilenet-v2 in training mode": case(Mobile(0.1, 3), 3072, 16, True, eigenvalues=False),
    "resnext": case(narrow(), 3072, 6, False, eigenvalues=False),
    "resnext in training mode": case(narrow(), 3072, 16, True, eigenvalues=False),
    "resnext50-32x4d": case(Resnext(3), 3072, 1, False, products=False),
}
# The names of the large ones are torchvision's; their shapes are checked by their sizes.
print(json.dumps({"maker": f"test/oracle/networks.py, PyTorch {torch.__version__}", "cases": rounded(cases)}, separators=(",", ":")))
