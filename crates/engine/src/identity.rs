//! Whether the server that answers somewhere is one of this installation. Whoever has the master key asks with a sealed
//! question; a server with the same key opens it and says what was in it, and any other cannot. Strangers can make no question,
//! so that they learn nothing from any server: not even whether two addresses lead to the same installation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sfumato_core::Entropy;
use sfumato_core::time::random;

use crate::Engine;
use crate::access::Keys;

/// What else is sealed opens no question, and the other way round.
const PURPOSE: &str = "which installation";

/// A question that only this installation can answer.
#[derive(Clone, Debug)]
pub struct Challenge {
    question: String,
    answer: String,
}

impl Challenge {
    /// What is asked, in letters that fit into a URL as they are.
    pub fn question(&self) -> &str {
        &self.question
    }

    /// Whether this was answered by a server with the same master key.
    pub fn is_met_by(&self, answer: &str) -> bool {
        self.answer == answer
    }
}

impl Keys {
    /// A fresh question, whose answer nobody can know who has not these keys.
    pub fn challenge(&self, entropy: &dyn Entropy) -> Challenge {
        let bytes: [u8; 16] = random(entropy);
        let answer = URL_SAFE_NO_PAD.encode(bytes);
        Challenge {
            question: self.seals.seal(PURPOSE, answer.clone().into_bytes(), entropy),
            answer,
        }
    }
}

impl Engine {
    /// The answer to the question of somebody who has the master key of this installation; `None` to everybody else.
    pub fn answer_challenge(&self, question: &str) -> Option<String> {
        self.unseal(PURPOSE, question)
    }
}

#[cfg(test)]
mod tests {
    use sfumato_testkit::SimEntropy;

    use super::*;

    #[test]
    fn a_question_is_answered_by_who_has_the_same_keys_and_by_nobody_else() {
        let entropy = SimEntropy::new(3);
        let keys = Keys::derive(&[1; 32]);
        let challenge = keys.challenge(&entropy);
        let opened = |keys: &Keys, question: &str| keys.seals.open(PURPOSE, question);
        let answer = opened(&Keys::derive(&[1; 32]), challenge.question()).unwrap();
        assert!(challenge.is_met_by(std::str::from_utf8(&answer).unwrap()));
        assert_eq!(opened(&Keys::derive(&[2; 32]), challenge.question()), None);
        assert!(!challenge.is_met_by(""));
        assert!(!challenge.is_met_by(challenge.question()));
        let another = keys.challenge(&entropy);
        assert!(!another.is_met_by(std::str::from_utf8(&answer).unwrap()));
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        assert!(challenge.question().chars().all(is_plain));
    }
}
