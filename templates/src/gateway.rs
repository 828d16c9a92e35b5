//! Configurations of gateways that verify access tokens. They are files, not pages: what an operator chose is a type that
//! escapes it for the format it is written into, or, in XML, is escaped by askama as in HTML.

use askama::Template;
use std::fmt::{self, Display, Formatter, Write as _};

/// The configuration for a gateway in front of an API.
#[derive(Debug, Template)]
pub enum Gateway<'a> {
    /// Amazon API Gateway, HTTP API: resources of a CloudFormation template.
    #[template(path = "gateway/aws-http.yml")]
    AwsHttp {
        /// The API behind it.
        api: Api<'a, Yaml<'a>>,
    },
    /// Amazon API Gateway, REST API: the same.
    #[template(path = "gateway/aws-rest.yml")]
    AwsRest {
        /// The API behind it.
        api: Api<'a, Yaml<'a>>,
    },
    /// AWS Application Load Balancer: the same.
    #[template(path = "gateway/alb.yml")]
    Alb {
        /// The API behind it.
        api: Api<'a, Yaml<'a>>,
    },
    /// Azure API Management: a policy.
    #[template(path = "gateway/apim.xml")]
    Apim {
        /// The API behind it.
        api: Api<'a, &'a str>,
    },
    /// Envoy: a whole configuration.
    #[template(path = "gateway/envoy.yml")]
    Envoy {
        /// The API behind it.
        api: Api<'a, Yaml<'a>>,
    },
    /// nginx: a file for `conf.d`.
    #[template(path = "gateway/nginx.txt")]
    Nginx {
        /// The API behind it.
        api: Api<'a, Lua<'a>>,
    },
}

/// An API, and the issuer of its tokens. The parts of the issuer identifier have only characters that mean nothing in
/// any of the formats: letters, digits and `-._~:/[]`.
#[derive(Clone, Copy, Debug)]
pub struct Api<'a, T> {
    /// What tokens for the API have in `aud`.
    pub audience: T,
    /// The scope that every call needs.
    pub scope: Option<T>,
    /// The algorithms that the gateway accepts, separated by commas.
    pub algorithms: &'a str,
    /// The issuer identifier.
    pub issuer: &'a str,
    /// Whether it is https.
    pub is_https: bool,
    /// Its host and port, as they are in it.
    pub authority: &'a str,
    /// Its host; an IPv6 literal in brackets.
    pub host: &'a str,
    /// Its host; an IPv6 literal without brackets.
    pub address: &'a str,
    /// Its port.
    pub port: u16,
    /// Its path; empty if there is none.
    pub path: &'a str,
}

/// A text between double quotes in YAML (YAML 1.2 §7.3.1).
#[derive(Clone, Copy, Debug)]
pub struct Yaml<'a>(&'a str);

impl<'a> From<&'a str> for Yaml<'a> {
    fn from(text: &'a str) -> Self {
        Self(text)
    }
}

impl Display for Yaml<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(f, "\\{c}"),
            ' '..='~' => f.write_char(c),
            _ => write!(f, "\\U{:08x}", u32::from(c)),
        })
    }
}

/// A text between double quotes in Lua (Lua 5.1 §2.1), inside a block of nginx, which counts braces.
#[derive(Clone, Copy, Debug)]
pub struct Lua<'a>(&'a str);

impl<'a> From<&'a str> for Lua<'a> {
    fn from(text: &'a str) -> Self {
        Self(text)
    }
}

impl Display for Lua<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' => f.write_char(byte.into()),
            _ if byte.is_ascii_alphanumeric() => f.write_char(byte.into()),
            _ => write!(f, "\\{byte:03}"),
        })
    }
}
