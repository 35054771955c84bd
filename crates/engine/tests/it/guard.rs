//! The address guard: spellings of hosts that must not be reached, and those that must.

use std::net::IpAddr;

use sfumato_engine::guard::{AddressPolicy, BlockRule, RefusedUrl, URL_BYTES_MAX, judge_address, judge_url};

pub(crate) fn production(url: &str) -> Result<(), RefusedUrl> {
    judge_url(url, &AddressPolicy::default()).map(drop)
}

fn development(url: &str) -> Result<(), RefusedUrl> {
    judge_url(url, &AddressPolicy::allowing_private()).map(drop)
}

#[test]
fn whatever_a_host_leads_to_it_is_refused_with_the_same_words() {
    for host in [
        "127.0.0.1",
        "10.1.2.3",
        "[fe80::1]",
        "localhost",
        "db",
        "a.internal",
        "168.63.129.16",
    ] {
        assert_eq!(
            production(&format!("https://{host}/")),
            Err(RefusedUrl::Host),
            "{host}"
        );
    }
}

#[test]
fn spellings_that_programs_read_differently_are_refused_before_they_are_read() {
    use RefusedUrl::{Fragment, Scheme, Syntax, UserInfo};
    for (url, refused) in [
        ("", Syntax),
        ("example.com", Syntax),
        ("//example.com", Syntax),
        ("https", Syntax),
        ("https:", Syntax),
        ("https:/", Syntax),
        ("https://", Syntax),
        ("https:///", Syntax),
        ("https:example.com", Syntax),
        ("https:/example.com", Syntax),
        ("https:///example.com", Syntax),
        ("https:////127.0.0.1", Syntax),
        ("https:\\\\example.com", Syntax),
        ("https://example.com\\@127.0.0.1/", Syntax),
        (" https://example.com", Syntax),
        ("https://example.com ", Syntax),
        ("https://exa mple.com", Syntax),
        ("https://example.com/a b", Syntax),
        ("ht\ttps://example.com", Syntax),
        ("https://example.com/\r\nX-Auth-Token: a", Syntax),
        ("https://example.com/\0", Syntax),
        ("https://example.com\u{85}/", Syntax),
        ("https://example.com\u{2028}/", Syntax),
        ("https://[fe80::1%25eth0]/", Syntax),
        ("https://[fe80::1%eth0]/", Syntax),
        ("https://%31%32%37.0.0.1/", Syntax),
        ("https://127.0.0.1%2f.example.com/", Syntax),
        ("https://example.com%00.org/", Syntax),
        ("https://[::1/", Syntax),
        ("https://::1/", Syntax),
        ("https://[1:2:3]/", Syntax),
        ("https://256.256.256.256/", Syntax),
        ("https://127.0.0.1.1/", Syntax),
        ("https://4294967296/", Syntax),
        ("https://exa<mple.com/", Syntax),
        ("https://example.com:99999/", Syntax),
        ("https://example.com:-1/", Syntax),
        ("https://example.com:0x50/", Syntax),
        ("https://user@example.com/", UserInfo),
        ("https://user:pass@example.com/", UserInfo),
        ("https://@example.com/", UserInfo),
        ("https://:@example.com/", UserInfo),
        ("https://example.com@127.0.0.1/", UserInfo),
        ("https://example.com:80@127.0.0.1/", UserInfo),
        ("https://a@b@127.0.0.1/", UserInfo),
        ("https://example.com/#top", Fragment),
        ("https://example.com#@127.0.0.1/", Fragment),
        ("https://example.com?a#b", Fragment),
        ("ftp://example.com/", Scheme),
        ("file:///etc/passwd", Scheme),
        ("gopher://example.com:70/_", Scheme),
        ("ws://example.com/", Scheme),
        ("unix:/run/docker.sock", Scheme),
        ("javascript:alert(1)", Scheme),
        ("data:text/plain,a", Scheme),
        ("dict://example.com:11211/", Scheme),
        ("httpss://example.com/", Scheme),
        ("localhost:8080/", Scheme),
    ] {
        assert_eq!(production(url), Err(refused), "{url:?}");
        assert_eq!(development(url), Err(refused), "{url:?}");
    }
}

#[test]
fn public_hosts_are_accepted_and_the_parsed_url_is_returned() {
    for url in [
        "https://example.com",
        "https://example.com/",
        "HTTPS://EXAMPLE.COM/Hook?customer=1&x=%20@",
        "https://example.com./hook",
        "http://hooks.example.co.uk:8080/a/b",
        "https://example.com:443/",
        "https://example.com:1024/",
        "https://example.com:65535/",
        "https://münchen.example/",
        "https://xn--mnchen-3ya.example/",
        "https://localhost.example.com/",
        "https://local.example/",
        "https://internal.example.com/",
        "https://notlocal.notinternal/",
        "https://8.8.8.8/",
        "https://134744072/",
        "https://172.32.0.1/",
        "https://172.15.255.255/",
        "https://192.0.1.1/",
        "https://100.63.255.255/",
        "https://100.128.0.1/",
        "https://198.17.255.255/",
        "https://198.20.0.1/",
        "https://223.255.255.255/",
        "https://168.63.129.17/",
        "https://[2606:4700:4700::1111]/",
        "https://[2001:4860:4860::8888]:8443/",
        "https://[2001:200::1]/",
        "https://[2a00:1450::1]/",
        "https://[3ffe::1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://example.com/path;v=1/~user/?q=a:b@c",
    ] {
        assert_eq!(production(url), Ok(()), "{url}");
    }
    let url = judge_url("https://EXAMPLE.com:8443/Hook?a=b", &AddressPolicy::default()).unwrap();
    assert_eq!(
        (url.host_str(), url.port(), url.path(), url.query()),
        (Some("example.com"), Some(8443), "/Hook", Some("a=b"))
    );
}

#[test]
fn ports_of_other_services_are_refused() {
    for port in [
        0, 1, 21, 22, 23, 25, 53, 79, 81, 110, 139, 445, 442, 444, 587, 631, 873, 1023,
    ] {
        assert_eq!(
            production(&format!("http://example.com:{port}/")),
            Err(RefusedUrl::Port),
            "{port}"
        );
    }
    for port in [
        1433, 2049, 2375, 2379, 3306, 3389, 5432, 5672, 6379, 6443, 9042, 9092, 9200, 10250, 11211, 27017,
    ] {
        assert_eq!(
            production(&format!("http://example.com:{port}/")),
            Err(RefusedUrl::Port),
            "{port}"
        );
        assert_eq!(
            development(&format!("http://localhost:{port}/")),
            Err(RefusedUrl::Port),
            "{port}"
        );
    }
    for port in [
        80, 443, 1024, 3000, 4000, 5000, 8000, 8080, 8443, 8888, 9000, 49_152,
    ] {
        assert_eq!(
            production(&format!("http://example.com:{port}/")),
            Ok(()),
            "{port}"
        );
    }
}

#[test]
fn a_url_is_limited_in_length() {
    let longest = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX - 20));
    assert_eq!(longest.len(), URL_BYTES_MAX);
    assert_eq!(production(&longest), Ok(()));
    assert_eq!(production(&format!("{longest}a")), Err(RefusedUrl::TooLong));
    let label = "a".repeat(63);
    assert_eq!(production(&format!("https://{label}.example/")), Ok(()));
    assert!(production(&format!("https://{label}a.example/")).is_err());
    let name = format!("{label}.{label}.{label}.{label}.example");
    assert!(production(&format!("https://{name}/")).is_err());
}

#[test]
fn the_switch_for_development_opens_loopback_and_private_networks_but_no_metadata_service() {
    for host in [
        "localhost",
        "localhost.",
        "receiver",
        "host.docker.internal",
        "laptop.local",
        "127.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "[fd12:3456::1]",
        "8.8.8.8",
    ] {
        assert_eq!(development(&format!("http://{host}:9000/hook")), Ok(()), "{host}");
    }
    for host in [
        "169.254.169.254",
        "169.254.0.1",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[fd00:c1::a9fe:a9fe]",
        "[fd00:42::42]",
        "[fd00:a9fe:a9fe::1]",
        "[fd00:100::100:200]",
        "[fe80::1]",
        "[fec0::1]",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "255.255.255.255",
        "[ff02::1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
    ] {
        assert_eq!(
            development(&format!("http://{host}:9000/hook")),
            Err(RefusedUrl::Host),
            "{host}"
        );
    }
}

#[test]
fn the_operator_opens_networks_requires_https_and_denies_the_servers_own_addresses() {
    let policy =
        AddressPolicy::default().allowing(["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    assert!(judge_url("http://10.1.2.3/", &policy).is_ok());
    assert!(judge_url("http://[::ffff:10.1.2.3]/", &policy).is_ok());
    assert!(judge_url("http://[64:ff9b::10.1.2.3]/", &policy).is_ok());
    assert!(judge_url("http://[fd00::1]/", &policy).is_ok());
    assert_eq!(judge_url("http://10.2.2.3/", &policy), Err(RefusedUrl::Host));
    assert_eq!(judge_url("http://localhost/", &policy), Err(RefusedUrl::Host));

    let policy = AddressPolicy::default().requiring_https();
    assert_eq!(
        judge_url("http://example.com/", &policy),
        Err(RefusedUrl::HttpsRequired)
    );
    assert!(judge_url("https://example.com/", &policy).is_ok());

    let own: IpAddr = "8.8.8.8".parse().unwrap();
    let policy = AddressPolicy::default().denying_own([own]);
    for spelling in ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"] {
        let blocked = judge_address(spelling.parse().unwrap(), &policy).unwrap_err();
        assert_eq!(blocked.rule, BlockRule::Own, "{spelling}");
    }
    assert!(judge_address("8.8.4.4".parse().unwrap(), &policy).is_ok());
    let policy = policy.allowing(["8.8.8.8/32".parse().unwrap()]);
    assert!(
        judge_address(own, &policy).is_ok(),
        "the operator's word counts more"
    );
}
