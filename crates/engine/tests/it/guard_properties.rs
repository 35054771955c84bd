//! The address guard over all addresses: exact edges, and what holds for every one of them.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use sfumato_engine::guard::{AddressPolicy, judge_address, judge_url};

use crate::guard::production;

#[test]
fn the_edges_of_every_denied_network_are_exact() {
    // First and last denied address of each network; one below and one above must differ where a neighbour is public.
    for (network, below_public, above_public) in [
        ("0.0.0.0/8", false, true),
        ("10.0.0.0/8", true, true),
        ("100.64.0.0/10", true, true),
        ("127.0.0.0/8", true, true),
        ("168.63.129.16/32", true, true),
        ("169.254.0.0/16", true, true),
        ("172.16.0.0/12", true, true),
        ("192.0.0.0/24", true, true),
        ("192.0.2.0/24", true, true),
        ("192.88.99.0/24", true, true),
        ("192.168.0.0/16", true, true),
        ("198.18.0.0/15", true, true),
        ("198.51.100.0/24", true, true),
        ("203.0.113.0/24", true, true),
        ("224.0.0.0/4", true, false),
        ("240.0.0.0/4", false, false),
    ] {
        let network: ipnet::Ipv4Net = network.parse().unwrap();
        let judge = |number: Option<u32>| {
            number.is_some_and(|n| {
                judge_address(Ipv4Addr::from_bits(n).into(), &AddressPolicy::default()).is_ok()
            })
        };
        let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
        assert!(!judge(Some(first)) && !judge(Some(last)), "{network}");
        assert_eq!(judge(first.checked_sub(1)), below_public, "below {network}");
        assert_eq!(judge(last.checked_add(1)), above_public, "above {network}");
    }
    for (network, below_public, above_public) in [
        ("2001::/23", true, true),
        ("2001:db8::/32", true, true),
        ("2002::/16", true, true),
        ("3fff::/20", true, true),
    ] {
        let network: ipnet::Ipv6Net = network.parse().unwrap();
        let judge = |n: u128| judge_address(Ipv6Addr::from_bits(n).into(), &AddressPolicy::default()).is_ok();
        let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
        assert!(!judge(first) && !judge(last), "{network}");
        assert_eq!(judge(first - 1), below_public, "below {network}");
        assert_eq!(judge(last + 1), above_public, "above {network}");
    }
}

proptest! {
    #[test]
    fn no_ipv6_address_outside_the_global_space_passes_but_those_that_hold_a_public_ipv4_address(bits: u128) {
        let ip = Ipv6Addr::from_bits(bits);
        let outside = bits >> 125 != 1;
        let holds_v4 = bits >> 32 == 0xffff || bits >> 32 == 0x64_ff9b << 64;
        prop_assume!(outside && !holds_v4);
        prop_assert!(judge_address(ip.into(), &AddressPolicy::default()).is_err());
    }

    #[test]
    fn an_ipv4_address_in_ipv6_notation_is_judged_as_itself(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        let mapped = v4.to_ipv6_mapped();
        let nat64 = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
        for policy in [AddressPolicy::default(), AddressPolicy::allowing_private()] {
            let expected = judge_address(v4.into(), &policy).is_ok();
            prop_assert_eq!(judge_address(mapped.into(), &policy).is_ok(), expected);
            prop_assert_eq!(judge_address(nat64.into(), &policy).is_ok(), expected);
        }
    }

    #[test]
    fn every_spelling_of_an_ipv4_address_is_judged_alike(bits: u32) {
        let [a, b, c, d] = Ipv4Addr::from_bits(bits).octets();
        let expected = judge_address(Ipv4Addr::from_bits(bits).into(), &AddressPolicy::default()).is_ok();
        for host in [
            format!("{a}.{b}.{c}.{d}"),
            format!("{a}.{b}.{c}.{d}."),
            format!("{bits}"),
            format!("0x{bits:x}"),
            format!("0{bits:o}"),
            format!("0x{a:X}.0{b:o}.{c}.0x{d:02x}"),
            format!("{a}.{}", bits & 0xff_ffff),
            format!("{a}.{b}.{}", bits & 0xffff),
            format!("[::ffff:{a}.{b}.{c}.{d}]"),
            format!("[::ffff:{:x}:{:x}]", bits >> 16, bits & 0xffff),
        ] {
            let judged = production(&format!("http://{host}/"));
            prop_assert_eq!(judged.is_ok(), expected, "{}: {:?}", host, judged);
        }
    }

    #[test]
    fn a_public_address_stays_public_for_development_and_in_the_words_of_the_url(bits: u128) {
        let ip = Ipv6Addr::from_bits(bits >> 3 | 1 << 125);
        if judge_address(ip.into(), &AddressPolicy::default()).is_ok() {
            prop_assert!(judge_address(ip.into(), &AddressPolicy::allowing_private()).is_ok());
            prop_assert_eq!(production(&format!("https://[{ip}]/")), Ok(()));
        }
    }

    #[test]
    fn any_text_is_judged_without_a_panic_and_what_passes_names_no_user_and_no_inner_address(
        text in "(https?:)?(//)?[\\PC]{0,40}",
    ) {
        if let Ok(url) = judge_url(&text, &AddressPolicy::default()) {
            prop_assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
            prop_assert!(matches!(url.scheme(), "http" | "https"));
        }
    }
}
