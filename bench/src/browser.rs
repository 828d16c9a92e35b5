//! A user at a browser: follows redirects, keeps cookies, fills in our forms. Only what the flows need.

use crate::Outcome;
use crate::connection::{Answer, Connection};
use crate::request::{FORM, encode, request};
use std::net::SocketAddr;

/// More steps than any flow has.
const MOST_STEPS: usize = 8;

/// A browser and its user.
#[derive(Clone, Debug)]
pub struct Browser {
    address: SocketAddr,
    username: &'static str,
    password: &'static str,
    cookies: Vec<(String, String)>,
}

/// How a flow ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Sent to the client's redirect URI.
    Left(String),
    /// Not signed in: wrong (422), to wait (429), or too many are signing in (503).
    Refused(u16),
}

enum Turn {
    Go(String),
    Fill(String),
    End(End),
}

impl Browser {
    /// A browser without cookies.
    pub const fn new(address: SocketAddr, username: &'static str, password: &'static str) -> Self {
        Self { address, username, password, cookies: Vec::new() }
    }

    /// The cookies as a request's header line.
    pub fn cookie_line(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) }
    }

    /// Forgets the cookies whose names contain `part`.
    pub fn forget(&mut self, part: &str) {
        self.cookies.retain(|(name, _)| !name.contains(part));
    }

    /// Goes to a path, signs in and agrees to whatever is asked, until it is sent elsewhere.
    pub async fn walk(&mut self, connection: &mut Connection, path: &str) -> Outcome<End> {
        let mut sent = request("GET", path, self.address, &self.cookie_line(), "");
        for _ in 0..MOST_STEPS {
            let answer = connection.send(&sent).await?;
            self.keep_cookies(&answer);
            sent = match turn(&answer)? {
                Turn::End(end) => return Ok(end),
                Turn::Go(path) => request("GET", &path, self.address, &self.cookie_line(), ""),
                Turn::Fill(page) => self.fill(&page)?,
            };
        }
        Err("a walk through our pages does not end".into())
    }

    /// Opens a page of ours, and sends its form.
    pub async fn press(&mut self, connection: &mut Connection, path: &str) -> Outcome<()> {
        let answer = connection.send(&request("GET", path, self.address, &self.cookie_line(), "")).await?;
        self.keep_cookies(&answer);
        let Turn::Fill(page) = turn(&answer)? else { return Err(answer.unexpected()) };
        let answer = connection.send(&self.fill(&page)?).await?;
        self.keep_cookies(&answer);
        if answer.status < 400 { Ok(()) } else { Err(answer.unexpected()) }
    }

    fn keep_cookies(&mut self, answer: &Answer<'_>) {
        for set in answer.headers("set-cookie") {
            let pair = set.split(';').next().and_then(|pair| pair.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.retain(|(own, _)| own != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Fills in the form of a page: what it holds already, and this user's name and password.
    fn fill(&self, page: &str) -> Outcome<Vec<u8>> {
        let form = page.split_once("<form").ok_or("a page without a form")?.1;
        let action = attribute(form, "action").ok_or("a form without an action")?;
        let mut fields: Vec<(&str, &str)> = form.split("<input").skip(1).filter_map(filled).collect();
        if form.contains(r#"name="password""#) {
            fields.extend([("username", self.username), ("password", self.password)]);
        } else {
            fields.push(("decision", "approve"));
        }
        let origin = format!("Origin: http://localhost:{}\r\n", self.address.port());
        let head = format!("{FORM}{origin}{}", self.cookie_line());
        Ok(request("POST", action, self.address, &head, &encode(&fields)))
    }
}

fn turn(answer: &Answer<'_>) -> Outcome<Turn> {
    match (answer.status, answer.header("location")) {
        (303, Some(path)) if path.starts_with('/') => Ok(Turn::Go(path.to_owned())),
        (303, Some(url)) => Ok(Turn::End(End::Left(url.to_owned()))),
        (200, _) => Ok(Turn::Fill(answer.text()?.to_owned())),
        (422 | 429 | 503, _) => Ok(Turn::End(End::Refused(answer.status))),
        _ => Err(answer.unexpected()),
    }
}

/// Name and value of an input that has one already.
fn filled(input: &str) -> Option<(&str, &str)> {
    let input = input.split('>').next()?;
    let typed = [r#"type="text""#, r#"type="password""#].iter().any(|kind| input.contains(kind));
    if typed { None } else { attribute(input, "name").zip(attribute(input, "value")) }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let tag = tag.split('>').next()?;
    let value = tag.split_once(&format!(r#" {name}=""#))?.1;
    value.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<main><form method="post" action="/login">
        <input type="hidden" name="r" value="abc">
        <input type="text" name="username" value=""><input type="password" name="password">
        <button>Sign in</button></form>"#;

    #[test]
    fn a_form_is_filled_in() {
        let mut browser = Browser::new(([127, 0, 0, 1], 80).into(), "ann", "a b");
        browser.cookies.push(("kw-b".into(), "1".into()));
        let sent = String::from_utf8(browser.fill(PAGE).unwrap()).unwrap();
        assert!(sent.starts_with("POST /login HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains("Cookie: kw-b=1\r\n"), "{sent}");
        assert!(sent.ends_with("\r\n\r\nr=abc&username=ann&password=a%20b"), "{sent}");
    }

    #[test]
    fn a_page_without_a_form_is_the_end_of_the_way() {
        let browser = Browser::new(([127, 0, 0, 1], 80).into(), "ann", "a b");
        assert!(browser.fill("<main>nothing</main>").is_err());
    }
}
