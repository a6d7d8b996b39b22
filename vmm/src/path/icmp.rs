//! ICMP errors: when they may be sent, under which limit, and what they quote.

use std::time::Duration;

use etherparse::{
    Icmpv4Type, Icmpv6Type, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder,
};

use super::policy::IcmpPolicy;
use super::wire::Mac;

/// Longest ICMP error over IPv4 (RFC 1812, section 4.3.2.3).
const ERROR_MAX: usize = 576;
/// Longest ICMPv6 error (RFC 4443, section 2.4 c).
const ERROR_MAX_IPV6: usize = 1280;
/// ICMP header before the quote.
const ICMP_HEADER: usize = 8;
/// Errors are marked as network control (precedence 6: DSCP 48), as RFC 1812 wants.
const DSCP_CONTROL: u8 = 48;
const TTL: u8 = 64;

/// The limit on errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limiter {
    policy: IcmpPolicy,
    next_at: Duration,
}

impl Limiter {
    pub(super) fn new(policy: IcmpPolicy) -> Self {
        Self { policy, next_at: Duration::ZERO }
    }

    /// Goes on under another policy.
    pub(super) fn set(&mut self, policy: IcmpPolicy) {
        *self = Self { policy, ..*self };
    }

    /// Whether an error may be sent now; counts it.
    pub(super) fn allow(&mut self, now: Duration) -> bool {
        match self.policy {
            IcmpPolicy::All => true,
            IcmpPolicy::None => false,
            IcmpPolicy::Every(interval) => {
                let allowed = now >= self.next_at;
                if allowed {
                    self.next_at = now + interval;
                }
                allowed
            }
        }
    }
}

/// Whether an ICMP type is an error, about which no error may be sent.
pub(super) fn is_error(icmp_type: u8) -> bool {
    matches!(icmp_type, 3 | 4 | 5 | 11 | 12)
}

/// Whether an ICMP type is an echo or its answer.
pub(super) fn is_echo(icmp_type: u8) -> bool {
    matches!(icmp_type, 0 | 8)
}

/// Whether an ICMPv6 type is an error (RFC 4443: the high bit is clear).
pub(super) fn is_error6(icmp_type: u8) -> bool {
    icmp_type < 128
}

/// Whether an ICMPv6 type is an echo or its answer.
pub(super) fn is_echo6(icmp_type: u8) -> bool {
    matches!(icmp_type, 128 | 129)
}

/// Ethernet addresses of a frame to build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: Mac,
    pub(super) to: Mac,
}

/// An ICMP message with `payload` after its header. `None` if it would not fit a packet.
pub(super) fn message4(
    link: Link,
    from: [u8; 4],
    to: [u8; 4],
    kind: Icmpv4Type,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let mut header = Ipv4Header::new(0, TTL, IpNumber::ICMP, from, to).ok()?;
    header.dont_fragment = false;
    header.dscp = DSCP_CONTROL.try_into().ok()?;
    let builder = PacketBuilder::ethernet2(link.from, link.to)
        .ip(IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default()))
        .icmpv4(kind);
    let mut frame = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut frame, payload).ok()?;
    Some(frame)
}

/// An ICMPv6 message with `payload` after its header.
pub(super) fn message6(
    link: Link,
    from: [u8; 16],
    to: [u8; 16],
    hop_limit: u8,
    kind: Icmpv6Type,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let header = Ipv6Header {
        hop_limit,
        source: from,
        destination: to,
        next_header: IpNumber::IPV6_ICMP,
        ..Ipv6Header::default()
    };
    let builder = PacketBuilder::ethernet2(link.from, link.to)
        .ip(IpHeaders::Ipv6(header, etherparse::Ipv6Extensions::default()))
        .icmpv6(kind);
    let mut frame = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut frame, payload).ok()?;
    Some(frame)
}

/// How much of `packet` an IPv4 error quotes.
pub(super) fn quote(packet: &[u8]) -> &[u8] {
    &packet[..packet.len().min(ERROR_MAX - Ipv4Header::MIN_LEN - ICMP_HEADER)]
}

/// How much of `packet` an IPv6 error quotes.
pub(super) fn quote6(packet: &[u8]) -> &[u8] {
    &packet[..packet.len().min(ERROR_MAX_IPV6 - Ipv6Header::LEN - ICMP_HEADER)]
}
