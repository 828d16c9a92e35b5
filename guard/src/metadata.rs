//! The metadata of an API (RFC 9728), by which clients find out where to get tokens for it.

use serde::Serialize;

/// The document at `/.well-known/oauth-protected-resource`.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceMetadata {
    resource: String,
    authorization_servers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
}

impl ResourceMetadata {
    /// Of the API with this identifier, an https URL without a fragment; its tokens come from this issuer.
    pub fn new(resource: &str, issuer: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            authorization_servers: vec![issuer.to_owned()],
            scopes_supported: Vec::new(),
            bearer_methods_supported: ["header"],
        }
    }

    /// Another issuer of its tokens.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.authorization_servers.push(issuer.to_owned());
        self
    }

    /// The scopes that clients may ask for.
    #[must_use]
    pub fn scopes<'a>(mut self, scopes: impl IntoIterator<Item = &'a str>) -> Self {
        self.scopes_supported.extend(scopes.into_iter().map(ToOwned::to_owned));
        self
    }

    /// The path that it is served at: the well-known one, before the path of the identifier (RFC 9728 §3).
    pub fn path(&self) -> String {
        let [_, path, _] = self.split();
        format!("/.well-known/oauth-protected-resource{path}")
    }

    /// The URL that it is served at, with the identifier's query.
    pub fn url(&self) -> String {
        let [origin, _, query] = self.split();
        format!("{origin}{}{query}", self.path())
    }

    /// The document.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The origin, the path and the query of the identifier; a slash alone is no path.
    fn split(&self) -> [&str; 3] {
        let (before, query) = self.resource.split_at(self.resource.find('?').unwrap_or(self.resource.len()));
        let host = before.find("://").map_or(0, |at| at + 3);
        let path = before.get(host..).and_then(|rest| rest.find('/')).map_or(before.len(), |at| host + at);
        let (origin, path) = before.split_at(path);
        [origin, if path == "/" { "" } else { path }, query]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_before_the_path_of_the_resource() {
        for (resource, url) in [
            ("https://a.example", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource"),
            (
                "https://a.example:8443/orders/v1",
                "https://a.example:8443/.well-known/oauth-protected-resource/orders/v1",
            ),
            ("https://a.example?t=/1", "https://a.example/.well-known/oauth-protected-resource?t=/1"),
            ("https://a.example/x?t=1", "https://a.example/.well-known/oauth-protected-resource/x?t=1"),
        ] {
            assert_eq!(ResourceMetadata::new(resource, "https://login.example").url(), url);
        }
        let document =
            ResourceMetadata::new("https://a.example", "https://login.example").scopes(["read"]).json();
        assert_eq!(
            document,
            r#"{"resource":"https://a.example","authorization_servers":["https://login.example"],"scopes_supported":["read"],"bearer_methods_supported":["header"]}"#
        );
    }
}
