//! A new network on table rows in memory: `cargo run --release -p defrost --example table`

use defrost::prelude::*;

/// People of made-up ages and jobs, and which of two groups they are in.
fn person(n: usize) -> [(&'static str, String); 3] {
    let (age, job) = (20 + n * 7 % 45, ["clerk", "baker", "smith"][n % 3]);
    let group = if age > 40 || job == "smith" { "a" } else { "b" };
    [("age", age.to_string()), ("job", job.to_owned()), ("group", group.to_owned())]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = CsvTable::from_rows((0..300).map(person))?;
    let mut learner = TableData::from_table(rows).label("group").learner(Pretrained::default())?;
    learner.fit_one_cycle(5, "1e-2")?;
    println!("{:?}", learner.best());
    println!("{:?}", learner.predict([("age", "52"), ("job", "clerk")])?);
    Ok(())
}
