//! What bounds products on this processor: the registers' peak, and what is left of it when tiles are loaded and stored.

use std::arch::asm;

use defrost_kernels::{Buffer, IsaLevel};

use super::peak::{self, Configuration, PRODUCT_FLOPS, fastest};

/// Prints what bounds products on this processor.
pub fn print() {
    for (name, bf16) in [("avx512", false), ("avx512bf16", true), ("amx", true)] {
        if let Some(gflops) = IsaLevel::named(name).and_then(|isa| peak::gflops(isa, bf16)) {
            println!("{name}: {gflops:.0} GFLOP/s on registers");
        }
    }
    if IsaLevel::named("amx").is_some() {
        for kilobytes in [8, 72, 576] {
            let [loads, all] = [false, true].map(|stores| tiles_through_memory(kilobytes << 10, stores));
            println!(
                "amx: {loads:.0} with both factors loaded, a panel of {kilobytes} KiB for each 32 rows; {all:.0} with the \
                 sums stored, too"
            );
        }
    }
}

/// GFLOP/s now of the convolutions' loop: 32 rows by 32 columns, all tiles loaded for each four products.
fn tiles_through_memory(panel_bytes: usize, stores: bool) -> f64 {
    const STEP: usize = 2048;
    let panel = Buffer::<f32>::zeroed(panel_bytes / 4);
    let rows = Buffer::<f32>::zeroed((32 * 128 + panel_bytes / 32) / 4);
    let mut sums = Buffer::<f32>::zeroed(32 * 32);
    let configuration = Configuration::of_full_tiles();
    let calls = (1 << 22) / panel_bytes;
    let products = calls * (panel_bytes / STEP) * 4;
    let run = || {
        for _ in 0..calls {
            // SAFETY: the level proves the instructions; the configuration is valid. Of the panel, 2048 bytes are read in
            // each turn; of the rows, 64 bytes further in each, 16 and 16 rows 128 bytes apart; sums are 32 rows of 128.
            unsafe {
                asm!(
                    "ldtilecfg [{configuration}]",
                    "2:",
                    "tileloadd tmm6, [{panel} + {step}]",
                    "tileloadd tmm4, [{rows} + {step}]",
                    "tileloadd tmm7, [{panel} + {step} + 64]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm5, [{rows} + {step} + 2048]",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "add {panel}, 2048",
                    "add {rows}, 64",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "dec {turns}",
                    "jnz 2b",
                    configuration = in(reg) &configuration,
                    panel = inout(reg) panel.as_ptr() => _,
                    rows = inout(reg) rows.as_ptr() => _,
                    step = in(reg) 128usize,
                    turns = inout(reg) panel_bytes / STEP => _,
                    options(readonly, nostack),
                );
                if stores {
                    asm!(
                        "tilestored [{sums} + {step}], tmm0",
                        "tilestored [{sums} + {step} + 64], tmm1",
                        "tilestored [{sums} + {step} + 2048], tmm2",
                        "tilestored [{sums} + {step} + 2112], tmm3",
                        sums = in(reg) sums.as_mut_ptr(),
                        step = in(reg) 128usize,
                        options(nostack),
                    );
                }
                asm!("tilerelease", options(nostack, nomem));
            }
        }
    };
    products as f64 * PRODUCT_FLOPS / fastest(run) / 1e9
}
