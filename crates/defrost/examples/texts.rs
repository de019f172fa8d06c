//! A pretrained network on texts in memory: `cargo run --release -p defrost --example texts`. It downloads all-MiniLM-L6-v2 the
//! first time.

use defrost::prelude::*;

const REVIEWS: [(&str, &str); 8] = [
    ("I absolutely love this tea", "good"),
    ("the best cup I have had in years", "good"),
    ("warm, kind and quick service", "good"),
    ("I would buy it again tomorrow", "good"),
    ("it tastes of cardboard", "bad"),
    ("never again, it was awful", "bad"),
    ("cold, late and rude", "bad"),
    ("I want my money back", "bad"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = TextData::from_texts(REVIEWS)?.validation(Validation::Fraction(0.25));
    let mut learner = data.learner(Pretrained::new("hub"))?;
    learner.train()?;
    println!("{:?}", learner.predict("what a lovely evening")?);
    learner.save("runs/texts")?;
    Ok(())
}
