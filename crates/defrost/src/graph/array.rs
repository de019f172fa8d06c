//! The numbers and texts that a graph holds, and the kinds of elements.

use burn::tensor::TensorData;
use half::f16;

/// The kind of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Numbers of 32 bits.
    F32,
    /// Numbers of 64 bits.
    F64,
    /// Numbers of 16 bits.
    F16,
    /// Bytes.
    U8,
    /// Bytes with a sign.
    I8,
    /// Whole numbers of 32 bits.
    I32,
    /// Whole numbers of 64 bits.
    I64,
    /// Yes or no.
    Bool,
    /// Texts.
    Text,
}

impl Element {
    /// Its number in ONNX.
    pub fn code(self) -> i32 {
        match self {
            Self::F32 => 1,
            Self::U8 => 2,
            Self::I8 => 3,
            Self::I32 => 6,
            Self::I64 => 7,
            Self::Text => 8,
            Self::Bool => 9,
            Self::F16 => 10,
            Self::F64 => 11,
        }
    }

    /// Its name in numpy.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::F16 => "float16",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Bool => "bool",
            Self::Text => "string",
        }
    }
}

/// The elements of an array, row by row.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is its element's")]
pub enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
    F16(Vec<f16>),
    U8(Vec<u8>),
    I8(Vec<i8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    Texts(Vec<String>),
}

impl Numbers {
    /// The kind of the elements.
    pub fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::F64(_) => Element::F64,
            Self::F16(_) => Element::F16,
            Self::U8(_) => Element::U8,
            Self::I8(_) => Element::I8,
            Self::I32(_) => Element::I32,
            Self::I64(_) => Element::I64,
            Self::Texts(_) => Element::Text,
        }
    }

    /// Rows of this many elements, in another order.
    fn select(&self, width: usize, rows: &[usize]) -> Self {
        fn chosen<T: Clone>(all: &[T], width: usize, rows: &[usize]) -> Vec<T> {
            rows.iter().flat_map(|row| &all[row * width..(row + 1) * width]).cloned().collect()
        }
        match self {
            Self::F32(all) => Self::F32(chosen(all, width, rows)),
            Self::F64(all) => Self::F64(chosen(all, width, rows)),
            Self::F16(all) => Self::F16(chosen(all, width, rows)),
            Self::U8(all) => Self::U8(chosen(all, width, rows)),
            Self::I8(all) => Self::I8(chosen(all, width, rows)),
            Self::I32(all) => Self::I32(chosen(all, width, rows)),
            Self::I64(all) => Self::I64(chosen(all, width, rows)),
            Self::Texts(all) => Self::Texts(chosen(all, width, rows)),
        }
    }

    /// As the bytes of a file; texts have none.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::F64(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::F16(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::U8(numbers) => numbers.clone(),
            Self::I8(numbers) => numbers.iter().map(|&number| number as u8).collect(),
            Self::I32(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::I64(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Texts(_) => vec![],
        }
    }
}

/// Numbers or texts in a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements.
    pub numbers: Numbers,
}

/// Constants of fewer numbers are no weights, and not worth halving.
const FEW: usize = 256;

impl Array {
    /// Numbers in a shape.
    pub fn floats(numbers: Vec<f32>, shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), numbers: Numbers::F32(numbers) }
    }

    /// Numbers of 64 bits in a shape.
    pub fn doubles(numbers: Vec<f64>, shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), numbers: Numbers::F64(numbers) }
    }

    /// Whole numbers in a row.
    pub fn ints(numbers: &[i64]) -> Self {
        Self { shape: vec![numbers.len()], numbers: Numbers::I64(numbers.to_vec()) }
    }

    /// Texts in a row.
    pub fn texts(texts: &[String]) -> Self {
        Self { shape: vec![texts.len()], numbers: Numbers::Texts(texts.to_vec()) }
    }

    /// These rows of it, along the first dimension.
    ///
    /// # Panics
    ///
    /// If it has no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let width = self.shape[1..].iter().product();
        let shape = [rows.len()].into_iter().chain(self.shape[1..].iter().copied()).collect();
        Self { shape, numbers: self.numbers.select(width, rows) }
    }

    /// As the bytes of a `.npy` file of numpy's; texts have none.
    pub fn to_npy(&self) -> Vec<u8> {
        let kind = match self.numbers.element() {
            Element::F32 => "<f4",
            Element::F64 => "<f8",
            Element::F16 => "<f2",
            Element::U8 | Element::Bool => "|u1",
            Element::I8 => "|i1",
            Element::I32 => "<i4",
            Element::I64 => "<i8",
            Element::Text => return vec![],
        };
        // Python writes a comma behind the only number of a tuple.
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let shape =
            if shape.len() == 1 { format!("({},)", shape[0]) } else { format!("({})", shape.join(", ")) };
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
        // The numbers begin at a multiple of 64 bytes, behind a line end.
        let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((length as u16).to_le_bytes());
        bytes.extend(format!("{header:<width$}\n", width = length - 1).into_bytes());
        bytes.extend(self.numbers.to_bytes());
        bytes
    }

    /// The same in 16 bits; nothing if it is small, of another kind or out of their range.
    pub(super) fn halved(&self) -> Option<Self> {
        let Numbers::F32(numbers) = &self.numbers else { return None };
        let fits = |&number: &f32| f16::from_f32(number).is_finite();
        (numbers.len() >= FEW && numbers.iter().all(fits)).then(|| {
            let numbers = numbers.iter().map(|&number| f16::from_f32(number)).collect();
            Self { shape: self.shape.clone(), numbers: Numbers::F16(numbers) }
        })
    }
}

impl From<TensorData> for Array {
    fn from(data: TensorData) -> Self {
        let shape = data.shape().to_vec();
        Self { shape, numbers: Numbers::F32(data.iter::<f32>().collect()) }
    }
}

impl From<f32> for Array {
    fn from(number: f32) -> Self {
        Self::floats(vec![number], &[])
    }
}

impl From<i64> for Array {
    fn from(number: i64) -> Self {
        Self { shape: vec![], numbers: Numbers::I64(vec![number]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.save(file, numpy.array([[1, 2, 3], [4, 5, 6]], dtype="float32"))`, numpy 2.4.6.
    #[test]
    fn a_file_is_numpy_s() {
        let bytes = Array::floats(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]).to_npy();
        let header = "\u{1}\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        assert!(bytes[6..].starts_with(header.as_bytes()), "{:?}", String::from_utf8_lossy(&bytes[..80]));
        assert_eq!((bytes[..6].to_vec(), bytes[127], bytes.len()), (b"\x93NUMPY".to_vec(), b'\n', 128 + 24));
        assert!(String::from_utf8_lossy(&Array::ints(&[7]).to_npy()).contains("'shape': (1,), }"));
    }
}
