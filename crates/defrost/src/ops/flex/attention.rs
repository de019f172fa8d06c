//! Attention of each position to all others of its text, and its gradients.
//!
//! Texts and heads are independent: each thread takes whole texts, a head at a time, so that the weights of a head are
//! made, used and forgotten. The way back makes them again, which is cheaper than reading them from memory.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{DType, Tensor};
use defrost_kernels::{Buffer, softmax};
use rayon::prelude::*;

use super::format::{Format, dims, tensor, whole, whole_f32};
use crate::ops::isa::isa;

/// The operation on primitives, as Burn dispatches it.
#[backend_extension(Flex, Autodiff)]
trait AttentionKernel: Backend {
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        absent: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self>;
}

impl AttentionKernel for Flex {
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        absent: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        Attention::new([query, key, value], absent, heads).forward()
    }
}

impl<C: CheckpointStrategy> AttentionKernel for Autodiff<Flex, C> {
    fn attend(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        absent: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        let [(query, of_query), (key, of_key), (value, of_value)] =
            [query, key, value].map(FloatTensor::<Self>::into_parts);
        let attention = Attention::new([query, key, value], absent.into_primitive(), heads);
        let output = attention.forward();
        match AttentionBackward.prepare::<C>([of_query, of_key, of_value]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(attention, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

pub fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    absent: Tensor<2>,
    heads: usize,
) -> Tensor<3> {
    let [query, key, value] = [query, key, value].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::attend(query, key, value, absent.into_dispatch(), heads))
}

/// The operation's arguments in f32, and the format they came in.
#[derive(Clone, Debug)]
struct Attention {
    /// Query, key and value, `[batch, positions, features]` each.
    inputs: [FlexTensor; 3],
    /// Added to the scores of a position, `[batch, positions]`.
    absent: FlexTensor,
    batch: usize,
    positions: usize,
    features: usize,
    heads: usize,
    format: DType,
}

impl Attention {
    fn new(inputs: [FlexTensor; 3], absent: FlexTensor, heads: usize) -> Self {
        let [batch, positions, features] = dims(&inputs[0]);
        let format = inputs[0].dtype();
        let (inputs, absent) = (inputs.map(whole_f32), whole_f32(absent));
        Self { inputs, absent, batch, positions, features, heads, format }
    }

    fn forward(&self) -> FlexTensor {
        let &Self { batch, positions, features, heads, .. } = self;
        let mut output: Buffer<f32> = Buffer::new(batch * positions * features);
        output.par_chunks_mut(positions * features).enumerate().for_each(|(text, output)| {
            for head in 0..heads {
                let [query, key, value] = self.head(text, head);
                let weights = self.weights(text, query, key);
                self.put(head, Flex::float_matmul(weights, value), output);
            }
        });
        self.in_format(output)
    }

    /// The gradients of query, key and value.
    fn backward(&self, grad_output: FlexTensor) -> [FlexTensor; 3] {
        let &Self { batch, positions, features, heads, .. } = self;
        let grad_output = whole_f32(grad_output);
        let new = || Buffer::<f32>::new(batch * positions * features);
        let (mut of_query, mut of_key, mut of_value) = (new(), new(), new());
        let text_size = positions * features;
        let texts = of_query
            .par_chunks_mut(text_size)
            .zip(of_key.par_chunks_mut(text_size))
            .zip(of_value.par_chunks_mut(text_size));
        texts.enumerate().for_each(|(text, ((of_query, of_key), of_value))| {
            for head in 0..heads {
                let [query, key, value] = self.head(text, head);
                let of_output = self.part(&grad_output, text, head);
                let weights = self.weights(text, query.clone(), key.clone());
                let turned = Flex::float_swap_dims(weights.clone(), 0, 1);
                self.put(head, Flex::float_matmul(turned, of_output.clone()), of_value);

                let of_weights = Flex::float_matmul(of_output, Flex::float_swap_dims(value, 0, 1));
                let of_weights = whole_f32(of_weights);
                let mut of_scores: Buffer<f32> = Buffer::new(positions * positions);
                let (weights, of_weights) = (f32::slice(&weights), f32::slice(&of_weights));
                softmax::softmax_backward(isa(), weights, of_weights, positions, &mut of_scores);
                of_scores.iter_mut().for_each(|number| *number *= self.scale());
                let of_scores = tensor(of_scores, [positions, positions]);
                self.put(head, Flex::float_matmul(of_scores.clone(), key), of_query);
                let turned = Flex::float_swap_dims(of_scores, 0, 1);
                self.put(head, Flex::float_matmul(turned, query), of_key);
            }
        });
        [of_query, of_key, of_value].map(|gradient| self.in_format(gradient))
    }

    /// How much of each position a position takes, `[positions, positions]`.
    fn weights(&self, text: usize, query: FlexTensor, key: FlexTensor) -> FlexTensor {
        let positions = self.positions;
        let scores = whole_f32(Flex::float_matmul(query, Flex::float_swap_dims(key, 0, 1)));
        let absent = &f32::slice(&self.absent)[text * positions..][..positions];
        let mut shifted = Buffer::copy_of(f32::slice(&scores));
        for row in shifted.chunks_mut(positions) {
            for (score, absent) in row.iter_mut().zip(absent) {
                *score = *score * self.scale() + absent;
            }
        }
        let mut weights: Buffer<f32> = Buffer::new(positions * positions);
        softmax::softmax(isa(), &shifted, positions, &mut weights);
        tensor(weights, [positions, positions])
    }

    fn scale(&self) -> f32 {
        1.0 / ((self.features / self.heads) as f32).sqrt()
    }

    /// Query, key and value of one head of one text.
    fn head(&self, text: usize, head: usize) -> [FlexTensor; 3] {
        [0, 1, 2].map(|input| self.part(&self.inputs[input], text, head))
    }

    /// One head of one text of `[batch, positions, features]`: `[positions, width]`.
    fn part(&self, whole: &FlexTensor, text: usize, head: usize) -> FlexTensor {
        let &Self { positions, features, heads, .. } = self;
        let width = features / heads;
        let rows = f32::slice(whole)[text * positions * features..].chunks(features);
        let mut part: Buffer<f32> = Buffer::new(positions * width);
        for (part, row) in part.chunks_mut(width).zip(rows) {
            part.copy_from_slice(&row[head * width..][..width]);
        }
        tensor(part, [positions, width])
    }

    /// Writes one head, `[positions, width]`, into its text, `[positions, features]`.
    fn put(&self, head: usize, part: FlexTensor, text: &mut [f32]) {
        let part = whole_f32(part);
        let width = self.features / self.heads;
        for (part, row) in f32::slice(&part).chunks(width).zip(text.chunks_mut(self.features)) {
            row[head * width..][..width].copy_from_slice(part);
        }
    }

    fn in_format(&self, numbers: Buffer<f32>) -> FlexTensor {
        whole(tensor(numbers, [self.batch, self.positions, self.features]), self.format)
    }
}

/// Of query, key and value.
#[derive(Debug)]
struct AttentionBackward;

impl Backward<Flex, 3> for AttentionBackward {
    type State = Attention;

    fn backward(self, ops: Ops<Attention, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradients = ops.state.backward(grads.consume::<Flex>(&ops.node));
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}
