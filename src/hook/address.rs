//! Where a webhook may go. A name from the config can be made to point anywhere; what counts is the address it resolves to
//! at the moment of connecting.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses a hook may reach besides public ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// The URL itself says loopback, and then nothing else is reached.
    pub(super) loopback: bool,
    /// The config says `allow_private = true`.
    pub(super) private: bool,
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Public,
    Private,
    Loopback,
    /// Link-local, metadata services, multicast, unspecified, reserved: no webhook lives there.
    Never,
}

/// Metadata and control services of cloud providers outside 169.254/16.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

impl Reach {
    /// Whether to connect; the error says why not.
    pub(super) fn check(self, address: IpAddr) -> Result<(), String> {
        match place(address) {
            Place::Public if !self.loopback => Ok(()),
            Place::Loopback if self.loopback => Ok(()),
            Place::Private if self.private && !self.loopback => Ok(()),
            Place::Private if !self.loopback => {
                Err(format!("{address} is private (allow_private = true would allow it)"))
            }
            Place::Loopback => Err(format!("{address} is loopback, which only a URL that says so may reach")),
            Place::Never => Err(format!("{address} is never a receiver")),
            Place::Public | Place::Private => Err(format!("{address} is not loopback, though the URL says so")),
        }
    }
}

/// Whether a host of a URL says loopback by itself.
pub(super) fn says_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| place(ip) == Place::Loopback)
}

fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(v4) => place_v4(v4),
        IpAddr::V6(v6) => inner_v4(v6).map_or_else(|| place_v6(v6), place_v4),
    }
}

fn place_v4(ip: Ipv4Addr) -> Place {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        _ if METADATA_V4.contains(&ip) => Place::Never,
        (127, ..) => Place::Loopback,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (198, 18..=19, _) => Place::Private,
        (0 | 224..=255, ..) | (169, 254, _) | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Place::Never,
        _ => Place::Public,
    }
}

fn place_v6(ip: Ipv6Addr) -> Place {
    let [first, second, ..] = ip.segments();
    match (first, second) {
        _ if ip == Ipv6Addr::LOCALHOST => Place::Loopback,
        _ if ip == METADATA_V6 => Place::Never,
        (0xfc00..=0xfdff, _) => Place::Private,
        (0x2001, 0x0000 | 0x0db8) => Place::Never,
        // Global unicast; everything else is link-local, site-local, multicast, unspecified or not given out.
        (0x2000..=0x3fff, _) => Place::Public,
        _ => Place::Never,
    }
}

/// The IPv4 address inside a mapped, translated (NAT64) or tunnelled (6to4) one: the packet ends up there.
fn inner_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(v4(high, low))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: Reach = Reach { loopback: false, private: false };

    fn check(reach: Reach, address: &str) -> bool {
        reach.check(address.parse().expect("an address")).is_ok()
    }

    #[test]
    fn metadata_and_link_local_are_never_reached() {
        let all = [(false, false), (false, true), (true, false), (true, true)];
        for (loopback, private) in all {
            for address in [
                "169.254.169.254",
                "169.254.0.1",
                "100.100.100.200",
                "168.63.129.16",
                "192.0.0.192",
                "0.0.0.0",
                "0.1.2.3",
                "255.255.255.255",
                "224.0.0.1",
                "240.0.0.1",
                "::",
                "fe80::1",
                "fec0::1",
                "ff02::1",
                "fd00:ec2::254",
                "::ffff:169.254.169.254",
                "64:ff9b::a9fe:a9fe",
                "2002:a9fe:a9fe::1",
                "2001:0:1::1",
                "::7f00:1",
            ] {
                assert!(!check(Reach { loopback, private }, address), "{address}");
            }
        }
    }

    #[test]
    fn private_needs_a_word_in_the_config_and_loopback_one_in_the_url() {
        let private = Reach { private: true, ..PUBLIC };
        let loopback = Reach { loopback: true, ..PUBLIC };
        for address in ["10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.1.2.3"] {
            assert_eq!(
                (check(PUBLIC, address), check(private, address), check(loopback, address)),
                (false, true, false)
            );
        }
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(
                (check(PUBLIC, address), check(private, address), check(loopback, address)),
                (false, false, true)
            );
        }
        for address in ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert_eq!(
                (check(PUBLIC, address), check(private, address), check(loopback, address)),
                (true, true, false)
            );
        }
    }

    #[test]
    fn only_plain_words_say_loopback() {
        for (host, says) in [
            ("localhost", true),
            ("LOCALHOST", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("localhost.example.com", false),
            ("2130706433", false),
            ("10.0.0.1", false),
            ("example.com", false),
        ] {
            assert_eq!(says_loopback(host), says, "{host}");
        }
    }
}
