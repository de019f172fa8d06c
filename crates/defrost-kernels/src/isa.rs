//! Which instructions the kernels may use: the one place that looks at the processor.

/// A set of instructions that this processor has been seen to have.
///
/// The fields are private: an `IsaLevel` above [`IsaLevel::PORTABLE`] can only come from [`IsaLevel::detect`] or
/// [`IsaLevel::named`], so holding one proves the instructions exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsaLevel(Level);

/// Ordered: each level's processors have the instructions of the levels before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    Portable,
    Avx2,
    Avx512,
    Avx512Bf16,
    Amx,
}

impl IsaLevel {
    /// Plain Rust, on any processor: the reference for all others.
    pub const PORTABLE: Self = Self(Level::Portable);

    /// Names of all levels, slowest first, as `DEFROST_KERNEL` takes them.
    pub const NAMES: [&str; 5] = ["portable", "avx2", "avx512", "avx512bf16", "amx"];

    /// The fastest this processor has. Products of `bf16` that are slower than those of `f32` are passed over.
    pub fn detect() -> Self {
        let levels = Self::NAMES.iter().rev().filter_map(|name| Self::named(name));
        let mut useful = levels.filter(|isa| isa.0 != Level::Avx512Bf16 || isa.multiplies_bf16());
        useful.next().unwrap_or(Self::PORTABLE)
    }

    /// The level of that name, if there is one and this processor has it.
    pub fn named(name: &str) -> Option<Self> {
        let level = match name {
            "portable" => Level::Portable,
            "avx2" if has_avx2() => Level::Avx2,
            "avx512" if has_avx512() => Level::Avx512,
            "avx512bf16" if has_avx512_bf16() => Level::Avx512Bf16,
            "amx" if has_amx() => Level::Amx,
            _ => return None,
        };
        Some(Self(level))
    }

    /// The name `DEFROST_KERNEL` knows it by.
    pub fn name(self) -> &'static str {
        Self::NAMES[self.0 as usize]
    }

    /// Whether products of `bf16` are faster than those of `f32`: what makes `bf16` the better format to
    /// train in. Tiles always are. Vectors are twice as fast on AMD's processors; on Intel's they take two steps
    /// for each pair, half as fast.
    pub fn multiplies_bf16(self) -> bool {
        self.0 == Level::Amx || self.0 == Level::Avx512Bf16 && is_amd()
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

/// Told from the vendor's name.
#[cfg(target_arch = "x86_64")]
fn is_amd() -> bool {
    let leaf = std::arch::x86_64::__cpuid(0);
    [leaf.ebx, leaf.edx, leaf.ecx] == [*b"Auth", *b"enti", *b"cAMD"].map(u32::from_le_bytes)
}

#[cfg(target_arch = "x86_64")]
fn has_avx512_bf16() -> bool {
    has_avx512() && is_x86_feature_detected!("avx512bf16")
}

/// Tile registers are large, so Linux requires a request before a process uses them.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn has_amx() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    static ALLOWED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    *ALLOWED.get_or_init(|| {
        if !has_avx512_bf16() || __cpuid(0).eax < 7 {
            return false;
        }
        if __cpuid_count(7, 0).edx & (AMX_BF16 | AMX_TILE) != AMX_BF16 | AMX_TILE {
            return false;
        }
        let result: i64;
        // SAFETY: the system call reads and writes no memory; it clobbers rcx and r11.
        unsafe {
            std::arch::asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => result,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") XFEATURE_XTILEDATA,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        result == 0
    })
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn has_amx() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn is_amd() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512_bf16() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_vectors_are_chosen_only_where_they_are_the_faster_ones() {
        let detected = IsaLevel::detect();
        assert!(detected.name() != "avx512bf16" || detected.multiplies_bf16());
        assert!(IsaLevel::named("amx").is_none_or(|isa| isa == detected && isa.multiplies_bf16()));
        assert!(!IsaLevel::PORTABLE.multiplies_bf16());
        let below = ["avx2", "avx512"].into_iter().filter_map(IsaLevel::named);
        below.for_each(|isa| assert!(!isa.multiplies_bf16() && isa <= detected));
    }
}
