//! `train --tensorboard`, read by a reader of its own: it shares no code with the writer.

use std::collections::BTreeMap;

use crate::support::{defrost_in, two_classes};

/// Takes a number of base-128 digits off the front, the lowest first.
fn varint(data: &mut &[u8]) -> u64 {
    let mut number = 0;
    for place in 0.. {
        let byte = data[0];
        *data = &data[1..];
        number |= u64::from(byte & 127) << (7 * place);
        if byte < 128 {
            break;
        }
    }
    number
}

/// The fields of a message: number and bytes; a varint's bytes are those of a `u64`.
fn fields(mut data: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found = vec![];
    while !data.is_empty() {
        let key = varint(&mut data);
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, varint(&mut data).to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            2 => varint(&mut data) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        found.push((key >> 3, data[..length].to_vec()));
        data = &data[length..];
    }
    found
}

/// CRC-32C bit by bit, masked as event files want it.
fn checksum(data: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0x82F6_3B78 ^ (crc >> 1) } else { crc >> 1 };
    let crc = !data.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// Values by tag and step, from records whose checksums are right.
fn scalars(mut file: &[u8]) -> BTreeMap<String, Vec<(u64, f32)>> {
    let mut found: BTreeMap<String, Vec<(u64, f32)>> = BTreeMap::new();
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    while !file.is_empty() {
        let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        assert_eq!(number(&file[8..12]), checksum(&file[..8]));
        let data = &file[12..12 + length];
        assert_eq!(number(&file[12 + length..16 + length]), checksum(data));
        file = &file[16 + length..];
        let event = fields(data);
        let get = |key: u64| event.iter().find(|(number, _)| *number == key).map(|(_, bytes)| bytes);
        let step = get(2).map_or(0, |bytes| u64::from_le_bytes(bytes[..].try_into().unwrap()));
        for (_, value) in get(5).map(|summary| fields(summary)).unwrap_or_default() {
            let value: BTreeMap<u64, Vec<u8>> = fields(&value).into_iter().collect();
            let tag = String::from_utf8(value[&1].clone()).unwrap();
            found.entry(tag).or_default().push((step, f32::from_bits(number(&value[&2]))));
        }
    }
    found
}

#[test]
fn an_event_file_holds_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 10);
    let words = "train data --out run --json --tensorboard --size 32 --batch 4 --epochs 2 --freeze-epochs 1";
    let trained = defrost_in(folder.path(), &words.split(' ').collect::<Vec<_>>()).json();
    let files = std::fs::read_dir(folder.path().join("run")).unwrap().map(|entry| entry.unwrap());
    let events: Vec<_> =
        files.filter(|file| file.file_name().to_string_lossy().starts_with("events.out.tfevents.")).collect();
    assert_eq!(events.len(), 1);
    let scalars = scalars(&std::fs::read(events[0].path()).unwrap());

    let steps = |tag: &str| scalars[tag].iter().map(|(step, _)| *step).collect::<Vec<_>>();
    // 16 images in batches of 4, three epochs.
    assert_eq!(steps("train_loss"), (1..=12).collect::<Vec<_>>());
    assert_eq!(steps("valid_loss"), [4, 8, 12]);
    let rates = scalars.keys().filter(|tag| tag.starts_with("rate/")).collect::<Vec<_>>();
    assert_eq!(rates.len(), 3, "{rates:?}");
    assert_eq!(steps(rates[0]), (5..=12).collect::<Vec<_>>(), "a frozen group has no rate");
    assert_eq!(steps("rate/2 head").len(), 12);
    for (epoch, record) in trained["epochs"].as_array().unwrap().iter().enumerate() {
        let close = |tag: &str, value: &serde_json::Value| {
            let value = value.as_f64().unwrap() as f32;
            assert_eq!(scalars[tag][epoch].1, value, "{tag}");
        };
        close("valid_loss", &record["valid_loss"]);
        close("epoch_train_loss", &record["train_loss"]);
        for (name, value) in record["metrics"].as_object().unwrap() {
            close(&format!("metrics/{name}"), value);
        }
    }
}
