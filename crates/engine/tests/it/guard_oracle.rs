//! The address guard against a second opinion: the contract's table, read in another way than the guard reads it. IPv4
//! as intervals of numbers, IPv6 as beginnings of a text of 128 binary digits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use sfumato_engine::guard::{AddressPolicy, judge_address};

/// First and last address of what must not be reached.
const FORBIDDEN_V4: [(&str, &str); 15] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    // Multicast and what is reserved have no gap between them.
    ("224.0.0.0", "255.255.255.255"),
];

/// How what may be reached begins, in binary.
const GLOBAL_V6: &str = "001";

/// How the exceptions begin: 2001::/23, 2001:db8::/32, 2002::/16 and 3fff::/20.
const FORBIDDEN_V6: [&str; 4] = [
    "00100000000000010000000",
    "00100000000000010000110110111000",
    "0010000000000010",
    "00111111111111110000",
];

fn intervals() -> Vec<(u32, u32)> {
    let number = |text: &str| u32::from(text.parse::<Ipv4Addr>().unwrap());
    FORBIDDEN_V4
        .iter()
        .map(|(first, last)| (number(first), number(last)))
        .collect()
}

fn oracle_v4(number: u32, intervals: &[(u32, u32)]) -> bool {
    !intervals
        .iter()
        .any(|&(first, last)| (first..=last).contains(&number))
}

fn oracle_v6(number: u128, intervals: &[(u32, u32)]) -> bool {
    let hexadecimal = format!("{number:032x}");
    for holds_v4 in ["00000000000000000000ffff", "0064ff9b0000000000000000"] {
        if let Some(inner) = hexadecimal.strip_prefix(holds_v4) {
            return oracle_v4(u32::from_str_radix(inner, 16).unwrap(), intervals);
        }
    }
    let binary = format!("{number:0128b}");
    binary.starts_with(GLOBAL_V6) && !FORBIDDEN_V6.iter().any(|exception| binary.starts_with(exception))
}

fn is_allowed(address: impl Into<IpAddr>) -> bool {
    judge_address(address.into(), &AddressPolicy::default()).is_ok()
}

/// 128 bits that begin as a text of binary digits does.
fn beginning(prefix: &str, bits: u128) -> u128 {
    let length = prefix.len() as u32;
    let prefix = u128::from_str_radix(prefix, 2).unwrap();
    prefix << (128 - length) | bits >> length
}

#[test]
fn a_quarter_of_a_million_ipv4_addresses_in_even_steps_are_judged_as_the_table_says() {
    let intervals = intervals();
    // A prime, so that every last byte occurs.
    for number in (0..=u32::MAX).step_by(16_411) {
        assert_eq!(
            is_allowed(Ipv4Addr::from(number)),
            oracle_v4(number, &intervals),
            "{}",
            Ipv4Addr::from(number)
        );
    }
}

#[test]
fn every_ipv4_address_around_an_edge_of_the_table_is_judged_as_the_table_says() {
    let intervals = intervals();
    for edge in intervals.iter().flat_map(|&(first, last)| [first, last]) {
        for number in edge.saturating_sub(300)..=edge.saturating_add(300) {
            let expected = oracle_v4(number, &intervals);
            assert_eq!(
                is_allowed(Ipv4Addr::from(number)),
                expected,
                "{}",
                Ipv4Addr::from(number)
            );
        }
    }
}

#[test]
fn every_ipv6_address_around_an_edge_of_the_table_is_judged_as_the_table_says() {
    let intervals = intervals();
    for prefix in FORBIDDEN_V6.iter().chain([&GLOBAL_V6]) {
        for edge in [beginning(prefix, 0), beginning(prefix, u128::MAX)] {
            for number in edge - 300..=edge + 300 {
                let expected = oracle_v6(number, &intervals);
                assert_eq!(
                    is_allowed(Ipv6Addr::from(number)),
                    expected,
                    "{}",
                    Ipv6Addr::from(number)
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_ipv4_address_is_judged_as_the_table_says(number: u32) {
        prop_assert_eq!(is_allowed(Ipv4Addr::from(number)), oracle_v4(number, &intervals()));
    }

    #[test]
    fn any_ipv6_address_is_judged_as_the_table_says(number: u128) {
        prop_assert_eq!(is_allowed(Ipv6Addr::from(number)), oracle_v6(number, &intervals()));
    }

    #[test]
    fn any_global_ipv6_address_is_judged_as_the_table_says(bits: u128, near in 0..8_usize) {
        // Most of the space is far from every exception: half of the cases begin as one does.
        let prefix = FORBIDDEN_V6.get(near).unwrap_or(&GLOBAL_V6);
        let number = beginning(prefix, bits);
        prop_assert_eq!(is_allowed(Ipv6Addr::from(number)), oracle_v6(number, &intervals()));
        // One digit off, the last of the beginning.
        let beside = number ^ 1 << (128 - prefix.len());
        prop_assert_eq!(is_allowed(Ipv6Addr::from(beside)), oracle_v6(beside, &intervals()));
    }

    #[test]
    fn any_ipv6_address_that_holds_an_ipv4_address_is_judged_as_the_table_says(inner: u32, form in 0..6_usize, low: u64) {
        let inner = u128::from(inner);
        let number = [
            0xffff << 32 | inner,
            inner,
            0xffff << 48 | inner,
            0x64_ff9b << 96 | inner,
            0x64_ff9b_0001 << 80 | inner,
            0x2002 << 112 | inner << 80 | u128::from(low),
        ][form];
        prop_assert_eq!(is_allowed(Ipv6Addr::from(number)), oracle_v6(number, &intervals()));
    }
}
