//! The front end's header with the caller's address. The input is a line of the header, as the caller and the front end
//! wrote it, and what the caller sent as `Host`.

use protocol::forwarded::Syntax;
use std::net::{IpAddr, SocketAddr};

/// A header's line.
pub fn forwarded(data: &[u8]) {
    let host = quoted(data);
    for syntax in [Syntax::Addresses, Syntax::Forwarded] {
        let read = syntax.caller(data);
        assert!(read.is_none_or(|address| !address.is_unspecified() && address == address.to_canonical()));
        for address in read.into_iter().chain([[192, 0, 2, 1].into()]) {
            for way in ways(address) {
                let entry = match syntax {
                    Syntax::Addresses => way.into_bytes(),
                    // What was sent as `Host` is repeated.
                    Syntax::Forwarded => {
                        let begin = format!("for=\"{way}\";host=\"");
                        [begin.as_bytes(), &host, b"\";proto=https"].concat()
                    }
                };
                assert_eq!(syntax.caller(&entry), Some(address), "{}", entry.escape_ascii());
                // Whatever comes before what the front end appended.
                let appended = [data, b", ", &entry].concat();
                assert_eq!(syntax.caller(&appended), Some(address), "{}", appended.escape_ascii());
            }
        }
    }
}

/// The text as a quoted string without its quotation marks (RFC 9110 §5.6.4).
fn quoted(text: &[u8]) -> Vec<u8> {
    let escaped = |byte: &u8| matches!(byte, b'"' | b'\\').then_some(b'\\').into_iter().chain([*byte]);
    text.iter().flat_map(escaped).collect()
}

/// How front ends write an address.
fn ways(address: IpAddr) -> [String; 3] {
    let with_port = SocketAddr::new(address, 443).to_string();
    let bare = with_port.trim_end_matches(":443").to_owned();
    [address.to_string(), bare, with_port]
}
