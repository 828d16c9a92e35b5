//! Which URLs and addresses an issuer's documents may be fetched from.

use http::Uri;
use protocol::issuer::is_loopback_host;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the internet. What an issuer's metadata names can't make us connect to anything else.
    Public,
    /// Any, over https: the issuer is in a private network.
    Private,
    /// Loopback ones: the issuer runs on this machine.
    Loopback,
}

impl Reach {
    /// Whether an address may be connected to.
    #[cfg_attr(not(feature = "https"), expect(dead_code, reason = "only `Https` connects"))]
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Private => true,
            Self::Loopback => address.is_loopback(),
        }
    }

    /// Whether a URL may be fetched: https, or http if the issuer itself is on a loopback host.
    pub(crate) fn allows_url(self, url: &str) -> bool {
        let Ok(url) = url.parse::<Uri>() else { return false };
        let is_plain = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let is_secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") => self == Self::Loopback && url.host().is_some_and(is_loopback_host),
            _ => false,
        };
        is_plain && is_secure
    }
}

/// Whether an address belongs to the internet (the IANA special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || matches!((a, b), (0 | 240..=255, _) | (100, 64..=127) | (198, 18..=19))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99);
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let embedded =
        |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b) {
        // RFC 6052: what a NAT64 reaches is the IPv4 address at its end.
        (0x64, 0xff9b) => (c, d, e, f) == (0, 0, 0, 0) && embedded(high, low),
        // RFC 3056: as in 6to4. RFC 4380: Teredo. RFC 3849, RFC 9637: documentation. RFC 2928: special purposes.
        (0x2002, _) => embedded(b, c),
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // RFC 4291 §2.4: global unicast is assigned from 2000::/3.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn urls_are_https_or_on_this_machine() {
        for url in ["https://a.example", "https://a.example/keys?x=1", "https://10.0.0.1/keys"] {
            assert!(Reach::Public.allows_url(url), "{url}");
        }
        for url in [
            "http://a.example",
            "http://localhost:8080",
            "https://user@a.example",
            "https://a.example:b@c.example",
            "ftp://a.example",
            "file:///etc/passwd",
            "/keys",
            "",
            "a.example",
            "https://",
            "https://a.example /",
        ] {
            assert!(!Reach::Public.allows_url(url), "{url}");
        }
        assert!(Reach::Loopback.allows_url("http://localhost:8080/jwks"));
        assert!(Reach::Loopback.allows_url("http://127.0.0.1/jwks"));
        assert!(!Reach::Loopback.allows_url("http://a.example/jwks"));
        assert!(!Reach::Loopback.allows_url("http://localhost.evil.example/jwks"));
        assert!(!Reach::Private.allows_url("http://10.0.0.1/jwks"));
    }
}
