//! Tiles of AMX: 32 x 32 sums in four tile registers, from two tiles of rows and two of weights.
//!
//! A tile product takes as long for 1 row as for 16, so a second tile of rows that would not be full overlaps the
//! first: it ends with the last row, and computes some rows again.
//!
//! Invariant: [`Microkernel::multiply`] runs inside [`Microkernel::vectorize`], which configures the tile registers.
//! (Outside, the processor traps.)

use std::arch::asm;

use half::bf16;

use super::{Avx512Bf16, MOST_COLUMNS, Microkernel, Rows, Square, TILE, Work};
use crate::isa::{IsaLevel, Level};
use crate::simd;

/// Tiles of products of pairs of `bf16`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Amx(Avx512Bf16);

impl Amx {
    pub(in crate::conv) fn new(isa: IsaLevel) -> Option<Self> {
        (isa.level() >= Level::Amx).then_some(())?;
        Avx512Bf16::new(isa).map(Self)
    }
}

/// Rows of a tile register.
const TILE_ROWS: usize = 16;
/// `bf16` in a row of a tile register.
const TILE_DEPTH: usize = 32;
/// Bytes from a row of a panel to the next: all columns of a pair.
const PANEL_STEP: usize = 128;
/// Bytes from a row of sums to the next.
const SUMS_STEP: usize = 128;

impl Microkernel for Amx {
    type Product = bf16;
    type Simd = simd::Avx512<true>;
    const ROWS: usize = 2 * TILE_ROWS;
    const COLUMNS: usize = 32;
    const GRANULE: usize = TILE_ROWS;
    const DEPTH: usize = TILE_DEPTH;
    const INTERLEAVE: usize = 2;

    #[inline(always)]
    fn multiply(self, rows: Rows<bf16>, panel: &[bf16], tile: &mut [f32; TILE]) {
        rows.check::<Self>(panel, tile);
        // SAFETY: the processor has the instructions, as `self` proves, and tiles are configured. With fewer than 16
        // rows they are configured for just those while they are read and written.
        unsafe {
            if rows.count > TILE_ROWS {
                multiply_two(rows, panel, tile);
            } else if rows.count == TILE_ROWS {
                multiply_one(rows, panel, tile);
            } else {
                configure(rows.count);
                multiply_one(rows, panel, tile);
                configure(TILE_ROWS);
            }
        }
    }

    #[inline(always)]
    fn simd(self) -> Self::Simd {
        self.0.simd()
    }

    #[inline(always)]
    fn transpose(self, block: &Square<bf16>) -> Square<bf16> {
        self.0.transpose(block)
    }

    #[inline(always)]
    fn interleave(self, rows: &[[bf16; MOST_COLUMNS]; 2], out: &mut [bf16]) {
        self.0.interleave(rows, out);
    }

    #[inline(always)]
    fn vectorize<W: Work>(self, work: W) -> W::Output {
        struct Configured;
        impl Drop for Configured {
            fn drop(&mut self) {
                // SAFETY: the processor has the instruction.
                unsafe { asm!("tilerelease", options(nostack, nomem)) };
            }
        }
        // SAFETY: `self` proves the instructions.
        unsafe { configure(TILE_ROWS) };
        let _configured = Configured;
        self.0.vectorize(work)
    }
}

/// Tiles 0 to 3 are sums, 4 and 5 rows, 6 and 7 weights.
///
/// # Safety
///
/// The processor has AMX, and the process may use it.
#[inline(always)]
unsafe fn configure(rows: usize) {
    #[repr(C, align(64))]
    struct Configuration {
        palette: u8,
        start: u8,
        reserved: [u8; 14],
        row_bytes: [u16; 16],
        rows: [u8; 16],
    }
    let mut configuration =
        Configuration { palette: 1, start: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
    configuration.row_bytes[..8].fill(64);
    configuration.rows[..6].fill(rows as u8);
    configuration.rows[6..8].fill(16);
    // SAFETY: the caller's; the configuration is 64 bytes, and valid.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly)) };
}

/// 17 to 32 rows.
///
/// # Safety
///
/// [`Rows::check`] has passed; tiles are configured for 16 rows.
#[inline(always)]
unsafe fn multiply_two(rows: Rows<bf16>, panel: &[bf16], tile: &mut [f32; TILE]) {
    let second = rows.count - TILE_ROWS;
    // SAFETY: tiles of rows begin at rows 0 and `count - 16` of the segment and reach 16 rows and `depth` further,
    // which lies in `data`; the panel has 128 bytes for each pair of the depth of each segment; sums are stored
    // to rows 0 to `count`.
    unsafe {
        asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nostack, nomem));
        let mut weights = panel.as_ptr();
        for &segment in rows.segments {
            let first = rows.data.as_ptr().add(segment);
            asm!(
                "2:",
                "tileloadd tmm6, [{weights} + {panel_step}]",
                "tileloadd tmm4, [{first} + {step}]",
                "tileloadd tmm7, [{weights} + {panel_step} + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{second} + {step}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {weights}, 2048",
                "add {first}, 64",
                "add {second}, 64",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "dec {left}",
                "jnz 2b",
                weights = inout(reg) weights,
                first = inout(reg) first => _,
                second = inout(reg) first.add(second * rows.step) => _,
                left = inout(reg) rows.depth / TILE_DEPTH => _,
                step = in(reg) rows.step * size_of::<bf16>(),
                panel_step = in(reg) PANEL_STEP,
                options(nostack, readonly),
            );
        }
        asm!(
            "tilestored [{first} + {step}], tmm0",
            "tilestored [{first} + {step} + 64], tmm1",
            "tilestored [{second} + {step}], tmm2",
            "tilestored [{second} + {step} + 64], tmm3",
            first = in(reg) tile.as_mut_ptr(),
            second = in(reg) tile.as_mut_ptr().byte_add(second * SUMS_STEP),
            step = in(reg) SUMS_STEP,
            options(nostack),
        );
    }
}

/// As many rows as tiles are configured for.
///
/// # Safety
///
/// [`Rows::check`] has passed; tiles are configured for `rows.count` rows.
#[inline(always)]
unsafe fn multiply_one(rows: Rows<bf16>, panel: &[bf16], tile: &mut [f32; TILE]) {
    // SAFETY: as in `multiply_two`, with the first tile of rows alone.
    unsafe {
        asm!("tilezero tmm0", "tilezero tmm1", options(nostack, nomem));
        let mut weights = panel.as_ptr();
        for &segment in rows.segments {
            asm!(
                "2:",
                "tileloadd tmm6, [{weights} + {panel_step}]",
                "tileloadd tmm4, [{first} + {step}]",
                "tileloadd tmm7, [{weights} + {panel_step} + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "add {weights}, 2048",
                "add {first}, 64",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "dec {left}",
                "jnz 2b",
                weights = inout(reg) weights,
                first = inout(reg) rows.data.as_ptr().add(segment) => _,
                left = inout(reg) rows.depth / TILE_DEPTH => _,
                step = in(reg) rows.step * size_of::<bf16>(),
                panel_step = in(reg) PANEL_STEP,
                options(nostack, readonly),
            );
        }
        asm!(
            "tilestored [{first} + {step}], tmm0",
            "tilestored [{first} + {step} + 64], tmm1",
            first = in(reg) tile.as_mut_ptr(),
            step = in(reg) SUMS_STEP,
            options(nostack),
        );
    }
}
