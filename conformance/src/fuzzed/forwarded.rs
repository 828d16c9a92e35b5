//! What a front end says of a caller. The input is a line of the header, as the caller and the front end wrote it.

use protocol::forwarded::Syntax;
use std::net::{IpAddr, SocketAddr};

/// A header's line.
pub fn forwarded(data: &[u8]) {
    for syntax in [Syntax::Addresses, Syntax::Forwarded] {
        let Some(address) = syntax.caller(data) else { continue };
        assert!(!address.is_unspecified() && address == address.to_canonical());
        for way in ways(address) {
            let entry = if syntax == Syntax::Forwarded { format!("for=\"{way}\";proto=https") } else { way };
            assert_eq!(syntax.caller(entry.as_bytes()), Some(address), "{entry}");
            // Whatever stands before what the front end appended.
            let appended = [data, b", ", entry.as_bytes()].concat();
            assert_eq!(syntax.caller(&appended), Some(address), "{entry}");
        }
    }
}

/// How front ends write an address.
fn ways(address: IpAddr) -> [String; 3] {
    let with_port = SocketAddr::new(address, 443).to_string();
    let bare = with_port.trim_end_matches(":443").to_owned();
    [address.to_string(), bare, with_port]
}
