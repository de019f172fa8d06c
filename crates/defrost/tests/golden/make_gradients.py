"""Makes gradients.json: loss and gradient norms of torchvision networks, in f64.

The weights of torch.json follow smooth sines, which makes their matrices nearly singular: with batch statistics PyTorch's
own f32 and f64 gradients of the first layers differ by 1 % (resnet18) to 25 % (mobilenet_v2) there, and by as much from one
processor to another. The weights here follow a noise formula, under which f32 and f64 agree to about 1e-4, so that a
comparison means something. Both are kept: what f32 costs PyTorch is part of the tolerance.

pip install torch torchvision numpy
python make_gradients.py > gradients.json
"""
import json, math
import torch, torchvision

TARGETS = [0, 3, 6, 9]
SHAPE = [4, 3, 64, 64]


def noise(count, k):
    i = torch.arange(count, dtype=torch.float64)
    v = torch.sin((i + 1) * 12.9898 + (k + 1) * 78.233) * 43758.5453
    return 2 * (v - torch.floor(v)) - 1


def build(name):
    model = getattr(torchvision.models, name)(num_classes=10)
    tensors, k = {}, 0
    for key, tensor in model.state_dict().items():
        if 'num_batches' in key:
            continue
        u = noise(tensor.numel(), k)
        if tensor.dim() >= 2:
            value = u * math.sqrt(6 / (tensor.numel() / tensor.shape[0]))
        elif key.endswith('running_var'):
            value = 1 + 0.3 * u
        elif key.endswith(('running_mean', 'bias')):
            value = 0.1 * u
        else:
            value = 1 + 0.2 * u
        tensors[key] = value.float().reshape(tensor.shape)
        k += 1
    model.load_state_dict(tensors, strict=False)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0
    return model


def measure(name, dtype, batch_statistics, layout=torch.contiguous_format):
    model = build(name).to(dtype).to(memory_format=layout).train(batch_statistics)
    x = noise(math.prod(SHAPE), 999).float().reshape(SHAPE).to(dtype).to(memory_format=layout)
    loss = torch.nn.functional.cross_entropy(model(x), torch.tensor(TARGETS))
    loss.backward()
    return loss.item(), {key: parameter.grad.norm().item() for key, parameter in model.named_parameters()}


def trace(name, batch_statistics):
    loss, exact = measure(name, torch.float64, batch_statistics)
    singles = [measure(name, torch.float32, batch_statistics, layout)[1]
               for layout in (torch.contiguous_format, torch.channels_last)]
    nothing = 1e-6 * max(exact.values())
    spread = max(abs(single[key] / exact[key] - 1) for single in singles for key in exact if exact[key] > nothing)
    kept = list(exact)[:: max(1, len(exact) // 20)] + ['conv1.weight'] * ('conv1.weight' in exact)
    return {'loss': loss, 'f32_spread': spread, 'grad_norms': {key: exact[key] for key in dict.fromkeys(kept)}}


models = {}
for name in ['resnet18', 'resnet34', 'resnet50', 'mobilenet_v2']:
    models[name] = {'batch': trace(name, True), 'keep': trace(name, False)}
print(json.dumps({
    'made_with': {'torch': torch.__version__, 'torchvision': torchvision.__version__},
    'formula': 'noise(i, k) = 2 fract(43758.5453 sin(12.9898 (i + 1) + 78.233 (k + 1))) - 1 in f64; tensor number k, element i: '
               'weights of 2 or more dims sqrt(6 / fan_in) noise, running_var 1 + 0.3 noise, running_mean and bias 0.1 noise, '
               'other 1-d weights 1 + 0.2 noise; input k = 999',
    'f32_spread': 'how far f32 gradient norms are off, at most, in either memory layout; norms below 1e-6 of the largest left out',
    'input': SHAPE, 'targets': TARGETS, 'models': models,
}, indent=1))
