//! Speed of the convolutions beside what the processor can multiply at all, measured in the same minute.
//!
//! `cargo bench -p defrost-kernels --bench kernels -- [level] [f32|bf16] [shape]`, each a part of the name. Before the
//! lines stand the peaks of one core.

#[path = "kernels/bounds.rs"]
mod bounds;
#[path = "kernels/conv.rs"]
mod conv;
#[path = "kernels/peak.rs"]
mod peak;

fn main() {
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    bounds::print();
    conv::run(&filters);
}
