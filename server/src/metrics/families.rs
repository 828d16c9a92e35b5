//! The metrics by name: what the text and the reference page are made of.

/// The kind of a metric, in Prometheus's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of durations by their length.
    Histogram,
}

impl Kind {
    /// Its name in the text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric with all its labels.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it says, in one sentence without line breaks and backslashes.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

macro_rules! families {
    ($($constant:ident $name:literal $kind:ident [$($label:literal),*] $help:literal;)+) => {
        $(pub(super) const $constant: Family =
            Family { name: $name, kind: Kind::$kind, help: $help, labels: &[$($label),*] };)+

        /// All of them, in the order of the text.
        pub(super) const ALL: &[Family] = &[$($constant),+];
    };
}

families! {
    BUILD "keyward_build_info" Gauge ["version"]
        "Always 1; the label is the program's version.";
    STARTED "process_start_time_seconds" Gauge []
        "When the process started, in seconds since 1970.";
    REQUESTS "keyward_requests_total" Counter ["endpoint", "status", "error"]
        "Requests that ended, by endpoint, class of the status, and error code of OAuth if the answer has one.";
    REQUEST_TIME "keyward_request_duration_seconds" Histogram ["endpoint"]
        "Time from a request's head to its answer.";
    IN_PROGRESS "keyward_requests_in_progress" Gauge []
        "Requests that have begun and not ended.";
    REFUSALS "keyward_refusals_total" Counter ["reason"]
        "Requests that were refused, by reason.";
    SIGN_INS "keyward_sign_ins_total" Counter ["outcome"]
        "Password checks of sign-ins and of the account page, by how they ended.";
    PASSWORD_PLACES "keyward_password_places" Gauge []
        "Password computations that may run at a time.";
    PASSWORDS_BUSY "keyward_passwords_busy" Gauge []
        "Password computations that run, or whose turn it is.";
    PASSWORDS_WAITING "keyward_passwords_waiting" Gauge ["caller"]
        "Callers that wait for a password computation: strangers, and callers that the account knows.";
    PASSWORDS_REFUSED "keyward_passwords_refused_total" Counter []
        "Password computations that were refused because too many callers were waiting.";
    PASSWORD_TIME "keyward_password_duration_seconds" Histogram []
        "Time of a password computation, without waiting.";
    STORE_CALLS "keyward_store_calls_total" Counter ["operation", "outcome"]
        "Calls of the store, by operation and how they ended.";
    STORE_TIME "keyward_store_call_duration_seconds" Histogram ["operation"]
        "Time of a call of the store, with its queue and its retries.";
    KMS_CALLS "keyward_kms_calls_total" Counter ["call", "outcome"]
        "Calls of AWS KMS, by call and how they ended after retries.";
    KMS_TIME "keyward_kms_call_duration_seconds" Histogram ["call"]
        "Time of a call of AWS KMS, with its retries.";
    RING_AGE "keyward_key_ring_age_seconds" Gauge []
        "Time since the key ring was last read from the store.";
    ROTATION_DUE "keyward_key_rotation_due_seconds" Gauge []
        "Time until the next signing key takes over; negative when it should have and there is none.";
    ROTATION_OVERDUE "keyward_key_rotation_overdue" Gauge []
        "1 if a signing key has no successor although its period is over, else 0.";
    SIGNING_KEYS "keyward_signing_keys" Gauge ["state"]
        "Signing keys in the key ring, by state.";
    CONNECTIONS "keyward_connections" Gauge []
        "Open connections of the public listener.";
    CONNECTIONS_TOTAL "keyward_connections_total" Counter ["event"]
        "Connections of the public listener that were accepted, refused because their network had too many, or closed while idle to make room.";
}
