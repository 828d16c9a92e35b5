//! The variables that Kubernetes sets in every pod of a namespace for each Service in it (and Docker for a linked container).
//! For a Service whose name begins with `keyward` they look like settings, but nobody who runs the server set them.

use std::net::{IpAddr, SocketAddr};

/// Whether a variable is one of them: `KEYWARD_PORT=tcp://10.0.0.1:8080`, `KEYWARD_SERVICE_HOST`, `KEYWARD_SERVICE_PORT_HTTP`,
/// `KEYWARD_METRICS_PORT_9090_TCP_ADDR` and so on. `name` is without the prefix `KEYWARD_`. The value decides as well, so
/// that a setting that somebody made up is still refused.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    name.split('_').all(|word| !word.is_empty())
        && parts(name).any(|part| match part {
            "SERVICE_HOST" => is_address(value),
            "SERVICE_PORT" => is_port(value),
            "PORT" => url(value).is_some(),
            _ if part.starts_with("SERVICE_PORT_") => is_port(value),
            _ => part.strip_prefix("PORT_").is_some_and(|part| is_of_a_port(part, value)),
        })
}

/// The name, and what is left of it without its first words: the Service may have a longer name than ours.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('_').map(|(_, rest)| rest))
}

/// `8080_TCP` with the URL, or `8080_TCP_PROTO`, `8080_TCP_PORT`, `8080_TCP_ADDR` with a part of it.
fn is_of_a_port(part: &str, value: &str) -> bool {
    let mut words = part.split('_');
    let (Some(port), Some(protocol)) = (words.next(), words.next()) else { return false };
    let protocol = protocol.to_ascii_lowercase();
    if !is_port(port) || !is_protocol(&protocol) {
        return false;
    }
    match (words.next(), words.next()) {
        (None, _) => {
            url(value).is_some_and(|(scheme, at)| scheme == protocol && at.port().to_string() == port)
        }
        (Some("PROTO"), None) => value == protocol,
        (Some("PORT"), None) => value == port,
        (Some("ADDR"), None) => is_address(value),
        _ => false,
    }
}

/// `tcp://10.0.0.1:8080`.
fn url(value: &str) -> Option<(&str, SocketAddr)> {
    let (scheme, rest) = value.split_once("://")?;
    let at: SocketAddr = rest.parse().ok()?;
    (is_protocol(scheme) && !at.ip().is_unspecified()).then_some((scheme, at))
}

fn is_protocol(word: &str) -> bool {
    ["tcp", "udp", "sctp"].contains(&word)
}

fn is_address(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified())
}

fn is_port(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit()) && value.parse::<u16>().is_ok_and(|port| port != 0)
}
