"""The top and bottom eigenpairs as in Listing 1 of "On Landscape of Deep Learning Loss Functions" (2021): SciPy's eigsh
with tolerance 1e-3, first the largest, then the smallest, over products that build the graph anew.

The first products of each end are timed, SciPy's own work included, and scaled to as many as that end needs."""
import time

import numpy as np
from oracle import common
import torch
import torch.nn.functional as F
from scipy.sparse.linalg import LinearOperator, eigsh

timed = 40
# k; products of the two ends, counted in whole runs (ARPACK's start vector is random: they vary by some percent).
cases = {
    'listing1_mlp1000': (10, {'LA': 40, 'SA': 494}),
    'listing1_mlp500': (10, {'LA': 40, 'SA': 831}),
    'listing1_rn20_64': (5, {'LA': 21, 'SA': 115}),
}


class Enough(Exception):
    pass


def subject(case):
    if case.startswith('listing1_mlp'):
        model = common.MLP()
        common.put(model, common.load_vec(f'{common.FILES}/mlp_trained_a.safetensors', model, torch.float32))
        inputs, labels = common.cifar('train1', int(case.removeprefix('listing1_mlp')), 'mlp', torch.float32)
        return model, inputs.flatten(1).contiguous(), labels
    weights = f'{common.W}/akamaster_resnet20-12fca82f_cifar10.safetensors'
    model = common.load(common.aka(20), weights, torch.float32)
    return model, *common.cifar('test', 64, 'aka', torch.float32)


def measure(case, whole=False):
    model, inputs, labels = subject(case)
    k, needed = cases[case]
    parameters = list(model.parameters())
    size = sum(p.numel() for p in parameters)

    def product(vector):
        vector = torch.tensor(vector.reshape(-1), dtype=torch.float32)
        loss = F.cross_entropy(model(inputs), labels)
        gradient = torch.autograd.grad(loss, parameters, create_graph=True)
        slope = torch.sum(torch.cat([g.view(-1) for g in gradient]) * vector)
        result = torch.autograd.grad(slope, parameters, retain_graph=True)
        return torch.cat([g.contiguous().view(-1) for g in result]).detach().numpy()

    product(np.ones(size, np.float32))
    totals = {'wall': 0., 'cpu': 0.}
    counts = {}
    for end, count in needed.items():
        done = 0
        start = (time.perf_counter(), time.process_time())

        def matvec(vector):
            nonlocal done
            if done == timed and not whole:
                raise Enough
            done += 1
            return product(vector)

        with np.errstate(all='ignore'):
            try:
                eigsh(LinearOperator((size, size), matvec=matvec), k=k, tol=1e-3, which=end)
            except Enough:
                pass
        counts[end] = done
        scale = 1 if whole else count / done
        totals['wall'] += scale * (time.perf_counter() - start[0])
        totals['cpu'] += scale * (time.process_time() - start[1])
    said = [f'{counts[end]} of {count}' for end, count in needed.items()]
    return {**totals, 'note': f'products timed: {" and ".join(said)}, scaled', 'products': counts}
