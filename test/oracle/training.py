"""Makes training.json: what PyTorch computes for losses, optimisers, schedules and a whole small training, in float64.

    python3 test/oracle/training.py > test/oracle/training.json

Needs PyTorch 1.13 or later. Every input is a multiple of 1/64, so that float32 holds it exactly.
"""
import json
import warnings

import torch
from torch import nn
from torch.optim import lr_scheduler as schedulers

torch.set_default_dtype(torch.float64)
warnings.filterwarnings("ignore")
generator = torch.Generator().manual_seed(20)


def dyadic(*shape, scale=1.0):
    return (torch.randn(*shape, generator=generator) * scale * 64).round() / 64


def focal(gamma):
    def loss(logits, labels):
        log_p = torch.log_softmax(logits, 1)[torch.arange(len(labels)), labels]
        return (-((1 - log_p.exp()) ** gamma) * log_p).mean()

    return loss


losses = {
    "cross-entropy": nn.CrossEntropyLoss(),
    "smoothed": nn.CrossEntropyLoss(label_smoothing=0.1),
    "mean-squared-error": lambda z, y: nn.MSELoss()(z, nn.functional.one_hot(y, z.shape[1]).to(z.dtype)),
    "hinge": nn.MultiMarginLoss(),
    "focal-1": focal(1),
    "focal-2": focal(2),
    "focal-5": focal(5),
}


def losses_of_logits():
    logits, v = dyadic(6, 4, scale=2), dyadic(6, 4)
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    result = {"logits": logits.tolist(), "labels": labels.tolist(), "v": v.tolist(), "losses": {}}
    for name, loss in losses.items():
        z = logits.clone().requires_grad_()
        value = loss(z, labels)
        (gradient,) = torch.autograd.grad(value, z, create_graph=True)
        product = torch.zeros_like(z)
        if name != "hinge":  # piecewise linear; PyTorch does not differentiate it twice
            (found,) = torch.autograd.grad((gradient * v).sum(), z, allow_unused=True)
            product = product if found is None else found
        each = [loss(logits[i : i + 1], labels[i : i + 1]).item() for i in range(len(labels))]
        result["losses"][name] = {
            "value": value.item(),
            "gradient": gradient.tolist(),
            "product": product.tolist(),
            "each": each,
        }
    return result


optimisers = {
    "sgd": (torch.optim.SGD, dict(lr=0.1)),
    "sgd-decay": (torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "sgd-momentum": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.05)),
    "sgd-dampening": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.05)),
    "sgd-nesterov": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)),
    "adam": (torch.optim.Adam, dict(lr=0.01)),
    "adam-decay": (torch.optim.Adam, dict(lr=0.01, weight_decay=0.05, betas=(0.8, 0.95), eps=1e-3)),
    "adamw": (torch.optim.AdamW, dict(lr=0.01, weight_decay=0.05)),
    "adamw-betas": (torch.optim.AdamW, dict(lr=0.01, weight_decay=0.5, betas=(0.8, 0.95), eps=1e-3)),
}
clips = {
    "none": lambda parameters: None,
    "norm": lambda parameters: nn.utils.clip_grad_norm_(parameters, 1.5),
    "value": lambda parameters: nn.utils.clip_grad_value_(parameters, 0.5),
}


def optimiser_steps():
    start = [dyadic(3, 2), dyadic(2)]
    # The first gradient is small: not everything is clipped.
    gradients = [[dyadic(3, 2, scale=s), dyadic(2, scale=s)] for s in (0.25, 1, 2, 1, 0.5, 1)]
    runs = {}
    for name, (kind, settings) in optimisers.items():
        for clip in clips if name in ("sgd-momentum", "adam") else ["none"]:
            for where in ["all", "weights"] if "weight_decay" in settings else ["all"]:
                parameters = [nn.Parameter(p.clone()) for p in start]
                groups = [{"params": parameters}]
                if where == "weights":
                    groups = [{"params": parameters[:1]}, {"params": parameters[1:], "weight_decay": 0.0}]
                optimiser = kind(groups, **settings)
                path = []
                for step in gradients:
                    for p, g in zip(parameters, step):
                        p.grad = g.clone()
                    clips[clip](parameters)
                    optimiser.step()
                    path.append([p.tolist() for p in parameters])
                runs[f"{name}, clip {clip}, decay {where}"] = path
    return {
        "start": [p.tolist() for p in start],
        "gradients": [[g.tolist() for g in step] for step in gradients],
        "settings": {name: settings for name, (_, settings) in optimisers.items()},
        "runs": runs,
    }


def rates(make, count):
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.2)
    scheduler = make(optimiser)
    found = []
    for _ in range(count):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return found


def schedules():
    steps = lambda o: schedulers.MultiStepLR(o, [4, 7, 7], 0.3)
    warm = lambda o: schedulers.LinearLR(o, start_factor=0.1, total_iters=3)
    return {
        "step": rates(steps, 10),
        "cosine": rates(lambda o: schedulers.CosineAnnealingLR(o, 10), 10),
        "cosine to 0.01": rates(lambda o: schedulers.CosineAnnealingLR(o, 10, eta_min=0.01), 10),
        "constant, warm-up": rates(warm, 10),
        "step, warm-up": rates(lambda o: schedulers.ChainedScheduler([warm(o), steps(o)]), 10),
        "cosine, warm-up": rates(
            lambda o: schedulers.SequentialLR(o, [warm(o), schedulers.CosineAnnealingLR(o, 7)], [3]), 10
        ),
    }


def trainings():
    inputs, labels = dyadic(20, 6), torch.randint(3, (20,), generator=generator)
    start = [dyadic(5, 6, scale=0.4), dyadic(5, scale=0.1), dyadic(3, 5, scale=0.4), dyadic(3, scale=0.1)]
    runs = {}
    for name, kind, settings, loss, warm in [
        ("sgd", torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=5e-4), "smoothed", None),
        ("adam", torch.optim.Adam, dict(lr=0.01), "focal-2", 4),
        ("adamw", torch.optim.AdamW, dict(lr=0.01, weight_decay=0.05), "mean-squared-error", 4),
    ]:
        net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
        for p, s in zip(net.parameters(), start):
            p.data = s.clone()
        weights = [p for p in net.parameters() if p.dim() > 1]
        biases = [p for p in net.parameters() if p.dim() == 1]
        optimiser = kind([{"params": weights}, {"params": biases, "weight_decay": 0.0}], **settings)
        # By step: 3 epochs of 3 batches of 7, 7 and 6 examples.
        cosine = schedulers.CosineAnnealingLR(optimiser, 9 - (warm or 0))
        scheduler = cosine
        if warm:
            linear = schedulers.LinearLR(optimiser, start_factor=0.25, total_iters=warm)
            scheduler = schedulers.SequentialLR(optimiser, [linear, cosine], [warm])
        step_losses = []
        for _ in range(3):
            for at in range(0, 20, 7):
                value = losses[loss](net(inputs[at : at + 7]), labels[at : at + 7])
                optimiser.zero_grad()
                value.backward()
                nn.utils.clip_grad_norm_(net.parameters(), 0.5)
                optimiser.step()
                scheduler.step()
                step_losses.append(value.item())
        runs[name] = {
            "settings": settings,
            "loss": loss,
            "warm-up": warm,
            "step losses": step_losses,
            "final loss": losses[loss](net(inputs), labels).item(),
            "parameters": [p.tolist() for p in net.parameters()],
        }
    return {"inputs": inputs.tolist(), "labels": labels.tolist(), "start": [s.tolist() for s in start], "runs": runs}


def cut(value):
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, (list, tuple)):
        return [cut(v) for v in value]
    return {k: cut(v) for k, v in value.items()} if isinstance(value, dict) else value


print(
    json.dumps(
        cut(
            {
                "made by": f"PyTorch {torch.__version__}, test/oracle/training.py",
                "losses": losses_of_logits(),
                "optimisers": optimiser_steps(),
                "schedules": schedules(),
                "trainings": trainings(),
            }
        )
    )
)
