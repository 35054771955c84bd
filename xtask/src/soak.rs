//! `cargo xtask soak`: what the tests do for a minute, for as long as somebody likes, with a summary at the end.

use clap::{Subcommand, ValueEnum};

use crate::process;
use crate::workspace;

/// Which signals the product is under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Signals {
    /// SIGKILL, SIGTERM and SIGSTOP to the server, SIGKILL and SIGSTOP to a media process.
    #[default]
    All,
    /// SIGKILL in every round: mostly to the server, now and then to its successor as it starts, or to a media process.
    Kill,
}

impl Signals {
    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Kill => "kill",
        }
    }
}

/// What is kept under strain.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Soak {
    /// The whole product: uploads, videos, cancellations, replays; signals to the server and its media processes.
    Product {
        /// Signals that are sent.
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        rounds: u32,
        /// Which signals.
        #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
        signals: Signals,
        /// Repeat the run of this seed alone, under the same signals.
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
    },
    /// Webhooks under `kill -9`: what was accepted is delivered, and soon.
    Webhooks {
        /// Times that the server is killed.
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        rounds: u32,
    },
    /// The simulation of deliveries in virtual time.
    Deliveries {
        /// Events that have to happen.
        #[arg(long, value_name = "N", default_value_t = 1_000_000)]
        events: u32,
    },
}

impl Soak {
    /// The package and the name of the test, and its variables.
    fn test(self) -> (&'static str, &'static str, Vec<(&'static str, String)>) {
        let of_e2e = "sfumato-e2e";
        match self {
            Self::Product {
                rounds,
                signals,
                seed,
            } => {
                let mut variables = vec![
                    ("SFUMATO_SOAK_ROUNDS", rounds.to_string()),
                    ("SFUMATO_SOAK_SIGNALS", signals.as_str().to_owned()),
                ];
                variables.extend(seed.map(|seed| ("SFUMATO_SEED", seed.to_string())));
                (
                    of_e2e,
                    "the_product_comes_to_rest_whole_whatever_is_killed",
                    variables,
                )
            }
            Self::Webhooks { rounds } => (
                of_e2e,
                "what_was_accepted_is_delivered_whenever_the_server_is_killed",
                vec![("SFUMATO_KILL_ROUNDS", rounds.to_string())],
            ),
            Self::Deliveries { events } => (
                "sfumato-engine",
                "every_life_keeps_the_promises",
                vec![("SFUMATO_SIM_EVENTS", events.to_string())],
            ),
        }
    }
}

/// Runs one test for long.
///
/// # Errors
/// The test fails; its output holds the seed.
pub(crate) fn run(soak: Soak) -> anyhow::Result<()> {
    let (package, test, variables) = soak.test();
    // The simulation computes all the time; the others wait for processes.
    let optimized: &[&str] = match soak {
        Soak::Deliveries { .. } => &["--release"],
        Soak::Product { .. } | Soak::Webhooks { .. } => &[],
    };
    run_with(package, test, &variables, optimized)
}

/// Runs one test with variables that make it long, and shows what it says.
///
/// # Errors
/// The test fails; its output holds the seed.
pub(crate) fn run_test(package: &str, test: &str, variables: &[(&str, String)]) -> anyhow::Result<()> {
    run_with(package, test, variables, &[])
}

fn run_with(
    package: &str,
    test: &str,
    variables: &[(&str, String)],
    optimized: &[&str],
) -> anyhow::Result<()> {
    let root = workspace::root();
    let only = format!("package({package}) and test({test})");
    let variables = variables.iter().map(|(name, value)| (name, value));
    let nextest = [
        "nextest",
        "run",
        "--locked",
        "--workspace",
        "--profile",
        "soak",
        "-E",
        &only,
    ];
    process::run(
        process::cargo(&root)
            .envs(variables)
            .args(nextest)
            .args(optimized),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_repeated_in_as_many_rounds_as_it_is_said_under_the_same_signals() {
        let variables_under = |signals| {
            let product = Soak::Product {
                rounds: 25,
                signals,
                seed: Some(7),
            };
            product.test().2
        };
        for (signals, name) in [(Signals::All, "all"), (Signals::Kill, "kill")] {
            let expected = [
                ("SFUMATO_SOAK_ROUNDS", "25"),
                ("SFUMATO_SOAK_SIGNALS", name),
                ("SFUMATO_SEED", "7"),
            ];
            let expected = expected.map(|(name, value)| (name, value.to_owned()));
            assert_eq!(variables_under(signals), expected);
        }
    }

    #[test]
    fn signals_are_those_that_there_are_and_the_product_is_under_them_alone() {
        let refusal = |words: &str| crate::refusal(words.split(' '), false);
        for words in [
            "soak product",
            "soak product --signals all",
            "soak product --signals kill --rounds 1000",
            "soak product --signals kill --seed 7 --rounds 25",
        ] {
            assert_eq!(refusal(words), None, "{words}");
        }
        for words in [
            "soak product --signals term",
            "soak product --signals",
            "soak webhooks --signals kill",
            "soak deliveries --signals kill",
        ] {
            assert!(refusal(words).is_some(), "{words}");
        }
    }
}
