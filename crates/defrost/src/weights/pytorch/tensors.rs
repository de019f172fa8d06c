//! From a pickle's values to tensors by name. Nothing but dictionaries and the functions that rebuild tensors means
//! anything here; whatever else training has saved beside the weights is passed over.

use std::collections::HashMap;

use safetensors::Dtype;

use super::PytorchError;
use super::pickle::{Pickle, Place, Value};

/// How many entries of dictionaries are looked at: dictionaries that share others seem to have very many.
const MOST_ENTRIES: usize = 1 << 17;

/// How deep dictionaries lie in each other: `{"state_dict": {…}}` is 2.
const DEEPEST: usize = 8;

/// The longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 512;

/// The most dimensions a tensor has.
const MOST_DIMENSIONS: usize = 8;

/// Numbers in a file that tensors are cut out of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage<'a> {
    /// Its name in the pickle.
    pub key: &'a str,
    /// How many numbers it has.
    pub count: usize,
    /// A number's bytes.
    size: usize,
    /// The numbers' format, if weights are kept in it.
    dtype: Option<Dtype>,
}

impl Storage<'_> {
    /// Its length; `None` if there is no such number.
    pub fn bytes(&self) -> Option<usize> {
        self.count.checked_mul(self.size)
    }
}

/// A tensor as a way to walk over a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The storage's name.
    pub storage: String,
    /// The numbers' format.
    pub dtype: Dtype,
    /// The first number's place in the storage.
    pub offset: usize,
    /// The tensor's shape.
    pub shape: Vec<usize>,
    /// How far apart neighbours along each dimension are.
    pub strides: Vec<usize>,
}

/// All storages a pickle names, by key.
pub fn storages<'a>(pickle: &Pickle<'a>) -> Result<HashMap<&'a str, Storage<'a>>, PytorchError> {
    let mut found: HashMap<&str, Storage<'_>> = HashMap::new();
    for value in pickle.values() {
        if let Value::Outside(name) = value {
            let storage = storage(pickle, *name)?;
            let same = |other: &Storage<'_>| *other == storage;
            if !found.get(storage.key).is_none_or(same) {
                return Err(PytorchError::Storage(storage.key.to_owned()));
            }
            found.insert(storage.key, storage);
        }
    }
    Ok(found)
}

/// The storage named by `("storage", class, key, device, count)`.
fn storage<'a>(pickle: &Pickle<'a>, name: Place) -> Result<Storage<'a>, PytorchError> {
    let parts = pickle.sequence(name).unwrap_or_default();
    let [
        Value::Text("storage"),
        Value::Global(module, class),
        Value::Text(key),
        _,
        Value::Int(count),
        view @ ..,
    ] = &parts[..]
    else {
        return Err(PytorchError::Module(None));
    };
    let (size, dtype) = match *class {
        _ if !module.starts_with("torch") => return Err(PytorchError::Class(format!("{module}.{class}"))),
        "FloatStorage" => (4, Some(Dtype::F32)),
        "HalfStorage" => (2, Some(Dtype::F16)),
        "BFloat16Storage" => (2, Some(Dtype::BF16)),
        "DoubleStorage" => (8, Some(Dtype::F64)),
        "LongStorage" | "ComplexFloatStorage" => (8, None),
        "IntStorage" => (4, None),
        "ShortStorage" => (2, None),
        "CharStorage" | "ByteStorage" | "BoolStorage" | "UntypedStorage" => (1, None),
        "ComplexDoubleStorage" => (16, None),
        _ => return Err(PytorchError::Class(format!("{module}.{class}"))),
    };
    // Files of the first versions name parts of storages.
    let whole = view.iter().all(|view| matches!(view, Value::Other));
    match usize::try_from(*count) {
        Ok(count) if whole => Ok(Storage { key, count, size, dtype }),
        _ => Err(PytorchError::Storage((*key).to_owned())),
    }
}

/// All tensors of floating-point numbers, by the keys of the dictionaries they lie in, with dots between.
pub fn tensors(pickle: &Pickle<'_>) -> Result<Vec<(String, View)>, PytorchError> {
    let mut found = vec![];
    let mut pending = vec![(pickle.root(), String::new(), 0)];
    let mut entries = 0;
    while let Some((value, name, depth)) = pending.pop() {
        let items = match value {
            Value::Dict(items) => items,
            Value::Call { function, arguments, items } => {
                if let Some(view) = rebuilt(pickle, pickle.value(*function), *arguments, &name)? {
                    found.push((name, view));
                    continue;
                }
                items
            }
            _ => continue,
        };
        if depth == DEEPEST {
            continue;
        }
        entries += items.len();
        if entries > MOST_ENTRIES {
            return Err(PytorchError::Entries);
        }
        for &(key, value) in items.iter().rev() {
            if let Value::Text(key) = pickle.value(key)
                && name.len() + key.len() < LONGEST_NAME
            {
                let name = if name.is_empty() { (*key).to_owned() } else { format!("{name}.{key}") };
                pending.push((pickle.value(value), name, depth + 1));
            }
        }
    }
    match found.is_empty() {
        true => Err(PytorchError::Module(class(pickle))),
        false => Ok(found),
    }
}

/// The class of the pickle's object.
fn class(pickle: &Pickle<'_>) -> Option<String> {
    let Value::Call { function, .. } = pickle.root() else { return None };
    let Value::Global(module, name) = pickle.value(*function) else { return None };
    (*name != "OrderedDict").then(|| format!("{module}.{name}"))
}

/// The tensor that a call would rebuild; `None` if it would make something else, or a tensor of no weights.
fn rebuilt(
    pickle: &Pickle<'_>,
    function: &Value<'_>,
    arguments: Place,
    name: &str,
) -> Result<Option<View>, PytorchError> {
    let (mut function, mut arguments) = (function, arguments);
    // A parameter is a tensor in a wrapper, and a tensor of a class of its own is in another.
    for _ in 0..DEEPEST {
        let Value::Global(module, called) = function else { return Ok(None) };
        let Value::Sequence(places) = pickle.value(arguments) else { return Ok(None) };
        let inner = match (*module, *called, &places[..]) {
            (
                "torch._utils",
                "_rebuild_tensor" | "_rebuild_tensor_v2",
                [data, offset, shape, strides, ..],
            ) => {
                let Value::Outside(storage_name) = pickle.value(*data) else { return Ok(None) };
                let storage = storage(pickle, *storage_name)?;
                let Some(dtype) = storage.dtype else { return Ok(None) };
                let invalid = || PytorchError::Tensor(name.to_owned());
                let sizes = |place| sizes(pickle, place).ok_or_else(invalid);
                let (shape, strides) = (sizes(*shape)?, sizes(*strides)?);
                let Value::Int(offset) = *pickle.value(*offset) else { return Err(invalid()) };
                let offset = usize::try_from(offset).map_err(|_| invalid())?;
                let view = View { storage: storage.key.to_owned(), dtype, offset, shape, strides };
                return if view.fits(storage.count) { Ok(Some(view)) } else { Err(invalid()) };
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state", [data, ..]) => {
                match pickle.value(*data) {
                    Value::Call { function, arguments, .. } => (*function, *arguments),
                    _ => return Ok(None),
                }
            }
            ("torch._tensor", "_rebuild_from_type_v2", [function, _, arguments, ..]) => {
                (*function, *arguments)
            }
            _ => return Ok(None),
        };
        (function, arguments) = (pickle.value(inner.0), inner.1);
    }
    Ok(None)
}

fn sizes(pickle: &Pickle<'_>, place: Place) -> Option<Vec<usize>> {
    let size = |value: &Value<'_>| match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    };
    // `torch.Size((2, 3))`, where it is not the tuple itself.
    let place = match pickle.value(place) {
        Value::Call { arguments, .. } => match pickle.value(*arguments) {
            Value::Sequence(places) => *places.first()?,
            _ => return None,
        },
        _ => place,
    };
    pickle.sequence(place)?.into_iter().map(size).collect()
}

impl View {
    /// How many numbers it has; `None` if there is no such number.
    pub fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))
    }

    /// Whether each of its numbers is one of the storage's, and no more of them than that has.
    fn fits(&self, storage: usize) -> bool {
        let dimensions = self.shape.len();
        if dimensions != self.strides.len() || dimensions > MOST_DIMENSIONS {
            return false;
        }
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |place, (&size, &stride)| {
            place.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
        match (self.count(), last) {
            (Some(0), _) => true,
            (Some(count), Some(last)) => count <= storage && last < storage,
            _ => false,
        }
    }

    /// Whether its numbers follow each other in the storage.
    fn is_contiguous(&self) -> bool {
        let mut apart = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
            let follows = size == 1 || stride == apart;
            apart *= size;
            follows
        })
    }

    /// Its numbers' bytes in order, out of its storage's, numbers of `size` bytes.
    pub fn gather(&self, storage: &[u8], size: usize) -> Vec<u8> {
        let count = self.count().unwrap_or(0);
        if count == 0 {
            return vec![];
        }
        if self.is_contiguous() {
            return storage[self.offset * size..(self.offset + count) * size].to_vec();
        }
        let mut gathered = Vec::with_capacity(count * size);
        let mut index = vec![0; self.shape.len()];
        let mut place = self.offset;
        for _ in 0..count {
            gathered.extend_from_slice(&storage[place * size..(place + 1) * size]);
            for (dimension, at) in index.iter_mut().enumerate().rev() {
                *at += 1;
                place += self.strides[dimension];
                if *at < self.shape[dimension] {
                    break;
                }
                place -= *at * self.strides[dimension];
                *at = 0;
            }
        }
        gathered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&[0x8c, text.len() as u8][..], text.as_bytes()].concat()
    }

    fn number(number: i64) -> Vec<u8> {
        [&[0x8a, 8][..], &number.to_le_bytes()].concat()
    }

    fn tuple(values: &[Vec<u8>]) -> Vec<u8> {
        [b"(".to_vec(), values.concat(), b"t".to_vec()].concat()
    }

    fn global(module: &str, name: &str) -> Vec<u8> {
        format!("c{module}\n{name}\n").into_bytes()
    }

    /// `{"a": tensor}`, of a storage of `count` numbers.
    fn saved(count: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
        let sizes = |sizes: &[i64]| tuple(&sizes.iter().map(|&size| number(size)).collect::<Vec<_>>());
        let storage =
            [text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), number(count)];
        let storage = [tuple(&storage), b"Q".to_vec()].concat();
        let arguments =
            tuple(&[storage, number(offset), sizes(shape), sizes(strides), b"\x89".to_vec(), b"}".to_vec()]);
        let call = [global("torch._utils", "_rebuild_tensor_v2"), arguments, b"R".to_vec()].concat();
        [b"}".to_vec(), text("a"), call, b"s.".to_vec()].concat()
    }

    fn read(pickle: &[u8]) -> Result<Vec<(String, View)>, PytorchError> {
        tensors(&Pickle::parse(pickle).unwrap())
    }

    #[test]
    fn a_view_reads_its_storage_in_order() {
        let [(name, view)] = &read(&saved(12, 1, &[2, 3], &[1, 4])).unwrap()[..] else { panic!() };
        let storage: Vec<u8> = (0..12u8).flat_map(|byte| [byte, 0, 0, 0]).collect();
        let numbers: Vec<u8> = view.gather(&storage, 4).into_iter().step_by(4).collect();
        assert_eq!((name.as_str(), numbers), ("a", vec![1, 5, 9, 2, 6, 10]));
    }

    #[test]
    fn tensors_that_claim_too_much_are_refused() {
        let huge = 1_000_000_000_000_000_000;
        for (count, offset, shape, strides) in [
            (6, 0, &[7][..], &[1][..]),
            (6, 1, &[2, 3], &[3, 1]),
            (6, 0, &[2, 3], &[4, 1]),
            (6, -1, &[2], &[1]),
            (6, 0, &[-2], &[1]),
            (6, 0, &[2], &[1, 1]),
            (6, 0, &[huge], &[0]),
            (6, 0, &[7], &[0]),
            (6, 0, &[2], &[huge]),
            (6, huge, &[2], &[huge]),
            (6, i64::MAX, &[2, 2], &[i64::MAX, i64::MAX]),
            (6, 0, &[huge, huge, huge], &[1, 1, 1]),
            (6, 0, &[1; 9], &[1; 9]),
        ] {
            let refused = matches!(read(&saved(count, offset, shape, strides)), Err(PytorchError::Tensor(_)));
            assert!(refused, "{count} {offset} {shape:?} {strides:?}");
        }
        assert!(matches!(read(&saved(-1, 0, &[0], &[1])), Err(PytorchError::Storage(_))));
    }

    #[test]
    fn dictionaries_that_share_others_do_not_grow() {
        // Each holds the one before it twenty times.
        let mut pickle = b"}q\0".to_vec();
        for level in 0..7u8 {
            let fetched = (0..20).flat_map(|key| [text(&key.to_string()), vec![b'h', level]].concat());
            pickle = [pickle, b"}(".to_vec(), fetched.collect(), vec![b'u', b'q', level + 1]].concat();
        }
        assert!(matches!(read(&[pickle, b".".to_vec()].concat()), Err(PytorchError::Entries)));
        // One that holds itself.
        assert!(matches!(read(b"}q\0\x8c\x01ah\0s."), Err(PytorchError::Module(None))));
    }

    #[test]
    fn other_classes_mean_nothing() {
        let call = [b"}".to_vec(), text("a"), global("os", "system"), tuple(&[text("ls")]), b"Rs.".to_vec()]
            .concat();
        assert!(matches!(read(&call), Err(PytorchError::Module(None))));
        let storage = [text("storage"), global("numpy", "FloatStorage"), text("0"), text("cpu"), number(1)];
        let pickle = [tuple(&storage), b"Q.".to_vec()].concat();
        let refused = storages(&Pickle::parse(&pickle).unwrap()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "it holds numbers as numpy.FloatStorage, which is not known here; convert them with .float() and save it again"
        );
    }
}
