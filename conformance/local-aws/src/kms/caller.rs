//! Who calls, and in which region: both are in the signature that AWS clients send (Signature Version 4).

use axum::http::{HeaderMap, header};

/// A caller is an access key. All callers share one account.
pub(crate) struct Caller {
    pub(crate) access_key: String,
    pub(crate) region: String,
}

impl Caller {
    /// Reads `AWS4-HMAC-SHA256 Credential=<access key>/<date>/<region>/kms/aws4_request, …`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let signed = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let parameters = signed.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let credential = parameters.split(',').find_map(|part| part.trim().strip_prefix("Credential="))?;
        let mut scope = credential.split('/');
        let (access_key, _date, region) = (scope.next()?, scope.next()?, scope.next()?);
        Some(Self { access_key: access_key.to_owned(), region: region.to_owned() })
    }
}
