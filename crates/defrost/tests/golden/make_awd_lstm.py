"""Makes awd_lstm.json: what PyTorch's LSTMs make of a tiny stack with weights by a formula: the last, largest and mean
output of two texts, and the loss of a language model with tied weights over two chunks of two streams, the state
carried over; with the norms of all gradients.

pip install torch; python make_awd_lstm.py > awd_lstm.json
"""
import json, sys
import torch
from torch import nn

VOCABULARY, EMBEDDING, HIDDEN = 11, 6, 10
TOKENS = [[1, 5, 7, 10, 2], [3, 2, 0, 0, 0]]
MASK = [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]
CHUNKS = [[[1, 5, 7], [4, 4, 9]], [[10, 2], [3, 8]]]
NEXT = [[[5, 7, 10], [4, 9, 3]], [[2, 1], [8, 6]]]


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, EMBEDDING)
        sizes = [(EMBEDDING, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, EMBEDDING)]
        self.rnns = nn.ModuleList(nn.LSTM(i, o, batch_first=True) for i, o in sizes)

    def forward(self, tokens, states=(None, None, None)):
        x, behind = self.encoder(tokens), []
        for rnn, state in zip(self.rnns, states):
            x, state = rnn(x, state)
            behind.append(tuple(s.detach() for s in state))
        return x, behind


def made():
    """Weights by the name of the tensor: its letters give the phase."""
    model = Stack().double()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            phase = sum(map(ord, name)) % 97
            i = torch.arange(tensor.numel(), dtype=torch.float64)
            tensor.copy_((0.5 * torch.sin(i * 1.7 + phase)).reshape(tensor.shape))
    return model


def norms(model):
    return {name: parameter.grad.norm().item() for name, parameter in model.named_parameters()}


def classifier():
    model = made()
    hidden, _ = model(torch.tensor(TOKENS))
    mask = torch.tensor(MASK)[..., None]
    last = hidden[torch.arange(2), mask.sum((1, 2)) - 1]
    largest = hidden.masked_fill(mask == 0, float("-inf")).max(1).values
    out = torch.cat([last, largest, (hidden * mask).sum(1) / mask.sum(1)], 1)
    out.sin().sum().backward()
    return dict(pooled=out.tolist(), gradients=norms(model))


def language():
    model, states, losses = made(), (None, None, None), []
    for tokens, following in zip(CHUNKS, NEXT):
        model.zero_grad()
        hidden, states = model(torch.tensor(tokens), states)
        scores = hidden @ model.encoder.weight.T
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), torch.tensor(following).flatten())
        loss.backward()
        losses.append(loss.item())
    return dict(losses=losses, gradients=norms(model))


json.dump(dict(
    vocabulary=VOCABULARY, embedding=EMBEDDING, hidden=HIDDEN, tokens=TOKENS, mask=MASK, chunks=CHUNKS, next=NEXT,
    tensors=[name for name, _ in Stack().named_parameters()],
    classifier=classifier(), language=language(),
), sys.stdout, indent=1)
