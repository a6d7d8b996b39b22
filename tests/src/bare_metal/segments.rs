//! The segments that a super-frame of the payload has to become, built by a crate that nothing
//! under test uses for it.

use etherparse::{
    IpHeaders, Ipv4Extensions, Ipv4Header, PacketBuilder, TcpHeader, TcpOptions, ip_number,
};

use super::contract::{headers, payload_byte};

/// How flags of the super-frame are dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// CWR to the first segment, PSH and FIN to the last (RFC 3168; what TCP itself would send).
    OnceEach,
    /// CWR to all, PSH and FIN to none (QEMU, up to the present).
    AsQemu,
}

/// The frames for `payload` bytes of TCP payload, cut to at most `cut` bytes each.
pub fn segments(payload: usize, cut: usize, flags: Flags) -> Vec<Vec<u8>> {
    let bytes: Vec<u8> = (0..payload).map(payload_byte).collect();
    let count = payload.div_ceil(cut);
    bytes
        .chunks(cut)
        .enumerate()
        .map(|(index, chunk)| {
            let (cwr, end) = match flags {
                Flags::OnceEach => (index == 0, index + 1 == count),
                Flags::AsQemu => (true, count == 1),
            };
            segment(chunk, index, cut, (cwr, end))
        })
        .collect()
}

fn segment(payload: &[u8], index: usize, cut: usize, (cwr, end): (bool, bool)) -> Vec<u8> {
    let mut ip = Ipv4Header::new(
        (20 + headers::OPTIONS.len() + payload.len()) as u16,
        headers::TTL,
        ip_number::TCP,
        headers::SOURCE_IP,
        headers::DESTINATION_IP,
    )
    .expect("the segment fits an IP packet");
    ip.identification = headers::IDENTIFICATION.wrapping_add(index as u16);
    ip.dont_fragment = true;
    let mut tcp = TcpHeader::new(
        headers::SOURCE_PORT,
        headers::DESTINATION_PORT,
        headers::SEQUENCE.wrapping_add((index * cut) as u32),
        headers::WINDOW,
    );
    tcp.acknowledgment_number = headers::ACKNOWLEDGEMENT;
    (tcp.ack, tcp.cwr, tcp.psh, tcp.fin) = (true, cwr, end, end);
    tcp.options = TcpOptions::try_from_slice(&headers::OPTIONS).expect("the options fit");
    let builder = PacketBuilder::ethernet2(headers::SOURCE, headers::DESTINATION)
        .ip(IpHeaders::Ipv4(ip, Ipv4Extensions::default()))
        .tcp_header(tcp);
    let mut frame = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut frame, payload).expect("a Vec takes everything");
    frame
}
