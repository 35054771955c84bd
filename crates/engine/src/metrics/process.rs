//! The process itself, by the names that Prometheus' own libraries use. Linux tells under `/proc/self`; where something
//! cannot be read it is left out.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Ticks of the kernel's clock in a second: what `/proc` counts CPU time in, on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

#[derive(Debug)]
struct Process;

pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut tell = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)
        };
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        if let Some(bytes) = resident_bytes(&fs::read_to_string("/proc/self/status").unwrap_or_default()) {
            tell(
                "process_resident_memory_bytes",
                "Resident memory of this process",
                bytes,
            )?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            tell(
                "process_open_fds",
                "Open file descriptors of this process",
                open.count() as f64,
            )?;
        }
        if let Some(threads) = field(&stat, 17) {
            tell("process_threads", "Threads of this process", threads)?;
        }
        if let (Some(user), Some(system)) = (field(&stat, 11), field(&stat, 12)) {
            let counter = ConstCounter::new((user + system) / TICKS);
            let metric = encoder.encode_descriptor(
                "process_cpu_seconds",
                "CPU time of this process, without its media processes",
                None,
                counter.metric_type(),
            )?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}

/// The field at `index` of `/proc/self/stat`, counted from the one after the program's name in brackets (proc(5)).
fn field(stat: &str, index: usize) -> Option<f64> {
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(index)?.parse().ok()
}

/// `VmRSS` of `/proc/self/status`, in bytes.
fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_also_where_the_name_holds_a_bracket() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 7 0 1000 1 2";
        assert_eq!(field(stat, 11), Some(250.0));
        assert_eq!(field(stat, 12), Some(50.0));
        assert_eq!(field(stat, 17), Some(7.0));
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t  12 kB\n"), Some(12.0 * 1024.0));
        assert_eq!(resident_bytes(""), None);
    }
}
