//! Attention of each position to all others of its text, and its gradients.
//!
//! Texts and heads are independent: each thread takes whole texts, a head at a time, so that the weights of a head are
//! made, used and forgotten. The way back makes them again, which is cheaper than reading them from memory.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Tensor};
use defrost_kernels::{Buffer, softmax};
use rayon::prelude::*;

use super::flex::{self, Format, Forward, Operation, dims, tensor, whole, whole_f32};
use super::isa::isa;
use super::softmax::plain as plain_softmax;
use super::{count, format};

/// Added to the score of a position that is not there: its weight becomes exactly 0.
const ABSENT: f64 = -1e9;

/// `softmax(query · keyᵀ / √width) · value` in each of `heads` heads, which share the features evenly: `[batch,
/// positions, features]` three times, the same shape. `mask` `[batch, positions]` is 1 where there is something to
/// attend to and 0 where there is nothing; no gradient goes through it.
pub fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    mask: Tensor<2>,
    heads: usize,
) -> Tensor<3> {
    if let Some(output) = count::attention(&query) {
        return output;
    }
    let absent = (mask.detach() - 1.0) * -ABSENT;
    if !flex::takes(&query) {
        return plain(query, key, value, absent, heads);
    }
    let [query, key, value] = [query, key, value].map(Tensor::into_dispatch);
    flex::apply(SelfAttention { heads }, [query, key, value, absent.into_dispatch()])
}

/// [`attention`] in plain Burn, with what is added to the scores of each position instead of a mask.
pub fn plain(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    absent: Tensor<2>,
    heads: usize,
) -> Tensor<3> {
    let [batch, positions, features] = query.dims();
    let format = query.dtype();
    let width = features / heads;
    // [batch, heads, positions, width]
    let [query, key, value] = [query, key, value]
        .map(|x| format::plain_f32(x.reshape([batch, positions, heads, width])).swap_dims(1, 2));
    let absent = absent.reshape([batch, 1, 1, positions]);
    let scores = query.matmul(key.transpose()) / (width as f64).sqrt() + absent;
    let attended = plain_softmax(scores).matmul(value).swap_dims(1, 2);
    format::plain(attended.reshape([batch, positions, features]), format)
}

/// Of query, key, value, and what is added to scores, which has no gradient.
struct SelfAttention {
    heads: usize,
}

impl Operation<4> for SelfAttention {
    type Saved = Attention;

    fn forward(self, [query, key, value, absent]: [FlexTensor; 4], _: [bool; 4]) -> Forward<Attention> {
        let attention = Attention::new([query, key, value], absent, self.heads);
        Forward::new(attention.forward(), attention)
    }

    fn backward(attention: Attention, grad_output: FlexTensor, _: [bool; 4]) -> [Option<FlexTensor>; 4] {
        let [query, key, value] = attention.backward(grad_output).map(Some);
        [query, key, value, None]
    }
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
