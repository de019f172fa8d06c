//! Memory: what this process holds, and what it may still take.
//!
//! Linux tells in text files. Free memory is the least of what the machine has left, what each control group that the process is
//! in (a container, a service, a batch job) has left, version 1 or 2, and what the process's own limits leave.

use std::path::Path;

/// Bytes this process may still take without harm; `None` where the system does not tell.
pub fn free_memory() -> Option<u64> {
    free(|path| std::fs::read_to_string(path).ok())
}

/// Bytes of memory this process holds now; `None` where the system does not tell.
pub fn resident_memory() -> Option<u64> {
    kilobytes(&std::fs::read_to_string(STATUS).ok()?, "VmRSS:")
}

/// The most bytes of memory this process has held so far; `None` where the system does not tell.
pub fn peak_resident_memory() -> Option<u64> {
    kilobytes(&std::fs::read_to_string(STATUS).ok()?, "VmHWM:")
}

const STATUS: &str = "/proc/self/status";

/// Free memory according to the system's files.
fn free(read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let machine = read("/proc/meminfo".as_ref()).and_then(|text| kilobytes(&text, "MemAvailable:"));
    [machine, left_to_groups(&read), left_to_process(&read)].into_iter().flatten().min()
}

/// The memory that the process's own limits leave.
fn left_to_process(read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let (limits, status) = (read("/proc/self/limits".as_ref())?, read(STATUS.as_ref())?);
    let left = |(limit, used): (&str, &str)| {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        // The soft limit, or `unlimited`.
        let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(limit.saturating_sub(kilobytes(&status, used)?))
    };
    [("Max address space", "VmSize:"), ("Max data size", "VmData:")].into_iter().filter_map(left).min()
}

/// The names of a kind of control group's files.
struct Files {
    root: &'static str,
    limit: &'static str,
    used: &'static str,
    /// Of `memory.stat`: what the group's use counts although the system gives it up when memory is wanted.
    reclaimable: &'static str,
}

const VERSION_1: Files = Files {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};

const VERSION_2: Files = Files {
    root: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    reclaimable: "inactive_file",
};

/// The memory that the control groups of the process, and those around them, leave.
fn left_to_groups(read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let groups = read("/proc/self/cgroup".as_ref())?;
    // `ID:CONTROLLERS:PATH`; version 2 names no controllers.
    let left = |line: &str| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let files = match controllers {
            "" => VERSION_2,
            names if names.split(',').any(|name| name == "memory") => VERSION_1,
            _ => return None,
        };
        // In a container the path may be the host's, and the container's own group the root.
        let around = Path::new(path.trim_start_matches('/')).ancestors();
        around.filter_map(|group| files.left_to(&Path::new(files.root).join(group), read)).min()
    };
    groups.lines().filter_map(left).min()
}

impl Files {
    fn left_to(&self, group: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
        let number = |name: &str| read(&group.join(name))?.trim().parse::<u64>().ok();
        let (limit, used) = (number(self.limit)?, number(self.used)?);
        let reclaimable = read(&group.join("memory.stat")).and_then(|text| {
            let words = |line: &str| {
                line.split_once(' ').filter(|(name, _)| *name == self.reclaimable)?.1.parse().ok()
            };
            text.lines().find_map(words)
        });
        Some(limit.saturating_sub(used.saturating_sub(reclaimable.unwrap_or(0))))
    }
}

/// The number of kB behind a name at the start of a line, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: (&str, &str) =
        ("/proc/meminfo", "MemTotal:       16000 kB\nMemFree:  1000 kB\nMemAvailable:    8000 kB\n");

    /// Free memory of a machine with these files, in kB.
    fn free_kilobytes(files: &[(&str, &str)]) -> Option<u64> {
        let text = |path: &Path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        };
        free(text).map(|bytes| bytes / 1024)
    }

    #[test]
    fn a_machine_without_limits_has_what_is_available() {
        assert_eq!(free_kilobytes(&[]), None);
        assert_eq!(free_kilobytes(&[MEMINFO]), Some(8000));
        let root = ("/proc/self/cgroup", "0::/\n");
        let unlimited = (
            "/proc/self/limits",
            "Max address space         unlimited            unlimited            bytes     \n",
        );
        assert_eq!(free_kilobytes(&[MEMINFO, root, unlimited, (STATUS, "VmSize:\t 100 kB\n")]), Some(8000));
    }

    #[test]
    fn groups_limit_and_so_do_those_around_them() {
        let inner = [
            MEMINFO,
            ("/proc/self/cgroup", "0::/user.slice/job\n"),
            ("/sys/fs/cgroup/user.slice/job/memory.max", "max\n"),
            ("/sys/fs/cgroup/user.slice/job/memory.current", "2048000\n"),
            ("/sys/fs/cgroup/user.slice/memory.max", "5120000\n"),
            ("/sys/fs/cgroup/user.slice/memory.current", "3072000\n"),
        ];
        assert_eq!(free_kilobytes(&inner), Some(2000));
        let cached = ("/sys/fs/cgroup/user.slice/memory.stat", "active_file 9\ninactive_file 1024000\n");
        assert_eq!(free_kilobytes(&[&inner[..], &[cached]].concat()), Some(3000));
        // A container that sees the host's name of its group, and its own files at the root.
        let container = [
            MEMINFO,
            ("/proc/self/cgroup", "0::/docker/0123\n"),
            ("/sys/fs/cgroup/memory.max", "1024000\n"),
            ("/sys/fs/cgroup/memory.current", "1126400\n"),
        ];
        assert_eq!(free_kilobytes(&container), Some(0));
    }

    #[test]
    fn the_first_version_of_groups_limits_too() {
        let files = [
            MEMINFO,
            ("/proc/self/cgroup", "12:cpu,cpuacct:/elsewhere\n5:memory:/job\n0::/\n"),
            ("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096000\n"),
            ("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "3072000\n"),
            ("/sys/fs/cgroup/memory/job/memory.stat", "inactive_file 7\ntotal_inactive_file 512000\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "5000000\n"),
        ];
        assert_eq!(free_kilobytes(&files), Some(1500));
    }

    #[test]
    fn the_process_has_limits_of_its_own() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max data size             unlimited            unlimited            bytes     \n\
            Max address space         4096000              8192000              bytes     \n";
        let files = [
            MEMINFO,
            ("/proc/self/limits", limits),
            (STATUS, "VmPeak:\t 5000 kB\nVmSize:\t 1000 kB\nVmData:\t 400 kB\n"),
        ];
        assert_eq!(free_kilobytes(&files), Some(3000));
        let data = (
            "/proc/self/limits",
            "Max data size             1024000            unlimited            bytes     \n",
        );
        assert_eq!(free_kilobytes(&[files[0], data, files[2]]), Some(600));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_tells() {
        assert!(free_memory().is_some());
        assert!(resident_memory() <= peak_resident_memory() && resident_memory() > Some(0));
    }
}
