//! The whole of a thing of which other things hide a part.
//!
//! A detector gives the box of what is in sight. Of a face that passes behind a pillar that is a part, one side of which
//! is the pillar's and stands still. Between two such boxes a box would be interpolated that is too small and moves too
//! slowly, and what comes into sight on the other side of the pillar would be seen. So a detection that is smaller than
//! those around it is taken for a part, and gets the size that the thing has, on the side where it falls short of where the
//! thing is on its way.

use super::edges::Edges;

/// The part of the size of the thing from which a detection is all of it. Detectors are off by a tenth.
const WHOLE_MIN: f32 = 0.85;

/// How many frames around a detection say how large the thing is in it: few, because things grow and shrink.
const SIZE_FRAMES: u32 = 12;

/// How many frames the way of a thing is known from that is to go on straight.
const WAY_FRAMES: u32 = 8;

/// A side falls short if it does so this many times more than the other one.
const CLEARLY: f32 = 2.0;

/// A detection in one direction, across or down.
#[derive(Clone, Copy, Debug)]
struct Extent {
    frame: u32,
    low: f32,
    high: f32,
}

impl Extent {
    fn size(&self) -> f32 {
        self.high - self.low
    }

    /// What lies on the straight way through two of them.
    fn on_way(from: &Self, to: &Self, frame: u32) -> Self {
        let (start, end) = (from.frame as f32, to.frame as f32);
        let t = (frame as f32 - start) / (end - start);
        Self {
            frame,
            low: from.low + (to.low - from.low) * t,
            high: from.high + (to.high - from.high) * t,
        }
    }
}

/// The edges of the whole thing in the frame of each detection, which come with their frames and in their order, one a frame.
pub(super) fn whole(seen: &[(u32, Edges)]) -> Vec<Edges> {
    let mut all: Vec<Edges> = seen.iter().map(|(_, edges)| *edges).collect();
    for (low, high) in [(0, 2), (1, 3)] {
        let extents: Vec<Extent> = seen
            .iter()
            .map(|(frame, edges)| Extent {
                frame: *frame,
                low: edges[low],
                high: edges[high],
            })
            .collect();
        for (edges, extent) in all.iter_mut().zip(whole_extents(&extents)) {
            (edges[low], edges[high]) = (extent.low, extent.high);
        }
    }
    all
}

fn whole_extents(seen: &[Extent]) -> Vec<Extent> {
    let sizes: Vec<f32> = (0..seen.len()).map(|i| size_around(seen, i)).collect();
    let is_whole = |i: usize| seen[i].size() >= WHOLE_MIN * sizes[i];
    (0..seen.len())
        .map(|i| match is_whole(i) {
            true => seen[i],
            false => completed(&seen[i], sizes[i], expected(seen, is_whole, i)),
        })
        .collect()
}

/// The size of the thing around a detection: that of all but the largest of the others before it, or of those after it. One
/// that is too large by mistake does not count.
fn size_around(seen: &[Extent], i: usize) -> f32 {
    let frame = seen[i].frame;
    let second = |others: &mut dyn Iterator<Item = &Extent>| {
        let near = others.take_while(|other| other.frame.abs_diff(frame) <= SIZE_FRAMES);
        let [largest, second] = near
            .map(Extent::size)
            .fold([0.0f32; 2], |[largest, second], size| {
                [largest.max(size), second.max(largest.min(size))]
            });
        if second > 0.0 { second } else { largest }
    };
    let before = second(&mut seen[..i].iter().rev());
    let after = second(&mut seen[i + 1..].iter());
    before.max(after)
}

/// Where the whole thing is on its way, by those detections around one that are of all of it.
fn expected(seen: &[Extent], is_whole: impl Fn(usize) -> bool, i: usize) -> Option<Extent> {
    let before = (0..i).rev().find(|i| is_whole(*i));
    let after = (i + 1..seen.len()).find(|i| is_whole(*i));
    let near = |a: usize, b: usize| is_whole(b) && seen[a].frame.abs_diff(seen[b].frame) <= WAY_FRAMES;
    let (from, to) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        // The furthest of those that are near, because detections are a little off.
        (Some(last), None) => ((0..last).find(|other| near(last, *other))?, last),
        (None, Some(first)) => (
            first,
            (first + 1..seen.len()).rev().find(|other| near(first, *other))?,
        ),
        (None, None) => return None,
    };
    Some(Extent::on_way(&seen[from], &seen[to], seen[i].frame))
}

/// What has a size and holds all that is in sight.
fn completed(seen: &Extent, size: f32, expected: Option<Extent>) -> Extent {
    let (lower, higher) = (seen.high - size, seen.low + size);
    let Some(expected) = expected else {
        return Extent {
            low: lower,
            high: higher,
            ..*seen
        };
    };
    let short = [seen.low - expected.low, expected.high - seen.high];
    if short[0] > CLEARLY * short[1] {
        Extent { low: lower, ..*seen }
    } else if short[1] > CLEARLY * short[0] {
        Extent {
            high: higher,
            ..*seen
        }
    } else {
        Extent {
            low: seen.low.min(expected.low),
            high: seen.high.max(expected.high),
            ..*seen
        }
    }
}
