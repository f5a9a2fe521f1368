"""What float64 PyTorch computes for networks of the benchmark: ResNets (option A) of 20 or 32 layers, the MLP.

    reference.py 20|32 keep|upbn|steps|hvp GIVEN FOUND
    reference.py mlp rayleigh GIVEN FOUND

GIVEN: float32 in PyTorch's order: parameters; but for `steps`, mean and variance of each batch norm; for `hvp`, v.
FOUND: float64: a loss on the first 1,000 test images, statistics kept or collected anew on the first 1,000 training
images in batches of 100; the losses of three steps of SGD on the first 128 training images (rate .02, momentum .9,
weight decay 5e-4, batch norm in training mode); or the product on the first 128 test images. For `rayleigh`, GIVEN has vectors after the parameters, and FOUND each one's
v·Hv / v·v on the first 500 training images."""
import sys
import numpy as np
from oracle import common
import torch
import torch.nn.functional as F

network, what, given, found = sys.argv[1:5]
numbers = torch.from_numpy(np.fromfile(given, np.float32).astype(np.float64))
model = (common.MLP() if network == 'mlp' else common.aka(int(network))).double().eval()
count = sum(p.numel() for p in model.parameters())
common.put(model, numbers[:count])
norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
rest = numbers[count:]
if what in ('keep', 'upbn', 'hvp'):
    for norm in norms:
        size = norm.num_features
        norm.running_mean.copy_(rest[:size])
        norm.running_var.copy_(rest[size:2 * size])
        rest = rest[2 * size:]


def loss():
    return common.evaluate(model, *common.cifar('test', 1000, 'aka'), bs=100)[0]


def upbn():
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    x, _ = common.cifar('train1', 1000, 'aka')
    with torch.no_grad():
        for start in range(0, 1000, 100):
            model(x[start:start + 100])
    model.eval()
    return loss()


def steps():
    x, y = common.cifar('train1', 128, 'aka')
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=.02, momentum=.9, weight_decay=5e-4)
    losses = []
    for _ in range(3):
        optimiser.zero_grad()
        value = F.cross_entropy(model(x), y)
        value.backward()
        optimiser.step()
        losses.append(value.item())
    return losses


def hvp():
    x, y = common.cifar('test', 128, 'aka')
    return common.HVP(model, x, y)(rest).numpy()


def rayleigh():
    product = common.HVP(model, *common.cifar('train1', 500, 'mlp'))
    return [(v.dot(product(v)) / v.dot(v)).item() for v in rest.split(count)]


programs = {'keep': loss, 'upbn': upbn, 'steps': steps, 'hvp': hvp, 'rayleigh': rayleigh}
np.asarray(programs[what](), np.float64).tofile(found)
