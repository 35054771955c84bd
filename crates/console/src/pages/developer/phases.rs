//! Where the time of an exchange went, as columns side by side.

/// One phase that was reached, with its place in a bar of 1000 units.
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) ms: f64,
    pub(super) begin: f64,
    pub(super) width: f64,
}

const NAMES: [(&str, &str); 5] = [
    ("Name resolution", "phase-1"),
    ("Connection", "phase-2"),
    ("TLS handshake", "phase-3"),
    ("Waiting for the answer", "phase-4"),
    ("Reading the body", "phase-5"),
];

/// The phases, whose milliseconds stand in the order of time, of an exchange that took `total_ms`.
pub(super) fn phases(in_order: [Option<f64>; 5], total_ms: f64) -> Vec<Phase> {
    let total = total_ms.max(0.001);
    let mut begin = 0.0;
    let mut all = Vec::new();
    for ((name, class), ms) in NAMES.into_iter().zip(in_order) {
        let Some(ms) = ms else { continue };
        let width = (ms / total * 1000.0).min(1000.0 - begin);
        all.push(Phase {
            name,
            class,
            ms,
            begin,
            width,
        });
        begin += width;
    }
    all
}
