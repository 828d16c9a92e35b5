//! Settings while their rows are read.

use super::settings::{ClientIp, KeysSetting, LogFormat, OriginSecret, RotatedBy};
use super::store::StorageSetting;
use protocol::claims::catalog::Declared;
use protocol::issuer::Issuer;
use protocol::jwk::Algorithm;
use protocol::lifetimes::Lifetimes;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What the rows of the table fill in; `None` where the default depends on other keys.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) issuer: Option<Issuer>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) storage: Option<StorageSetting>,
    pub(super) keys: Option<KeysSetting>,
    pub(super) signing_algs: Vec<Algorithm>,
    pub(super) signatures_per_second: u32,
    pub(super) rotation: Option<RotatedBy>,
    pub(super) lifetimes: Lifetimes,
    pub(super) refresh_reuse_grace: Duration,
    pub(super) key_rotation_period: Duration,
    pub(super) key_publish_lead: Duration,
    pub(super) key_retire_after: Duration,
    pub(super) signup: Option<bool>,
    pub(super) rate_limits: bool,
    pub(super) client_ip: Option<ClientIp>,
    pub(super) origin_secret: Vec<OriginSecret>,
    pub(super) idle_timeout: Duration,
    pub(super) header_timeout: Duration,
    pub(super) outbound_ca: Option<PathBuf>,
    pub(super) outbound_allow_loopback: bool,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) security_contact: Vec<String>,
    pub(super) security_expires: Option<jiff::Timestamp>,
    pub(super) groups_claim: String,
    pub(super) claims: BTreeMap<String, Declared>,
    pub(super) log_format: Option<LogFormat>,
}
