//! What Kubernetes sets for a Service named like us.

use super::*;

/// For a Service `keyward` with the ports `http` and `dns-udp`, and one `keyward-metrics` without a name of its port.
const LINKS: [(&str, &str); 18] = [
    ("KEYWARD_METRICS_PORT", "tcp://10.43.7.9:9090"),
    ("KEYWARD_METRICS_PORT_9090_TCP", "tcp://10.43.7.9:9090"),
    ("KEYWARD_METRICS_PORT_9090_TCP_ADDR", "10.43.7.9"),
    ("KEYWARD_METRICS_SERVICE_HOST", "10.43.7.9"),
    ("KEYWARD_METRICS_SERVICE_PORT", "9090"),
    ("KEYWARD_PORT", "tcp://10.43.0.17:8080"),
    ("KEYWARD_PORT_53_UDP", "udp://[fd00::17]:53"),
    ("KEYWARD_PORT_53_UDP_ADDR", "fd00::17"),
    ("KEYWARD_PORT_53_UDP_PORT", "53"),
    ("KEYWARD_PORT_53_UDP_PROTO", "udp"),
    ("KEYWARD_PORT_8080_TCP", "tcp://10.43.0.17:8080"),
    ("KEYWARD_PORT_8080_TCP_ADDR", "10.43.0.17"),
    ("KEYWARD_PORT_8080_TCP_PORT", "8080"),
    ("KEYWARD_PORT_8080_TCP_PROTO", "tcp"),
    ("KEYWARD_SERVICE_HOST", "10.43.0.17"),
    ("KEYWARD_SERVICE_PORT", "8080"),
    ("KEYWARD_SERVICE_PORT_DNS_UDP", "53"),
    ("KEYWARD_SERVICE_PORT_HTTP", "8080"),
];

#[test]
fn n217_service_links_are_passed_over_and_named() {
    let all = [&LINKS[..], &[("KEYWARD_SIGNUP", "open")]].concat();
    let raw = Raw::of(None, &Env::of(&all)).unwrap();
    assert!(decide(&raw).unwrap().signup);
    assert_eq!(raw.service_links().collect::<Vec<_>>(), LINKS.map(|(name, _)| name));
    assert_eq!(Raw::of(None, &Env::default()).unwrap().service_links().count(), 0);
}

#[test]
fn n217_what_only_resembles_a_service_link_is_refused() {
    for (name, value) in [
        ("KEYWARD_PORT", "8080"),
        ("KEYWARD_PORT", "http://10.43.0.17:8080"),
        ("KEYWARD_PORT", "tcp://keyward:8080"),
        ("KEYWARD_PORTS", "tcp://10.43.0.17:8080"),
        ("KEYWARD_PORT_8080_TCP", "tcp://10.43.0.17:9090"),
        ("KEYWARD_PORT_8080_TCP", "udp://10.43.0.17:8080"),
        ("KEYWARD_PORT_8080_TCP_PROTO", "udp"),
        ("KEYWARD_PORT_8080_TCP_PORT", "9090"),
        ("KEYWARD_PORT_8080_TCP_ADDR", "keyward"),
        ("KEYWARD_PORT_8080_TCP_ADDR_X", "10.43.0.17"),
        ("KEYWARD_PORT_HTTP_TCP_ADDR", "10.43.0.17"),
        ("KEYWARD_PORT_8080_HTTP_ADDR", "10.43.0.17"),
        ("KEYWARD_PORT_8080", "8080"),
        ("KEYWARD_SERVICE_HOST", "auth.example"),
        ("KEYWARD_SERVICE_PORT", "http"),
        ("KEYWARD_SERVICE_PORT", "80800"),
        ("KEYWARD_SERVICE_PORT", "+80"),
        ("KEYWARD_SERVICE_PORT", "0"),
        ("KEYWARD_SERVICE_HOST", "::"),
        ("KEYWARD_METRICS_LISTEN_PORT", "tcp://0.0.0.0:9090"),
        ("KEYWARD__PORT", "tcp://10.43.0.17:8080"),
        ("KEYWARD_SERVICE", "10.43.0.17"),
        ("KEYWARD_HOST", "10.43.0.17"),
        ("KEYWARD_MYSERVICE_HOST", "10.43.0.17"),
    ] {
        let key = name["KEYWARD_".len()..].to_ascii_lowercase();
        let text = complaint(of_env([(name, value)]), &key);
        assert!(text.contains("no such setting"), "{text}");
    }
}
