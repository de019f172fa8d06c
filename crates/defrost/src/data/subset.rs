//! A part of a data set.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use rand::seq::SliceRandom;

use super::{DataError, Dataset, Draws, Fingerprint, Preview, Target, Variant};
use crate::batch::Batch;

/// Some items of a data set, in an order of their own.
#[derive(Clone)]
pub struct Subset {
    data: Arc<dyn Dataset>,
    items: Vec<usize>,
}

impl Subset {
    /// These items.
    pub fn new(data: Arc<dyn Dataset>, items: Vec<usize>) -> Self {
        Self { data, items }
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn target(&self, item: usize) -> Target {
        self.data.target(self.items[item])
    }

    fn name(&self, item: usize) -> String {
        self.data.name(self.items[item])
    }

    fn fingerprint(&self, item: usize, variant: Variant) -> Fingerprint {
        self.data.fingerprint(self.items[item], variant)
    }

    fn size(&self, item: usize) -> usize {
        self.data.size(self.items[item])
    }

    fn belongs_to(&self, item: usize) -> Option<&str> {
        self.data.belongs_to(self.items[item])
    }

    fn preview(&self, item: usize) -> Option<Preview> {
        self.data.preview(self.items[item])
    }

    fn file(&self, item: usize) -> Option<&Path> {
        self.data.file(self.items[item])
    }

    fn remark(&self, item: usize) -> Option<String> {
        self.data.remark(self.items[item])
    }

    fn fields(&self) -> Vec<String> {
        self.data.fields()
    }

    fn exchanged(&self, field: usize, pairs: &[(usize, usize)]) -> Option<Box<dyn Dataset>> {
        let pairs: Vec<_> =
            pairs.iter().map(|&(item, other)| (self.items[item], self.items[other])).collect();
        self.data.exchanged(field, &pairs)
    }

    fn inputs(&self, items: &[usize], variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let items: Vec<usize> = items.iter().map(|&item| self.items[item]).collect();
        self.data.inputs(&items, variant, device)
    }
}

/// All items in an order of the seed's, of which any first part has its share of each class, as far as that can be. Items
/// without classes are one class.
pub fn spread_order(data: &dyn Dataset, seed: u64) -> Vec<usize> {
    let mut members: Vec<Vec<usize>> = vec![];
    for item in 0..data.len() {
        let class = data.target(item).class().unwrap_or(0);
        members.resize(members.len().max(class + 1), vec![]);
        members[class].push(item);
    }
    let mut placed: Vec<(f64, usize)> = vec![];
    for (class, mut items) in members.into_iter().enumerate() {
        items.shuffle(&mut Draws::for_part(seed, class));
        let count = items.len() as f64;
        placed.extend(items.into_iter().enumerate().map(|(turn, item)| ((turn as f64 + 0.5) / count, item)));
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    placed.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Tensor;

    /// Forty items of one class and ten of another.
    struct Uneven;

    impl Dataset for Uneven {
        fn len(&self) -> usize {
            50
        }

        fn target(&self, item: usize) -> Target {
            Target::Class(usize::from(item >= 40))
        }

        fn name(&self, item: usize) -> String {
            item.to_string()
        }

        fn fingerprint(&self, item: usize, _: Variant) -> Fingerprint {
            Fingerprint::of(&[&item.to_le_bytes()])
        }

        fn inputs(&self, items: &[usize], _: Variant, device: &Device) -> Result<Batch, DataError> {
            let numbers: Vec<f32> = items.iter().map(|&item| item as f32).collect();
            Ok(Tensor::<1>::from_floats(numbers.as_slice(), device).reshape([-1, 1]).into())
        }
    }

    #[test]
    fn every_first_part_has_its_share_of_each_class() {
        let order = spread_order(&Uneven, 7);
        for part in [5, 10, 25, 50] {
            let rare = order[..part].iter().filter(|&&item| item >= 40).count();
            assert_eq!(rare, part / 5, "of the first {part}");
        }
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
        assert_ne!(order, spread_order(&Uneven, 8));
    }

    #[test]
    fn a_part_gives_the_items_it_was_told() {
        let part = Subset::new(Arc::new(Uneven), vec![45, 3]);
        let found = part.inputs(&[1, 0], Variant::Original, &Device::flex()).unwrap().single::<2>();
        assert_eq!(found.into_data().iter::<f32>().collect::<Vec<_>>(), [3.0, 45.0]);
        assert_eq!((part.len(), part.target(0), part.name(1)), (2, Target::Class(1), "3".to_owned()));
        assert_eq!(part.fingerprint(0, Variant::Original), Uneven.fingerprint(45, Variant::Original));
    }
}
