//! Speed of the convolutions beside what the processor can multiply at all, measured in the same minute.
//!
//! `cargo bench -p defrost-kernels -- [tier] [f32|bf16] [threads] [shape]`, each a part of the name.

#[path = "kernels/conv.rs"]
mod conv;
#[path = "kernels/peak.rs"]
mod peak;

fn main() {
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    conv::run(&filters);
}
