"""Makes gradients.json: scores, loss and gradient norms of torchvision's and timm's networks, in f64.

The weights of torch.json follow smooth sines, which makes their matrices nearly singular: with batch statistics PyTorch's
own f32 and f64 gradients of the first layers differ by 1 % (resnet18) to 25 % (mobilenet_v2) there, and by as much from one
processor to another. The weights here follow a noise formula, under which f32 and f64 agree to about 1e-4, so that a
comparison means something. Both are kept: what f32 costs PyTorch is part of the tolerance.

Networks without batch-norms are measured in evaluation only. Of squeezenet1_1 and vgg16_bn, whose classifiers defrost leaves
behind, the averages of the last features stand for the scores. The transformers are given images that their position
embeddings are not made for.

pip install torch torchvision timm numpy
python make_gradients.py > gradients.json                 (all)
python make_gradients.py gradients.json NAME...           (these anew, in place)
"""
import hashlib, json, math, sys
import timm, torch, torchvision

TARGETS = [0, 3, 6, 9]


class Pooled(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.features = model.features

    def forward(self, x):
        return self.features(x).mean((2, 3))


def tv(name):
    return getattr(torchvision.models, name)(num_classes=10)


def of_timm(name, **options):
    return timm.create_model(name, num_classes=10, **options)


def vit(name):
    return of_timm(name, dynamic_img_size=True)


# name: (how it is made, whether it has batch-norms, input)
NETWORKS = {
    **{name: (lambda name=name: tv(name), True, [4, 3, 64, 64]) for name in [
        'resnet18', 'resnet34', 'resnet50', 'mobilenet_v2', 'resnet101', 'resnext50_32x4d', 'wide_resnet50_2', 'densenet121',
        'mobilenet_v3_small', 'mobilenet_v3_large']},
    'vgg16_bn': (lambda: Pooled(tv('vgg16_bn')), True, [4, 3, 64, 64]),
    'squeezenet1_1': (lambda: Pooled(tv('squeezenet1_1')), False, [4, 3, 64, 64]),
    **{f'efficientnet_lite{n}': (lambda n=n: of_timm(f'tf_efficientnet_lite{n}'), True, [4, 3, 64, 64]) for n in (1, 2)},
    'convnext_tiny': (lambda: tv('convnext_tiny'), False, [2, 3, 64, 64]),
    'convnext_small': (lambda: tv('convnext_small'), False, [2, 3, 64, 64]),
    'vit_small_patch16_224': (lambda: vit('vit_small_patch16_224'), False, [2, 3, 64, 64]),
    'vit_base_patch16_224': (lambda: vit('vit_base_patch16_224'), False, [2, 3, 64, 64]),
    'vit_small_patch14_dinov2': (lambda: vit('vit_small_patch14_dinov2'), False, [2, 3, 70, 70]),
}


def noise(count, k):
    i = torch.arange(count, dtype=torch.float64)
    v = torch.sin((i + 1) * 12.9898 + (k + 1) * 78.233) * 43758.5453
    return 2 * (v - torch.floor(v)) - 1


def build(make):
    model = make()
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


def measure(make, shape, dtype, batch_statistics, layout=torch.contiguous_format):
    model = build(make).to(dtype).to(memory_format=layout).train(batch_statistics)
    x = noise(math.prod(shape), 999).float().reshape(shape).to(dtype).to(memory_format=layout)
    scores = model(x)
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(TARGETS[: shape[0]]))
    loss.backward()
    norms = {key: parameter.grad.norm().item() for key, parameter in model.named_parameters()}
    return loss.item(), norms, scores[0, :10].tolist()


def trace(make, shape, batch_statistics):
    loss, exact, scores = measure(make, shape, torch.float64, batch_statistics)
    singles = [measure(make, shape, torch.float32, batch_statistics, layout)[1]
               for layout in (torch.contiguous_format, torch.channels_last)]
    nothing = 1e-6 * max(exact.values())
    spread = max(abs(single[key] / exact[key] - 1) for single in singles for key in exact if exact[key] > nothing)
    kept = list(exact)[:: max(1, len(exact) // 20)] + ['conv1.weight'] * ('conv1.weight' in exact)
    return {'loss': loss, 'f32_spread': spread, 'scores': scores,
            'grad_norms': {key: exact[key] for key in dict.fromkeys(kept)}}


def tensors(make):
    lines = [f'{key} {list(tensor.shape)}\n' for key, tensor in make().state_dict().items() if 'num_batches' not in key]
    return hashlib.sha256(''.join(lines).encode()).hexdigest()


def network(name):
    make, has_norms, shape = NETWORKS[name]
    print(name, file=sys.stderr)
    modes = {'batch': trace(make, shape, True)} if has_norms else {}
    return {'input': shape, 'tensors_sha256': tensors(make), **modes, 'keep': trace(make, shape, False)}


torch.set_num_threads(2)
path, names = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else (None, list(NETWORKS))
before = json.load(open(path))['models'] if path else {}
models = {**before, **{name: network(name) for name in names}}
text = json.dumps({
    'made_with': {'torch': torch.__version__, 'torchvision': torchvision.__version__, 'timm': timm.__version__},
    'formula': 'noise(i, k) = 2 fract(43758.5453 sin(12.9898 (i + 1) + 78.233 (k + 1))) - 1 in f64; tensor number k, element i: '
               'weights of 2 or more dims sqrt(6 / fan_in) noise, running_var 1 + 0.3 noise, running_mean and bias 0.1 noise, '
               'other 1-d weights 1 + 0.2 noise; input k = 999',
    'f32_spread': 'how far f32 gradient norms are off, at most, in either memory layout; norms below 1e-6 of the largest left out',
    'scores': 'the first ten of the first image',
    'tensors_sha256': 'of a line for each tensor: name [dimensions]',
    'targets': TARGETS, 'models': models,
}, indent=1)
print(text, file=open(path, 'w') if path else sys.stdout)
