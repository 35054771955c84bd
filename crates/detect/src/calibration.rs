//! Puts the scores of different models on one scale of confidence a class.

use sfumato_core::detection::Class;

/// The confidence from which a detection counts in the balanced profile; every model's own threshold is put there.
pub(crate) const fn balanced_threshold(class: Class) -> f32 {
    match class {
        Class::Face => 0.31,
        Class::Plate => 0.16,
    }
}

/// From the score of a model to a confidence: one straight line from 0 to the model's threshold, one from there to 1.
///
/// Models of one class are asked about the same things and answer on scales of their own: one says 0.6 of every other
/// mistake, another says 0.3 of faces that are as good as certain. Without a common scale a threshold would mean something
/// else for each, and looks of different models could not confirm each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Calibration {
    /// The model's threshold on its own scale, and the confidence that it stands for; both between 0 and 1.
    score: f32,
    confidence: f32,
}

impl Calibration {
    /// Puts `threshold` on the scale of a class.
    pub(crate) const fn new(class: Class, threshold: f32) -> Self {
        Self {
            score: threshold,
            confidence: balanced_threshold(class),
        }
    }

    /// The confidence for a score; below 0 counts as 0, above 1 as 1.
    pub(crate) fn confidence(self, score: f32) -> f32 {
        line(score, (self.score, self.confidence))
    }

    /// The score for a confidence.
    pub(crate) fn score(self, confidence: f32) -> f32 {
        line(confidence, (self.confidence, self.score))
    }
}

/// Reads the lines from (0, 0) over a point to (1, 1) at `x`.
fn line(x: f32, (bend_x, bend_y): (f32, f32)) -> f32 {
    let x = x.clamp(0.0, 1.0);
    if x <= bend_x {
        bend_y * x / bend_x
    } else if bend_x < 1.0 {
        bend_y + (1.0 - bend_y) * (x - bend_x) / (1.0 - bend_x)
    } else {
        // Only a number that is none is not at or below 1.
        x
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_threshold_of_a_model_is_that_of_its_class_and_the_ends_stay() {
        let calibration = Calibration::new(Class::Face, 0.6);
        for (score, confidence) in [
            (0.0, 0.0),
            (0.3, 0.155),
            (0.6, 0.31),
            (0.8, 0.655),
            (1.0, 1.0),
            (1.5, 1.0),
        ] {
            assert!(
                (calibration.confidence(score) - confidence).abs() < 1e-6,
                "{score}"
            );
        }
        assert!(calibration.confidence(f32::NAN).is_nan());
        assert_eq!(Calibration::new(Class::Plate, 1.0).confidence(1.0), 0.16);
    }

    proptest! {
        #[test]
        fn a_score_comes_back_from_its_confidence(score in 0.0_f32..=1.0, threshold in 0.05_f32..0.95) {
            let calibration = Calibration::new(Class::Face, threshold);
            prop_assert!((calibration.score(calibration.confidence(score)) - score).abs() < 1e-4);
        }
    }
}
