//! Changing headers where they lie: addresses, and checksums that follow a change (RFC 1624).

/// Bytes of an Ethernet header.
pub(super) const ETHERNET: usize = 14;

/// A MAC address.
pub(super) type Mac = [u8; 6];

/// Everyone.
pub(super) const BROADCAST: Mac = [0xff; 6];

/// Whether frames to `mac` go to a group.
pub(super) fn is_group(mac: Mac) -> bool {
    mac[0] & 1 != 0
}

/// The addresses and the EtherType of a frame, and what it carries.
pub(super) fn split(frame: &[u8]) -> Option<(Mac, Mac, u16, &[u8])> {
    let (to, rest) = frame.split_first_chunk::<6>()?;
    let (from, rest) = rest.split_first_chunk::<6>()?;
    let (ether_type, packet) = rest.split_first_chunk::<2>()?;
    Some((*to, *from, u16::from_be_bytes(*ether_type), packet))
}

/// Writes the addresses of a frame that has an Ethernet header.
pub(super) fn address(frame: &mut [u8], to: Mac, from: Mac) {
    frame[..6].copy_from_slice(&to);
    frame[6..12].copy_from_slice(&from);
}

/// The big-endian word at `at`, if there is one.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|word| u16::from_be_bytes(*word))
}

/// The checksum after a word under it changed from `old` to `new` (RFC 1624, equation 3).
pub(super) fn adjust(checksum: u16, old: u16, new: u16) -> u16 {
    let mut sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}

/// Reads `02:00:00:00:00:01`.
pub(super) fn parse_mac(text: &str) -> Result<Mac, String> {
    let mut bytes = text.split(':').map(|part| u8::from_str_radix(part, 16));
    let mut mac = [0; 6];
    for byte in &mut mac {
        *byte = bytes.next().and_then(Result::ok).ok_or("write six bytes, 02:00:00:00:00:01")?;
    }
    match bytes.next() {
        Some(_) => Err("longer than six bytes".into()),
        None if is_group(mac) => Err("a group address; clear the lowest bit of byte one".into()),
        None => Ok(mac),
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
