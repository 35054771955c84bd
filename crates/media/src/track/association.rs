//! Which detection is of which track.

use super::keys::Key;
use super::path::Track;

/// How well a detection has to fit a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It may have moved: what a look is sure of.
    Near,
    /// It lies where the track is expected: what a look is not sure of.
    Overlap,
}

/// Intersection over union from which a weak detection is of a track.
const OVERLAP_MIN: f32 = 0.3;

/// For each detection the track it belongs to, if any, by its place in `tracks`. A track has one detection at most, the
/// best fitting pair comes first.
pub(super) fn associate(tracks: &[&Track], found: &[Key], fit: Fit) -> Vec<Option<usize>> {
    let mut pairs: Vec<(f32, usize, usize)> = vec![];
    for (t, track) in tracks.iter().enumerate() {
        for (d, key) in found.iter().enumerate() {
            let score = track
                .score(key)
                .filter(|score| fit == Fit::Near || *score >= 1.0 + OVERLAP_MIN);
            if let Some(score) = score {
                pairs.push((score, t, d));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut partners = vec![None; found.len()];
    let mut is_taken = vec![false; tracks.len()];
    for (_, t, d) in pairs {
        if partners[d].is_none() && !is_taken[t] {
            partners[d] = Some(t);
            is_taken[t] = true;
        }
    }
    partners
}
