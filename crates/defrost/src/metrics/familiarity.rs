//! How familiar an item is: whether its features are near those of the training data.
//!
//! A network has an answer for everything, and probabilities don't say that an item belongs to no class at all. Its
//! features, the input of the last stage, do: the features of unknown things are far from those of training items. The
//! distance is that to the nearest training items, after all features were scaled to one length (Sun et al., arXiv
//! 2204.06507; this assumes nothing about their distribution). Held-out items show which distances are normal.
//!
//! A bounded sample of training items is kept, in eight bits a feature: a megabyte at most.

use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::graph::{Array, Attribute, Element, Graph, Numbers, Value};

/// At most this many bytes of training items are kept,
const BYTES: usize = 1 << 20;
/// and this many items.
const REFERENCES: usize = 1000;
/// The distances of at most this many held-out items are kept.
pub(crate) const HELD_OUT: usize = 500;
/// Sums that are added up side by side.
const LANES: usize = 16;
/// The distance is the one to the nearest of this many training items, or to the second nearest of twice as many, and so on.
const A_NEIGHBOUR: usize = 200;
/// Distances of held-out items thin out by a scale of no less than this share of the furthest, however few there are.
const LEAST_SCALE: f32 = 0.1;
/// The widest features that are kept.
const WIDEST: usize = BYTES / 16;

/// Numbers of items, `width` each, one item after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// How many numbers an item has.
    pub width: usize,
    /// `[items, width]`
    pub numbers: Vec<f32>,
}

impl Features {
    /// Item by item.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.width.max(1))
    }
}

/// The reference for familiarity: features of training items, and distances of held-out ones.
#[derive(Clone, PartialEq)]
pub struct Familiarity {
    width: usize,
    /// Directions of training items, `[references, width]`.
    references: Vec<i8>,
    /// Distances of held-out items, ascending.
    distances: Vec<f32>,
}

impl Familiarity {
    /// An item that is less familiar than this is unlike anything the network was taught: of held-out items no more than
    /// one of fifty is.
    pub const LEAST: f32 = 0.02;

    /// The note for such an item.
    pub const UNFAMILIAR: &str = "unlike anything it was taught";

    /// How many training items of this many features are kept; 0 where features are too wide.
    pub fn most_references(width: usize) -> usize {
        if width == 0 || width > WIDEST { 0 } else { REFERENCES.min(BYTES / width) }
    }

    /// From the features of training items and of items that were held out; the first are no more than
    /// [`most_references`](Self::most_references). None if there is nothing to compare.
    pub fn of(references: &Features, held_out: &Features) -> Option<Self> {
        let width = references.width;
        let items = references.numbers.len() / width.max(1);
        if items == 0 || held_out.width != width || held_out.numbers.is_empty() {
            return None;
        }
        let kept = references.rows().flat_map(|row| eight_bits(&direction(row))).collect();
        let known = Self { width, references: kept, distances: vec![] };
        let rows: Vec<&[f32]> = held_out.rows().collect();
        let mut distances: Vec<f32> =
            rows.par_iter().filter_map(|row| known.distance(row)).filter(|far| far.is_finite()).collect();
        distances.sort_by(f32::total_cmp);
        (!distances.is_empty()).then_some(Self { distances, ..known })
    }

    /// How familiar an item with these features is, `0.0..=1.0`: the share of held-out items that are at least as far from the
    /// training items. Beyond the furthest of them it falls as their tail does. None if they are features of another network.
    pub fn share(&self, features: &[f32]) -> Option<f32> {
        let distance = self.distance(features)?;
        if !distance.is_finite() {
            return Some(0.0);
        }
        let items = self.distances.len();
        let nearer = self.distances.partition_point(|&other| other < distance);
        let of_all = 1.0 / (items + 1) as f32;
        if nearer < items {
            return Some((items - nearer) as f32 * of_all);
        }
        let furthest = self.distances[items - 1];
        Some(of_all * ((furthest - distance) / self.tail_scale()).exp())
    }

    /// How far an item is from the training items near it, 0 to 2: the distance between directions.
    fn distance(&self, features: &[f32]) -> Option<f32> {
        if features.len() != self.width {
            return None;
        }
        let direction = direction(features);
        let distance = |reference: &[i8]| {
            // Sums in lanes, so that the processor adds up several at once.
            let (mut products, mut squares) = ([0.0f32; LANES], [0.0f32; LANES]);
            for (reference, direction) in reference.chunks(LANES).zip(direction.chunks(LANES)) {
                let sums = products.iter_mut().zip(&mut squares);
                for ((product, square), (&is, &number)) in sums.zip(reference.iter().zip(direction)) {
                    let is = f32::from(is);
                    *product += is * number;
                    *square += is * is;
                }
            }
            let (product, square) = (products.iter().sum::<f32>(), squares.iter().sum::<f32>());
            let cosine = product / square.sqrt().max(f32::EPSILON);
            let square = 2.0 - 2.0 * cosine;
            // Rounding can make it negative; `max` would make 0 of NaN as well.
            if square < 0.0 { 0.0 } else { square.sqrt() }
        };
        let mut distances: Vec<f32> = self.references.chunks_exact(self.width).map(distance).collect();
        let nth = distances.len().div_ceil(A_NEIGHBOUR) - 1;
        Some(*distances.select_nth_unstable_by(nth, f32::total_cmp).1)
    }

    /// [`share`](Self::share) of each item in a graph: `[batch, features]` to `[batch]`.
    pub fn export(&self, graph: &mut Graph, features: Value) -> Value {
        let distance = self.export_distance(graph, features); // [batch, 1]
        let items = self.distances.len();
        let of_all = 1.0 / (items + 1) as f32;
        let held_out = graph.constant(Array::floats(self.distances.clone(), &[1, items]));
        let is_nearer = graph.node("GreaterOrEqual", &[held_out, distance]);
        let farther = graph.cast(is_nearer, Element::F32);
        let farther = graph.sum(farther, 1, true); // [batch, 1]
        let inside = graph.scaled(farther, of_all);

        let furthest = self.distances[items - 1];
        let below = graph.node("Neg", &[distance]);
        let beyond = graph.plus(below, furthest);
        let beyond = graph.scaled(beyond, 1.0 / self.tail_scale());
        let beyond = graph.node("Exp", &[beyond]);
        let beyond = graph.scaled(beyond, of_all);
        let none = graph.constant(0.0f32);
        let is_inside = graph.node("Greater", &[farther, none]);
        let share = graph.node("Where", &[is_inside, inside, beyond]);
        // Of features that are not numbers.
        let is_lost = graph.node("IsNaN", &[distance]);
        let share = graph.node("Where", &[is_lost, none, share]);
        graph.reshape(share, &[-1])
    }

    /// [`distance`](Self::distance) in a graph: `[batch, features]` to `[batch, 1]`.
    fn export_distance(&self, graph: &mut Graph, features: Value) -> Value {
        let references = self.references.len() / self.width;
        let shape = vec![references, self.width];
        let kept = graph.constant(Array { shape, numbers: Numbers::I8(self.references.clone()) });
        let kept = graph.cast(kept, Element::F32);
        let lengths = length(graph, kept, f32::EPSILON);
        let kept = graph.node("Div", &[kept, lengths]);
        let kept = graph.transpose(kept, &[1, 0]); // [features, references]
        let lengths = length(graph, features, f32::MIN_POSITIVE);
        let directions = graph.node("Div", &[features, lengths]);
        let cosines = graph.node("MatMul", &[directions, kept]); // [batch, references]
        let nearest = graph.constant(Array::ints(&[references.div_ceil(A_NEIGHBOUR) as i64]));
        let nearest = graph.first_of(2, "TopK", &[cosines, nearest], &[("axis", Attribute::Int(1))]);
        let cosine = graph.slice(nearest, 1, -1, i64::MAX); // [batch, 1]
        let square = graph.scaled(cosine, -2.0);
        let square = graph.plus(square, 2.0);
        let square = graph.node("Relu", &[square]);
        graph.node("Sqrt", &[square])
    }

    /// By how much distances of held-out items beyond the middle thin out, which is taken to be even.
    fn tail_scale(&self) -> f32 {
        let items = self.distances.len();
        let (middle, furthest) = (self.distances[items / 2], self.distances[items - 1]);
        let beyond = &self.distances[items / 2..];
        let scale = beyond.iter().map(|far| far - middle).sum::<f32>() / beyond.len() as f32;
        scale.max(furthest * LEAST_SCALE).max(f32::EPSILON)
    }

    /// How many items were held out.
    pub fn held_out(&self) -> usize {
        self.distances.len()
    }

    /// As the bytes of a safetensors file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let distances: Vec<u8> = self.distances.iter().flat_map(|number| number.to_le_bytes()).collect();
        let references: Vec<u8> = self.references.iter().map(|&number| number as u8).collect();
        let shape = vec![self.references.len() / self.width, self.width];
        let view =
            |dtype, shape, bytes| TensorView::new(dtype, shape, bytes).expect("the bytes fill the shape");
        let tensors = [
            ("distances", view(Dtype::F32, vec![self.distances.len()], &distances)),
            ("references", view(Dtype::I8, shape, &references)),
        ];
        safetensors::serialize(tensors, None).expect("names and shapes make a header")
    }

    /// Reads such bytes.
    ///
    /// # Errors
    ///
    /// If they are damaged; the message says how.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let tensor = |name: &str, dtype: Dtype| match file.tensor(name) {
            Ok(tensor) if tensor.dtype() == dtype => Ok(tensor),
            Ok(tensor) => Err(format!("`{name}` is {:?} and not {dtype:?}", tensor.dtype())),
            Err(error) => Err(error.to_string()),
        };
        let distances = tensor("distances", Dtype::F32)?;
        let mut distances: Vec<f32> =
            distances.data().as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();
        if distances.is_empty() || distances.iter().any(|far| !far.is_finite()) {
            return Err("`distances` holds no numbers, or some that are none".to_owned());
        }
        distances.sort_by(f32::total_cmp);
        let references = tensor("references", Dtype::I8)?;
        let &[items, width] = references.shape() else {
            return Err(format!("`references` is {:?} and not items of features", references.shape()));
        };
        if items == 0 || width == 0 {
            return Err("`references` holds nothing".to_owned());
        }
        let references = references.data().iter().map(|&byte| byte as i8).collect();
        Ok(Self { width, references, distances })
    }
}

impl std::fmt::Debug for Familiarity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (items, held_out) = (self.references.len() / self.width, self.distances.len());
        write!(formatter, "Familiarity({items} items of {} features, {held_out} held out)", self.width)
    }
}

/// The length of each row in a graph, at least this: `[rows, features]` to `[rows, 1]`.
fn length(graph: &mut Graph, rows: Value, least: f32) -> Value {
    let squares = graph.node("Mul", &[rows, rows]);
    let sum = graph.sum(squares, 1, true);
    let length = graph.node("Sqrt", &[sum]);
    let least = graph.constant(least);
    graph.node("Max", &[length, least])
}

/// Features at length 1.
fn direction(features: &[f32]) -> Vec<f32> {
    let length = features.iter().map(|number| number * number).sum::<f32>().sqrt();
    let scale = if length > 0.0 { length.recip() } else { 0.0 };
    features.iter().map(|number| number * scale).collect()
}

/// The same direction in whole numbers, the largest of which is 127.
fn eight_bits(direction: &[f32]) -> Vec<i8> {
    let largest = direction.iter().fold(0.0f32, |largest, number| largest.max(number.abs()));
    let scale = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    direction.iter().map(move |number| (number * scale).round() as i8).collect()
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;

    use super::*;
    use crate::data::Draws;

    /// Items about a few directions of 16 features, which `turn` tells.
    fn features(items: usize, turn: usize, round: usize) -> Features {
        let mut rng = Draws::for_resample(1, round);
        let mut number = |item: usize, feature: usize| {
            let there = feature % 4 == item % 2 + turn;
            f32::from(u8::from(there)) * 3.0 + rng.random::<f32>()
        };
        let numbers = (0..items * 16).map(|at| number(at / 16, at % 16)).collect();
        Features { width: 16, numbers }
    }

    fn known() -> Familiarity {
        Familiarity::of(&features(300, 0, 0), &features(100, 0, 1)).unwrap()
    }

    #[test]
    fn what_lies_apart_is_unfamiliar() {
        let known = known();
        let shares = |features: &Features| -> Vec<f32> {
            features.rows().map(|row| known.share(row).unwrap()).collect()
        };
        let usual = shares(&features(200, 0, 2));
        let mean = usual.iter().sum::<f32>() / 200.0;
        // A share of this kind is even over 0 to 1 for items like those held out.
        assert!((mean - 0.5).abs() < 0.1, "{mean}");
        assert!(usual.iter().filter(|share| **share < Familiarity::LEAST).count() < 12);
        assert!(shares(&features(50, 2, 3)).iter().all(|share| *share < Familiarity::LEAST));
        assert_eq!(known.share(&[1.0; 15]), None);
        assert_eq!(known.share(&[f32::NAN; 16]), Some(0.0));
    }

    #[test]
    fn of_few_held_out_items_the_furthest_is_not_the_limit() {
        let known = Familiarity::of(&features(300, 0, 0), &features(10, 0, 1)).unwrap();
        let shares: Vec<f32> = features(200, 0, 2).rows().map(|row| known.share(row).unwrap()).collect();
        let unfamiliar = shares.iter().filter(|share| **share < Familiarity::LEAST).count();
        assert!(unfamiliar < 20, "{unfamiliar}");
        assert!(known.distances.iter().all(|&far| far <= known.distances[9]));
    }

    #[test]
    fn what_is_kept_reads_back_and_damage_is_told() {
        let known = known();
        let bytes = known.to_bytes();
        assert_eq!(Familiarity::parse(&bytes), Ok(known.clone()));
        assert!(Familiarity::parse(&bytes[..bytes.len() - 1]).is_err());
        let endless = Familiarity { distances: vec![f32::INFINITY], ..known };
        assert!(Familiarity::parse(&endless.to_bytes()).unwrap_err().contains("`distances`"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert_eq!([100, 1280, 4096].map(Familiarity::most_references), [1000, 819, 256]);
        assert_eq!([0, WIDEST + 1].map(Familiarity::most_references), [0, 0]);
        let width = 64;
        let zeros = Features { width, numbers: vec![0.0; width * 5] };
        let known = Familiarity::of(&zeros, &zeros).unwrap();
        assert!(known.share(&[0.0; 64]).unwrap() > 0.5, "items that are all the same are familiar");
        assert_eq!(Familiarity::of(&zeros, &Features::default()), None);
    }
}
