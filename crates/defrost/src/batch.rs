//! A batch on its way through a network, as rank-erased tensors.
//!
//! The core moves activations from the data through the frozen prefix and the trained suffix to the loss,
//! without knowing what they mean. An image network
//! passes one tensor; one that reads texts passes the hidden states and their mask.

use burn::tensor::{FloatDType, Int, Tensor};

use crate::ops::{average_pool, in_format};

/// One tensor of an [`Batch`]; its first dimension is the item in the batch.
#[derive(Clone, Debug)]
pub enum Value {
    /// `[batch, features]`
    Rank2(Tensor<2>),
    /// `[batch, positions, features]`
    Rank3(Tensor<3>),
    /// `[batch, height, width, channels]`
    Rank4(Tensor<4>),
    /// Integer ids, `[batch, positions]`, without gradients.
    Ids(Tensor<2, Int>),
}

impl Value {
    /// One row of numbers an item, `[batch, features]` in f32: the mean over all positions. None of what only stands for
    /// something.
    pub fn pooled(self) -> Option<Tensor<2>> {
        match self {
            Self::Rank2(tensor) => Some(in_format(tensor, FloatDType::F32)),
            Self::Rank3(tensor) => {
                let [batch, _, features] = tensor.dims();
                Some(in_format(tensor, FloatDType::F32).mean_dim(1).reshape([batch, features]))
            }
            Self::Rank4(tensor) => Some(average_pool(tensor)),
            Self::Ids(_) => None,
        }
    }

    fn without_autodiff(self) -> Self {
        match self {
            Self::Rank2(tensor) => Self::Rank2(tensor.without_autodiff()),
            Self::Rank3(tensor) => Self::Rank3(tensor.without_autodiff()),
            Self::Rank4(tensor) => Self::Rank4(tensor.without_autodiff()),
            Self::Ids(tensor) => Self::Ids(tensor.without_autodiff()),
        }
    }

    fn on_autodiff(self) -> Self {
        match self {
            Self::Rank2(tensor) => Self::Rank2(tensor.autodiff()),
            Self::Rank3(tensor) => Self::Rank3(tensor.autodiff()),
            Self::Rank4(tensor) => Self::Rank4(tensor.autodiff()),
            Self::Ids(tensor) => Self::Ids(tensor.autodiff()),
        }
    }
}

/// A batch on its way through the network.
#[derive(Clone, Debug)]
pub struct Batch(Vec<Value>);

impl Batch {
    /// Several tensors travelling together.
    pub fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The tensors.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// The tensors, by value.
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }

    /// The only tensor, of rank `D`.
    ///
    /// # Panics
    ///
    /// If there are several tensors or the rank differs: the network's stages do not fit each other.
    pub fn single<const D: usize>(self) -> Tensor<D>
    where
        Tensor<D>: TryFrom<Value, Error = Value>,
    {
        let count = self.0.len();
        let value = self.0.into_iter().next().filter(|_| count == 1);
        let value = value.unwrap_or_else(|| panic!("a stage expects one tensor and receives {count}"));
        Tensor::try_from(value)
            .unwrap_or_else(|other| panic!("a stage expects rank {D} and receives {other:?}"))
    }

    /// The same numbers with no gradient graph behind them.
    pub fn without_autodiff(self) -> Self {
        Self(self.0.into_iter().map(Value::without_autodiff).collect())
    }

    /// The same numbers as constants on the autodiff device, so that layers behind them that look at
    /// their input's device know that they train.
    pub fn on_autodiff(self) -> Self {
        Self(self.0.into_iter().map(Value::on_autodiff).collect())
    }
}

macro_rules! rank {
    ($dimensions:literal, $variant:ident) => {
        impl From<Tensor<$dimensions>> for Value {
            fn from(tensor: Tensor<$dimensions>) -> Self {
                Self::$variant(tensor)
            }
        }

        impl From<Tensor<$dimensions>> for Batch {
            fn from(tensor: Tensor<$dimensions>) -> Self {
                Self(vec![tensor.into()])
            }
        }

        impl TryFrom<Value> for Tensor<$dimensions> {
            type Error = Value;

            fn try_from(value: Value) -> Result<Self, Value> {
                match value {
                    Value::$variant(tensor) => Ok(tensor),
                    other => Err(other),
                }
            }
        }
    };
}

rank!(2, Rank2);
rank!(3, Rank3);
rank!(4, Rank4);
