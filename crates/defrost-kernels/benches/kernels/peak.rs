//! What one core can multiply: the level's product on registers alone, with no memory.

use std::arch::asm;
use std::time::Instant;

use defrost_kernels::IsaLevel;

/// Rounds of 16 independent chains of products of zeros.
macro_rules! products {
    ($operation:literal, $register:literal) => {
        asm!(
            "vzeroall",
            "2:",
            concat!($operation, " ", $register, "0, ", $register, "0, ", $register, "0"),
            concat!($operation, " ", $register, "1, ", $register, "1, ", $register, "1"),
            concat!($operation, " ", $register, "2, ", $register, "2, ", $register, "2"),
            concat!($operation, " ", $register, "3, ", $register, "3, ", $register, "3"),
            concat!($operation, " ", $register, "4, ", $register, "4, ", $register, "4"),
            concat!($operation, " ", $register, "5, ", $register, "5, ", $register, "5"),
            concat!($operation, " ", $register, "6, ", $register, "6, ", $register, "6"),
            concat!($operation, " ", $register, "7, ", $register, "7, ", $register, "7"),
            concat!($operation, " ", $register, "8, ", $register, "8, ", $register, "8"),
            concat!($operation, " ", $register, "9, ", $register, "9, ", $register, "9"),
            concat!($operation, " ", $register, "10, ", $register, "10, ", $register, "10"),
            concat!($operation, " ", $register, "11, ", $register, "11, ", $register, "11"),
            concat!($operation, " ", $register, "12, ", $register, "12, ", $register, "12"),
            concat!($operation, " ", $register, "13, ", $register, "13, ", $register, "13"),
            concat!($operation, " ", $register, "14, ", $register, "14, ", $register, "14"),
            concat!($operation, " ", $register, "15, ", $register, "15, ", $register, "15"),
            "dec {rounds}",
            "jnz 2b",
            rounds = inout(reg) ROUNDS => _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nomem, nostack),
        )
    };
}
/// GFLOP/s of one core now, or none where the level's product is the compiler's choice.
pub fn gflops(isa: IsaLevel, bf16: bool) -> Option<f64> {
    match (isa.name(), bf16) {
        ("avx2", _) => Some(best(16.0, || {
            // SAFETY: the level proves the instructions; registers are cleared first, and no memory is touched.
            unsafe { products!("vfmadd231ps", "ymm") }
        })),
        ("avx512", _) | ("avx512bf16" | "amx", false) => Some(best(32.0, || {
            // SAFETY: as above.
            unsafe { products!("vfmadd231ps", "zmm") }
        })),
        ("avx512bf16", true) => Some(best(64.0, || {
            // SAFETY: as above.
            unsafe { products!("vdpbf16ps", "zmm") }
        })),
        ("amx", true) => Some(tiles()),
        _ => None,
    }
}

const ROUNDS: u64 = 20_000;
const CHAINS: u64 = 16;

fn best(flops: f64, run: impl FnMut()) -> f64 {
    (ROUNDS * CHAINS) as f64 * flops / fastest(run) / 1e9
}

/// Seconds of the fastest of a few runs.
pub fn fastest(mut run: impl FnMut()) -> f64 {
    let times = (0..9).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

/// Of a product of two full tiles.
pub const PRODUCT_FLOPS: f64 = 16.0 * 16.0 * 32.0 * 2.0;

/// Of tile registers.
#[repr(align(64))]
pub struct Configuration([u8; 64]);

impl Configuration {
    pub fn of_full_tiles() -> Self {
        let mut configuration = Self([0; 64]);
        configuration.0[0] = 1;
        for tile in 0..8 {
            configuration.0[16 + 2 * tile] = 64;
            configuration.0[48 + tile] = 16;
        }
        configuration
    }
}

fn tiles() -> f64 {
    let configuration = Configuration::of_full_tiles();
    let flops = PRODUCT_FLOPS * 4.0 / CHAINS as f64;
    // SAFETY: the level proves the instructions; the configuration is valid and zeroes the tiles.
    best(flops, || unsafe {
        asm!(
            "ldtilecfg [{configuration}]",
            "2:",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "dec {rounds}",
            "jnz 2b",
            "tilerelease",
            configuration = in(reg) &configuration,
            rounds = inout(reg) ROUNDS => _,
            options(readonly, nostack),
        );
    })
}
