"""Makes metrics.json: scikit-learn's measures of made-up predictions, for classes, labels and numbers.

pip install scikit-learn
python make_metrics.py > metrics.json
"""
import json, math
import numpy as np, sklearn
from sklearn import metrics as m


def noise(count, k):
    v = np.sin((np.arange(count) + 1) * 12.9898 + (k + 1) * 78.233) * 43758.5453
    return v - np.floor(v)


def probabilities(items, classes, k):
    """Rounded to f32, as a network gives them; some equal ones, so that ties are tested too."""
    scores = np.round(noise(items * classes, k).reshape(items, classes) * 8) / 4
    return scores


def of_classes(items, classes, k, seen):
    """`seen` classes appear, the others never."""
    targets = np.minimum((noise(items, k) ** 1.5 * seen).astype(int), seen - 1)
    scores = probabilities(items, classes, k + 1)
    scores[np.arange(items), targets] += 0.6
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    p = p.astype(np.float32)
    said = p.argmax(1)
    macro = dict(average='macro', zero_division=0)
    each = dict(average=None, zero_division=0, labels=range(classes))
    areas = [m.roc_auc_score(targets == c, p[:, c]) for c in range(classes) if 0 < (targets == c).sum() < items]
    expected = {
        'accuracy': m.accuracy_score(targets, said), 'kappa': m.cohen_kappa_score(targets, said),
        'mcc': m.matthews_corrcoef(targets, said), 'precision': m.precision_score(targets, said, **macro),
        'recall': m.recall_score(targets, said, **macro), 'f1': m.f1_score(targets, said, **macro),
        'roc_auc': float(np.mean(areas)),
    }
    if classes > 5:
        expected['top_5'] = float(np.mean([t in np.argsort(-row, kind='stable')[:5] for t, row in zip(targets, p)]))
    if seen == classes > 2:
        sums = p.astype(float) / p.astype(float).sum(1, keepdims=True)
        assert abs(m.roc_auc_score(targets, sums, multi_class='ovr') - expected['roc_auc']) < 1e-3
    by_class = {name: score(targets, said, **each).tolist()
                for name, score in (('precision', m.precision_score), ('recall', m.recall_score), ('f1', m.f1_score))}
    return {'targets': targets.tolist(), 'predictions': p.astype(float).tolist(), 'metrics': expected, 'by_class': by_class}


def of_labels(items, labels, k):
    targets = noise(items * labels, k).reshape(items, labels) < 0.35
    p = np.clip(0.25 + 0.3 * targets + np.round(noise(items * labels, k + 1).reshape(items, labels), 1) * 0.5, 0, 1)
    p = p.astype(np.float32)
    said = p >= np.float32(0.5)
    macro = dict(average='macro', zero_division=0)
    return {'targets': [np.flatnonzero(row).tolist() for row in targets], 'predictions': p.astype(float).tolist(), 'metrics': {
        'accuracy': float((said == targets).mean()), 'exact_match': m.accuracy_score(targets, said),
        'precision': m.precision_score(targets, said, **macro), 'recall': m.recall_score(targets, said, **macro),
        'f1': m.f1_score(targets, said, **macro), 'roc_auc': m.roc_auc_score(targets, p, average='macro')}}


def of_numbers(items, k):
    targets = (noise(items, k) * 300 - 50).astype(np.float32)
    found = (targets + noise(items, k + 1) * 40 - 25).astype(np.float32)
    return {'targets': targets.astype(float).tolist(), 'predictions': [[x] for x in found.astype(float).tolist()], 'metrics': {
        'mae': m.mean_absolute_error(targets.astype(float), found.astype(float)),
        'rmse': math.sqrt(m.mean_squared_error(targets.astype(float), found.astype(float))),
        'r2': m.r2_score(targets.astype(float), found.astype(float))}}


print(json.dumps({
    'made_with': {'scikit-learn': sklearn.__version__, 'numpy': np.__version__},
    'classes': [of_classes(60, 2, 1, 2), of_classes(80, 4, 3, 4), of_classes(90, 7, 5, 7), of_classes(40, 6, 7, 4)],
    'labels': [of_labels(50, 5, 11)],
    'numbers': [of_numbers(70, 13)],
}))
