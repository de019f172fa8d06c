//! Pickles as data: a file's values, without running anything it asks for.
//!
//! A pickle is a program for a stack machine that makes values, calls functions and fills objects. This machine
//! calls nothing: what a call would make is kept as the function's name and its arguments, and it is for the reader
//! of the values to know a name or to leave it alone. Values lie in one list and refer to each other by their place,
//! so that sharing costs nothing, and neither depth nor a cycle needs a stack of calls.

use std::collections::HashMap;

use thiserror::Error;

/// How many values a pickle may hold, at 40 bytes each. A tensor takes some 30 of them.
const MOST_VALUES: usize = 1 << 21;

/// A pickle can't be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PickleError {
    /// It is cut off.
    #[error("the pickle ends early")]
    Ended,
    /// An instruction that no state dict needs, or a byte that is none.
    #[error("the pickle has an instruction {0:#04x} at byte {1}, which weights don't need")]
    Instruction(u8, usize),
    /// An instruction finds something else than it needs.
    #[error("the pickle's instruction at byte {0} has nothing to work on")]
    Operand(usize),
    /// A name is no text.
    #[error("the pickle's name at byte {0} is not UTF-8")]
    Name(usize),
    /// It holds very many values.
    #[error("the pickle holds more than {MOST_VALUES} values")]
    Many,
}

/// A value's place.
pub type Place = u32;

/// A value of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Values that no weights depend on: `None`, fractions, bytes, very large numbers.
    Other,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// A tuple, a list or a set.
    Sequence(Vec<Place>),
    /// A dictionary's keys and values.
    Dict(Vec<(Place, Place)>),
    /// A class or function, by module and name.
    Global(&'a str, &'a str),
    /// The result of calling a function with these arguments, and the values that are then set in it by key.
    Call { function: Place, arguments: Place, items: Vec<(Place, Place)> },
    /// Something outside the pickle, by what names it.
    Outside(Place),
}

/// A pickle's values.
#[derive(Debug)]
pub struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Place,
    /// How many bytes it takes.
    pub length: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that `bytes` begin with.
    ///
    /// # Errors
    ///
    /// If it is damaged, too large, or does what weights don't need.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PickleError> {
        let mut machine =
            Machine { bytes, at: 0, values: vec![], stack: vec![], marks: vec![], memo: HashMap::new() };
        let root = machine.run()?;
        Ok(Self { values: machine.values, root, length: machine.at })
    }

    /// The value it is of.
    pub fn root(&self) -> &Value<'a> {
        self.value(self.root)
    }

    /// The value at a place this pickle has given.
    pub fn value(&self, place: Place) -> &Value<'a> {
        &self.values[place as usize]
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.values.iter()
    }

    /// The values of a sequence; `None` if it is none.
    pub fn sequence(&self, place: Place) -> Option<Vec<&Value<'a>>> {
        match self.value(place) {
            Value::Sequence(places) => Some(places.iter().map(|&place| self.value(place)).collect()),
            _ => None,
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Place>,
    /// The stack's height at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Place>,
}

impl<'a> Machine<'a> {
    /// Runs until the pickle stops; the value it ends with.
    fn run(&mut self) -> Result<Place, PickleError> {
        loop {
            let start = self.at;
            let instruction = self.number(1)? as u8;
            match instruction {
                b'.' => return self.pop(),
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),

                b'N' => self.push(Value::Other)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                b'J' => {
                    let number = self.number(4)? as u32 as i32;
                    self.push(Value::Int(number.into()))?;
                }
                b'K' => self.push_number(1)?,
                b'M' => self.push_number(2)?,
                b'G' => self.push_other(8)?,
                0x8a => {
                    let length = self.number(1)?;
                    self.push_long(length)?;
                }
                0x8b => {
                    let length = self.number(4)?;
                    self.push_long(length)?;
                }
                b'X' | b'T' => self.push_text(4)?,
                0x8c | b'U' => self.push_text(1)?,
                0x8d => self.push_text(8)?,
                b'C' => self.push_bytes(1)?,
                b'B' => self.push_bytes(4)?,
                0x8e | 0x96 => self.push_bytes(8)?,

                b'(' => self.marks.push(self.stack.len()),
                b')' | b']' | 0x8f => self.push(Value::Sequence(vec![]))?,
                b'}' => self.push(Value::Dict(vec![]))?,
                b't' | b'l' | 0x91 => {
                    let places = self.pop_to_mark()?;
                    self.push(Value::Sequence(places))?;
                }
                0x85..=0x87 => {
                    let count = usize::from(instruction - 0x84);
                    let places = self.pop_from(self.stack.len().checked_sub(count))?;
                    self.push(Value::Sequence(places))?;
                }
                b'd' => {
                    let items = pairs(&self.pop_to_mark()?, start)?;
                    self.push(Value::Dict(items))?;
                }
                b'a' => {
                    let place = self.pop()?;
                    self.append(&[place]);
                }
                b'e' | 0x90 => {
                    let places = self.pop_to_mark()?;
                    self.append(&places);
                }
                b's' => {
                    let places = self.pop_from(self.stack.len().checked_sub(2))?;
                    self.set(&pairs(&places, start)?);
                }
                b'u' => {
                    let places = self.pop_to_mark()?;
                    self.set(&pairs(&places, start)?);
                }

                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_to_mark()?),
                b'2' => self.stack.push(self.top()?),
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                b'q' => self.remember(1)?,
                b'r' => self.remember(4)?,
                0x94 => drop(self.memo.insert(self.memo.len() as u32, self.top()?)),

                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.push(Value::Global(module, name))?;
                }
                0x93 => match (self.pop_value()?, self.pop_value()?) {
                    (Value::Text(name), Value::Text(module)) => self.push(Value::Global(module, name))?,
                    _ => return Err(PickleError::Operand(start)),
                },
                b'Q' => {
                    let name = self.pop()?;
                    self.push(Value::Outside(name))?;
                }
                b'R' | 0x81 => {
                    let (arguments, function) = (self.pop()?, self.pop()?);
                    self.push(Value::Call { function, arguments, items: vec![] })?;
                }
                0x92 => {
                    let (_, arguments, function) = (self.pop()?, self.pop()?, self.pop()?);
                    self.push(Value::Call { function, arguments, items: vec![] })?;
                }
                // What an object is given beside its items: metadata of a dictionary, the attributes of others.
                b'b' => drop(self.pop()?),
                _ => return Err(PickleError::Instruction(instruction, start)),
            }
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], PickleError> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or(PickleError::Ended)?;
        self.at += taken.len();
        Ok(taken)
    }

    /// An unsigned number of up to eight bytes.
    fn number(&mut self, length: u64) -> Result<u64, PickleError> {
        let mut number = [0; 8];
        let bytes = self.take(length)?;
        number[..bytes.len()].copy_from_slice(bytes);
        Ok(u64::from_le_bytes(number))
    }

    fn line(&mut self) -> Result<&'a str, PickleError> {
        let (start, rest) = (self.at, &self.bytes[self.at..]);
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or(PickleError::Ended)?;
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).map_err(|_| PickleError::Name(start))
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), PickleError> {
        if self.values.len() == MOST_VALUES {
            return Err(PickleError::Many);
        }
        self.stack.push(self.values.len() as Place);
        self.values.push(value);
        Ok(())
    }

    fn push_number(&mut self, length: u64) -> Result<(), PickleError> {
        let number = self.number(length)?;
        self.push(Value::Int(number as i64))
    }

    /// A signed number of any length; one of more than eight bytes counts nothing.
    fn push_long(&mut self, length: u64) -> Result<(), PickleError> {
        let bytes = self.take(length)?;
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut number = [if negative { 0xff } else { 0 }; 8];
        let value = match number.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(number))
            }
            None => Value::Other,
        };
        self.push(value)
    }

    fn push_text(&mut self, length: u64) -> Result<(), PickleError> {
        let length = self.number(length)?;
        // Python 2 kept bytes of any kind in texts.
        let text = std::str::from_utf8(self.take(length)?).map_or(Value::Other, Value::Text);
        self.push(text)
    }

    fn push_bytes(&mut self, length: u64) -> Result<(), PickleError> {
        let length = self.number(length)?;
        self.push_other(length)
    }

    fn push_other(&mut self, length: u64) -> Result<(), PickleError> {
        self.take(length)?;
        self.push(Value::Other)
    }

    fn top(&self) -> Result<Place, PickleError> {
        self.stack.last().copied().ok_or(PickleError::Operand(self.at))
    }

    fn pop(&mut self) -> Result<Place, PickleError> {
        self.stack.pop().ok_or(PickleError::Operand(self.at))
    }

    fn pop_value(&mut self) -> Result<Value<'a>, PickleError> {
        let place = self.pop()?;
        Ok(self.values[place as usize].clone())
    }

    fn pop_from(&mut self, height: Option<usize>) -> Result<Vec<Place>, PickleError> {
        match height {
            Some(height) if height <= self.stack.len() => Ok(self.stack.split_off(height)),
            _ => Err(PickleError::Operand(self.at)),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Place>, PickleError> {
        let mark = self.marks.pop();
        self.pop_from(mark)
    }

    /// Puts values into the list on top; what is no list keeps nothing.
    fn append(&mut self, added: &[Place]) {
        if let Some(Value::Sequence(places)) = self.stack.last().map(|&top| &mut self.values[top as usize]) {
            places.extend_from_slice(added);
        }
    }

    /// Puts values into what is on top, by key.
    fn set(&mut self, added: &[(Place, Place)]) {
        let top = self.stack.last().map(|&top| &mut self.values[top as usize]);
        if let Some(Value::Dict(items) | Value::Call { items, .. }) = top {
            items.extend_from_slice(added);
        }
    }

    fn remember(&mut self, length: u64) -> Result<(), PickleError> {
        let key = self.number(length)? as u32;
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn recall(&mut self, length: u64) -> Result<(), PickleError> {
        let key = self.number(length)? as u32;
        let place = *self.memo.get(&key).ok_or(PickleError::Operand(self.at))?;
        self.stack.push(place);
        Ok(())
    }
}

fn pairs(places: &[Place], at: usize) -> Result<Vec<(Place, Place)>, PickleError> {
    let (pairs, rest) = places.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    } else {
        Err(PickleError::Operand(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `python -c 'import pickle; print(pickle.dumps({"a": [1, -2, 300, 70000, 2**40], "b": True}, 2))'`
    const PLAIN: &[u8] = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01eX\x01\x00\x00\x00bq\x03\x88u.";

    #[test]
    fn plain_values_are_read() {
        let pickle = Pickle::parse(PLAIN).unwrap();
        let Value::Dict(items) = pickle.root() else { panic!("{pickle:?}") };
        assert_eq!(pickle.value(items[0].0), &Value::Text("a"));
        let numbers = pickle.sequence(items[0].1).unwrap();
        let expected = [1, -2, 300, 70000, 1 << 40].map(Value::Int);
        assert_eq!(numbers, expected.iter().collect::<Vec<_>>());
        assert_eq!(pickle.value(items[1].1), &Value::Bool(true));
        assert_eq!(pickle.length, PLAIN.len());
    }

    #[test]
    fn a_call_is_a_name_and_its_arguments() {
        let pickle = Pickle::parse(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.").unwrap();
        let Value::Call { function, arguments, .. } = pickle.root() else { panic!("{pickle:?}") };
        assert_eq!(pickle.value(*function), &Value::Global("os", "system"));
        assert_eq!(pickle.sequence(*arguments), Some(vec![&Value::Text("ls")]));
    }

    #[test]
    fn every_cut_is_an_error() {
        for end in 0..PLAIN.len() {
            assert!(Pickle::parse(&PLAIN[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn values_are_counted_and_depth_is_free() {
        assert_eq!(Pickle::parse(&vec![b']'; MOST_VALUES + 1]).unwrap_err(), PickleError::Many);
        let deep = [&[b']'][..], &[0x85].repeat(1_000_000), b"."].concat();
        assert!(Pickle::parse(&deep).is_ok());
        // A list in itself.
        assert!(Pickle::parse(b"]q\x00h\x00a.").is_ok());
    }

    #[test]
    fn lengths_are_believed_only_as_far_as_the_file_goes() {
        for bytes in [
            &b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff."[..],
            b"B\xff\xff\xff\xff",
            b"X\x05\x00\x00\x00ab",
            b"\x8b\xff\xff\xff\xff",
        ] {
            assert_eq!(Pickle::parse(bytes).unwrap_err(), PickleError::Ended);
        }
        assert_eq!(Pickle::parse(b"h\x07.").unwrap_err(), PickleError::Operand(2));
        assert_eq!(Pickle::parse(b"I1\n.").unwrap_err(), PickleError::Instruction(b'I', 0));
        assert_eq!(Pickle::parse(b"t").unwrap_err(), PickleError::Operand(1));
    }
}
